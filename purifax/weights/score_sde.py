"""Song et al.'s checkpoints of DDPM, DDPM++ and NCSN++ as networks.

They exist as Flax train states (msgpack), whose entry "params_ema" is read, and as
PyTorch dictionaries, whose "model" is a list of modules by number and whose "ema" is
the list of averaged parameters in the same order. DiffPure uses the latter.

Modules in both are numbered in the order in which the forward pass uses them;
`score_sde_layout` gives that order for our modules.

Source: Song et al. 2021, arXiv 2011.13456.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from purifax import nets
from purifax.weights import score_sde_layout, states

__all__ = ["convert", "negated"]

_KIND = "DDPM++ or NCSN++"


def convert(
    stored: Mapping[str, Any],
    *,
    entry: Literal["ema", "raw"] = "ema",
    attention: tuple[int, ...] = (16,),
    side: int = 32,
) -> nets.Network:
    """The network of a checkpoint: `UNet2D`, `DDPMpp`, or, with Fourier features,
    `NCSNpp`.

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
    numbered = "model" in stored
    if numbered and not any("all_modules." in name for name in stored["model"]):
        raise ValueError(
            "the file's `model` has no `all_modules`, as DDPM, DDPM++ and NCSN++ have; "
            "an NCSNv2 of the same program is read by --from=ncsnv2. Its first names "
            f"are: {states.few(list(stored['model'])) or 'none'}."
        )
    arrays = (_torch if numbered else _flax)(stored, entry)
    module = score_sde_layout.module(arrays)
    count = len(score_sde_layout.widths(module))
    attending = tuple(k for k in range(count) if side >> k in attention)
    module = module.clone(attention=attending)
    ours = score_sde_layout.order(module, numbered)
    by_path = {}
    for path, array in arrays.items():
        name = score_sde_layout.place(path, ours)
        if isinstance(module, nets.UNet2D) and name.endswith("shortcut/kernel"):
            array = array[None, None]  # a 1 x 1 convolution
        by_path[f"params/{name}"] = array
    shape = (side, side, module.channels)
    variables = states.fitted(_KIND, by_path, module, shape, 1.0)
    return nets.Network(module, variables)


def negated(network: nets.Network) -> nets.Network:
    """The network whose output has the other sign, by its last layers.

    A network of VE with index labels gives sigma times the score, and its negative is
    the noise.
    """
    params = {
        name: {leaf: -array for leaf, array in part.items()}
        if name.startswith("conv_out")
        else part
        for name, part in network.variables["params"].items()
    }
    return nets.Network(network.module, {**network.variables, "params": params})


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
        trained = {name: a for name, a in state.items() if name != "0/W"}
        state |= states.shadowed(
            trained, stored.get("ema", {}).get("shadow_params", [])
        )
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
