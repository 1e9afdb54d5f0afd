"""The order of the modules of Song et al.'s networks, and whose the arrays are."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.nets.song_unet import Song
from purifax.weights import states

__all__ = ["module", "order", "place", "widths"]

_KIND = "DDPM, DDPM++ or NCSN++"
# Kinds of modules, by the names of Flax.
_FLAX = {
    "fourier": "GaussianFourierProjection",
    "dense": "Dense",
    "conv": "Conv",
    "block": "ResnetBlockBigGANpp",
    "attention": "AttnBlockpp",
    "input": "Downsample",
    "combine": "Combine",
    "norm": "GroupNorm",
    "plain_block": "ResnetBlockDDPM",
    "plain_attention": "AttnBlock",
    "down": "Downsample",
    "up": "Upsample",
    "halved": "",  # modules without arrays, which PyTorch counts
    "doubled": "",
}
_PARTS = {"GroupNorm_0": "norm", "NIN_0": "q", "NIN_1": "k", "NIN_2": "v"}
_LAYERS = {
    "block": {
        "GroupNorm_0": "norm_0",
        "Conv_0": "conv_0",
        "Dense_0": "time",
        "GroupNorm_1": "norm_1",
        "Conv_1": "conv_1",
        "Conv_2": "shortcut",
    },
    "plain_block": {
        "GroupNorm_0": "norm1",
        "Conv_0": "conv1",
        "Dense_0": "time",
        "GroupNorm_1": "norm2",
        "Conv_1": "conv2",
        "NIN_0": "shortcut",
    },
    "attention": _PARTS | {"NIN_3": "out"},
    "plain_attention": _PARTS | {"NIN_3": "out"},
    "input": {"Conv2d_0": ""},
    "combine": {"Conv": "", "Conv_0": ""},
    "down": {"Conv_0": ""},
    "up": {"Conv_0": ""},
}

Module = Song | nets.UNet2D


def place(path: str, ours: Mapping[str, tuple[str, str]]) -> str:
    """Our path of an array: "7/Conv_0/kernel" -> "down0_0/conv_0/kernel"."""
    head, *layer, leaf = path.split("/")
    kind, name = ours.get(head, ("", head))
    names = _LAYERS.get(kind, {})
    return "/".join(filter(None, [name, *(names.get(n, n) for n in layer), leaf]))


def widths(made: Module) -> tuple[int, ...]:
    """One number for each level."""
    return made.widths if isinstance(made, nets.UNet2D) else made.multiples


def module(arrays: Mapping[str, np.ndarray]) -> Module:
    """The module with the widths and depths of the arrays; attention is left out."""
    heads = sorted({path.split("/")[0] for path in arrays}, key=_number)
    blocks = [head for head in heads if f"{head}/Conv_1/kernel" in arrays]
    sizes = [arrays[f"{head}/Conv_0/kernel"].shape[2:] for head in blocks]
    changing = [
        f"{head}/Conv_2/kernel" in arrays and old == new
        for head, (old, new) in zip(blocks, sizes, strict=True)
    ]
    if not any("/Conv_2/" in path for path in arrays):
        return _plain(arrays, heads, sizes)
    levels = sum(changing) // 2 + 1
    each, rest = divmod(len(blocks) - 3 * levels, 2 * levels)
    first = _first(arrays, heads)
    if rest or each < 1 or first is None:
        raise _unknown(arrays, len(blocks), sum(changing))
    fields: dict[str, Any] = {
        "channels": first[0],
        "width": first[1],
        "multiples": tuple(sizes[k * (each + 1)][1] // first[1] for k in range(levels)),
        "blocks": each,
        "residual_input": any("/Conv2d_0/" in path for path in arrays),
        "pyramids": _combines(arrays),
    }
    fields["filtered"] = fields["residual_input"] or fields["pyramids"]
    fourier = any(path.endswith("/frequencies") for path in arrays)
    return nets.NCSNpp(**fields) if fourier else nets.DDPMpp(**fields)


def _combines(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether halved images are added: 1 x 1 convolutions outside blocks."""
    dense = [p for p in arrays if re.fullmatch(r"[^/]+/Conv(_0)?/kernel", p)]
    return any(arrays[path].ndim == 2 for path in dense)


def _plain(
    arrays: Mapping[str, np.ndarray],
    heads: list[str],
    sizes: list[tuple[int, ...]],
) -> nets.UNet2D:
    """The network of DDPM, whose convolutions between levels are modules."""
    resizing = [
        head
        for head in heads
        if {p.split("/")[1] for p in arrays if p.startswith(f"{head}/")} == {"Conv_0"}
    ]
    levels, first = len(resizing) // 2 + 1, _first(arrays, heads)
    each, rest = divmod(len(sizes) - 2 - levels, 2 * levels)
    if rest or each < 1 or first is None or len(resizing) % 2:
        raise _unknown(arrays, len(sizes), len(resizing))
    return nets.UNet2D(
        channels=first[0],
        widths=tuple(sizes[k * each][1] for k in range(levels)),
        blocks=each,
        attention=(),
        last_attention=True,
    )


def _first(
    arrays: Mapping[str, np.ndarray], heads: list[str]
) -> tuple[int, int] | None:
    """The channels of the image and of the first features."""
    for head in heads:
        kernel = arrays.get(f"{head}/kernel")
        if kernel is not None and kernel.ndim == 4:
            return kernel.shape[2], kernel.shape[3]
    return None


def _unknown(arrays: Mapping[str, Any], blocks: int, changing: int) -> ValueError:
    return ValueError(
        f"this is not {_KIND}: its {blocks} residual blocks, {changing} of which "
        "change the resolution, make no UNet; its first arrays are "
        f"{states.few(list(arrays)) or 'none'}."
    )


def _number(head: str) -> int:
    return int(re.sub(r"\D", "", head) or 0)


def order(made: Module, numbered: bool) -> dict[str, tuple[str, str]]:
    """The kind and our name of each module by its number in the forward pass."""
    kinds = list((_run_plain if isinstance(made, nets.UNet2D) else _run)(made))
    if numbered:
        return {str(i): found for i, found in enumerate(kinds)}
    seen = Counter()
    names = {}
    for kind, ours in kinds:
        names[f"{_FLAX[kind]}_{seen[_FLAX[kind]]}"] = kind, ours
        seen[_FLAX[kind]] += 1
    return names


def _run(made: Any) -> Iterator[tuple[str, str]]:
    """The kinds of the modules and our names, in the order of the forward pass."""
    if made.embedding == "fourier":
        yield "fourier", ""
    yield from [("dense", "time_0"), ("dense", "time_1"), ("conv", "conv_in")]
    last = len(made.multiples) - 1
    for k in range(last + 1):
        attends = k in made.attention
        for i in range(made.blocks):
            yield "block", f"down{k}_{i}"
            if attends:
                yield "attention", f"down{k}_{i}_attention"
        if k < last:
            yield "block", f"down{k}_half"
            if made.residual_input:
                yield "input", f"input{k}"
            if made.pyramids:
                yield from [("halved", ""), ("combine", f"input{k}")]
    yield "block", "middle_0"
    yield "attention", "middle_attention"
    yield "block", "middle_1"
    for k in range(last, -1, -1):
        for i in range(made.blocks + 1):
            yield "block", f"up{k}_{i}"
        if k in made.attention:
            yield "attention", f"up{k}_attention"
        if made.pyramids:
            if k < last:
                yield "doubled", ""
            yield from [("norm", f"norm_out{k}"), ("conv", f"conv_out{k}")]
        if k > 0:
            yield "block", f"up{k}_double"
    if not made.pyramids:
        yield from [("norm", "norm_out"), ("conv", "conv_out")]


def _run_plain(made: Any) -> Iterator[tuple[str, str]]:
    """The same for the network of DDPM."""
    yield from [("dense", "time/dense1"), ("dense", "time/dense2")]
    yield "conv", "conv_in"
    last = len(made.widths) - 1
    for k in range(last + 1):
        for i in range(made.blocks):
            yield "plain_block", f"down{k}_{i}_block"
            if k in made.attention:
                yield "plain_attention", f"down{k}_{i}_attention"
        if k < last:
            yield "down", f"down{k}_resize"
    yield "plain_block", "middle_0_block"
    yield "plain_attention", "middle_0_attention"
    yield "plain_block", "middle_1_block"
    for k in range(last, -1, -1):
        for i in range(made.blocks + 1):
            yield "plain_block", f"up{k}_{i}_block"
        if k in made.attention:
            yield "plain_attention", f"up{k}_{made.blocks}_attention"
        if k > 0:
            yield "up", f"up{k}_resize"
    yield from [("norm", "norm_out"), ("conv", "conv_out")]
