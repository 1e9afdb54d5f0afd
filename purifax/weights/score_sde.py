"""Song et al.'s checkpoints of DDPM++ and NCSN++ as networks.

They exist as Flax train states (msgpack), whose entry "params_ema" is read, and as
PyTorch dictionaries, whose "model" is a list of modules by number and whose "ema" is
the list of averaged parameters in the same order. DiffPure uses the latter.

Modules in both are numbered in the order in which the forward pass uses them; `_order`
gives that order for our modules.

Source: Song et al. 2021, arXiv 2011.13456.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from purifax import nets
from purifax.nets.song_unet import Song
from purifax.weights import states

__all__ = ["convert"]

_KIND = "DDPM++ or NCSN++"
_FLAX = {
    "fourier": "GaussianFourierProjection",
    "dense": "Dense",
    "conv": "Conv",
    "block": "ResnetBlockBigGANpp",
    "attention": "AttnBlockpp",
    "input": "Downsample",
    "norm": "GroupNorm",
}
_LAYERS = {
    "block": {
        "GroupNorm_0": "norm_0",
        "Conv_0": "conv_0",
        "Dense_0": "time",
        "GroupNorm_1": "norm_1",
        "Conv_1": "conv_1",
        "Conv_2": "shortcut",
    },
    "attention": {
        "GroupNorm_0": "norm",
        "NIN_0": "q",
        "NIN_1": "k",
        "NIN_2": "v",
        "NIN_3": "out",
    },
    "input": {"Conv2d_0": ""},
}


def convert(
    stored: Mapping[str, Any],
    *,
    entry: Literal["ema", "raw"] = "ema",
    attention: tuple[int, ...] = (16,),
    side: int = 32,
) -> nets.Network:
    """The network of a checkpoint: `DDPMpp`, or `NCSNpp` with Fourier features.

    Width, multiples and blocks follow from the arrays. A network with a pyramid of
    inputs filters when it changes the resolution, as in the published settings.

    Args:
        stored: the content of the file by `containers.read`.
        entry: "ema", the averaged parameters, or "raw".
        attention: resolutions with attention.
        side: height of the images.

    Raises:
        ValueError: it is another network, or arrays are missing, unknown or of a wrong
            shape; it names them.
    """
    if entry not in ("ema", "raw"):
        raise ValueError(f'`entry` must be "ema" or "raw"; got {entry!r}.')
    arrays = (_torch if "model" in stored else _flax)(stored, entry)
    module = _module(arrays)
    levels = range(len(module.multiples))
    attending = tuple(level for level in levels if side >> level in attention)
    module = module.clone(attention=attending)
    ours = _order(module, numbered="model" in stored)
    by_path = {}
    for path, array in arrays.items():
        head, *layer, leaf = path.split("/")
        kind, name = ours.get(head, ("", head))
        layer = [_LAYERS[kind].get(n, n) for n in layer] if kind in _LAYERS else layer
        by_path["/".join(filter(None, ["params", name, *layer, leaf]))] = array
    shape = (side, side, module.channels)
    variables = states.fitted(_KIND, by_path, module, shape, 1.0)
    return nets.Network(module, variables)


def _flax(stored: Mapping[str, Any], entry: str) -> dict[str, np.ndarray]:
    """Paths in the train state to arrays in our layout."""
    if entry == "ema":
        tree = stored.get("params_ema", {})
    else:
        tree = stored.get("optimizer", {}).get("target", {})
    return dict(
        _laid_out(path, a, torch=False) for path, a in states.flat(tree).items()
    )


def _torch(stored: Mapping[str, Any], entry: str) -> dict[str, np.ndarray]:
    """ "7/Conv_0/kernel" to arrays in our layout.

    The averages have no names; they are in the order of the trained parameters in the
    state.
    """
    state = {
        name.removeprefix("module.").removeprefix("all_modules.").replace(".", "/"): a
        for name, a in stored["model"].items()
        if "all_modules." in name
    }
    if entry == "ema":
        trained = [name for name in state if name != "0/W"]
        shadows = stored.get("ema", {}).get("shadow_params", [])
        wrong = [
            name
            for name, shadow in zip(trained, shadows, strict=False)
            if shadow.shape != state[name].shape
        ]
        if len(shadows) != len(trained) or wrong:
            raise ValueError(
                f"the {len(shadows)} averages are not those of the {len(trained)} "
                f"parameters{': ' + states.few(wrong) if wrong else '.'}"
            )
        state |= dict(zip(trained, shadows, strict=True))
    return dict(_laid_out(path, array, torch=True) for path, array in state.items())


def _laid_out(path: str, array: np.ndarray, torch: bool) -> tuple[str, np.ndarray]:
    """Our name of the last part of the path, and the array in our layout."""
    node, _, leaf = path.rpartition("/")
    array = np.asarray(array)
    if torch and leaf == "weight":
        array = states.channels_last(array)
        leaf = "scale" if array.ndim == 1 else "kernel"
    # The matrices called W are [in, out] in both.
    leaf = {"W": "kernel", "b": "bias", "weight": "kernel"}.get(leaf, leaf)
    if array.ndim == 4 and array.shape[:2] == (1, 1):
        array = array[0, 0]
    if leaf == "kernel" and array.ndim == 1:
        leaf = "frequencies"
    return f"{node}/{leaf}", array


def _module(arrays: Mapping[str, np.ndarray]) -> Song:
    """The module with the widths and depths of the arrays."""
    heads = sorted({path.split("/")[0] for path in arrays}, key=_number)
    blocks = [head for head in heads if f"{head}/Conv_1/kernel" in arrays]
    sizes = [arrays[f"{head}/Conv_0/kernel"].shape[2:] for head in blocks]
    changing = [
        f"{head}/Conv_2/kernel" in arrays and old == new
        for head, (old, new) in zip(blocks, sizes, strict=True)
    ]
    levels = sum(changing) // 2 + 1
    each, rest = divmod(len(blocks) - 3 * levels, 2 * levels)
    first = [
        a for h in heads if (a := arrays.get(f"{h}/kernel", np.zeros(0))).ndim == 4
    ]
    if rest or each < 1 or not first:
        raise ValueError(
            f"this is not {_KIND}: its {len(blocks)} residual blocks, "
            f"{sum(changing)} of which change the resolution, make no UNet; its first "
            f"arrays are {states.few(list(arrays)) or 'none'}."
        )
    channels, width = first[0].shape[2:]
    fields: dict[str, Any] = {
        "channels": channels,
        "width": width,
        "multiples": tuple(sizes[k * (each + 1)][1] // width for k in range(levels)),
        "blocks": each,
        "filtered": any("/Conv2d_0/" in path for path in arrays),
    }
    fields["residual_input"] = fields["filtered"]
    fourier = any(path.endswith("/frequencies") for path in arrays)
    return nets.NCSNpp(**fields) if fourier else nets.DDPMpp(**fields)


def _number(head: str) -> int:
    return int(re.sub(r"\D", "", head) or 0)


def _order(module: Song, numbered: bool) -> dict[str, tuple[str, str]]:
    """The kind and our name of each module by its number in the forward pass."""
    kinds = list(_run(module))
    if numbered:
        return {str(i): found for i, found in enumerate(kinds)}
    seen = Counter()
    names = {}
    for kind, ours in kinds:
        names[f"{_FLAX[kind]}_{seen[kind]}"] = kind, ours
        seen[kind] += 1
    return names


def _run(module: Song) -> Iterator[tuple[str, str]]:
    """The kinds of the modules and our names, in the order of the forward pass."""
    if module.embedding == "fourier":
        yield "fourier", ""
    yield from [("dense", "time_0"), ("dense", "time_1"), ("conv", "conv_in")]
    last = len(module.multiples) - 1
    for k in range(last + 1):
        attends = k in module.attention
        for i in range(module.blocks):
            yield "block", f"down{k}_{i}"
            if attends:
                yield "attention", f"down{k}_{i}_attention"
        if k < last:
            yield "block", f"down{k}_half"
            if module.residual_input:
                yield "input", f"input{k}"
    yield "block", "middle_0"
    yield "attention", "middle_attention"
    yield "block", "middle_1"
    for k in range(last, -1, -1):
        for i in range(module.blocks + 1):
            yield "block", f"up{k}_{i}"
        if k in module.attention:
            yield "attention", f"up{k}_attention"
        if k > 0:
            yield "block", f"up{k}_double"
    yield from [("norm", "norm_out"), ("conv", "conv_out")]
