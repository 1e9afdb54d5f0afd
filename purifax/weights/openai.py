"""OpenAI's diffusion UNets (improved and guided diffusion) from their arrays by name.

Levels, widths, blocks, attention, labels and the way in which resolution changes follow
from the arrays. The number of attention heads and the order of their channels do not:
they are the flags with which the checkpoint was trained.

    256x256_diffusion_uncond.pt     num_head_channels=64
    improved diffusion, ECLIPSE     num_heads=4, time_scale=1000 / 4000
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.weights import states

__all__ = ["architecture", "unet"]

_KIND = "an OpenAI diffusion UNet"
_LAYERS = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "shortcut",
    "proj_out": "out",
}
_ENDS = {
    "time_embed.0": "time/dense1",
    "time_embed.2": "time/dense2",
    "label_emb": "label",
    "input_blocks.0.0": "conv_in",
    "out.0": "norm_out",
    "out.2": "conv_out",
}
_MIDDLE = ("middle_0_block", "middle_0_attention", "middle_1_block")


def unet(
    state: Mapping[str, np.ndarray],
    *,
    num_heads: int | None = None,
    num_head_channels: int | None = None,
    num_heads_upsample: int | None = None,
    use_new_attention_order: bool = False,
    time_scale: float = 1.0,
    dropout: float = 0.0,
    groups: int = 32,
) -> nets.Network:
    """A network `(x, t) -> noise`, or `(x, t, label) -> noise`, from OpenAI's arrays.

    With a learned variance it has twice as many channels: see `nets.openai.noise_part`.

    Args:
        state: name to array, in PyTorch's layout.
        num_heads: of attention; this or `num_head_channels` is needed.
        num_head_channels: channels of a head.
        num_heads_upsample: of attention on the way up; None is `num_heads`.
        use_new_attention_order: whether queries, keys and values were split before the
            heads.
        time_scale: multiplies the label t; 1000 / T where T is not 1000 and
            `rescale_timesteps` was set.
        dropout: probability, for further training.
        groups: of the normalisations.

    Raises:
        ValueError: neither or both numbers of heads were given, or arrays are missing,
            unknown or of a wrong shape; the error names them.
    """
    if (num_heads is None) == (num_head_channels is None):
        raise ValueError(
            "give either `num_heads` or `num_head_channels`: arrays do not tell how "
            f"attention is split; got {num_heads} and {num_head_channels}."
        )
    if num_heads_upsample is not None and num_heads is None:
        raise ValueError("`num_heads_upsample` goes with `num_heads`; leave it.")
    arrays = states.lasting(state)
    module = architecture(arrays).clone(
        heads=1 if num_heads is None else num_heads,
        heads_up=num_heads_upsample,
        head_width=num_head_channels,
        time_scale=time_scale,
        dropout=dropout,
        groups=groups,
    )
    by_path = _given(arrays, module, use_new_attention_order)
    label = () if module.num_classes is None else (0,)
    shape = (2 ** (len(module.multiples) - 1),) * 2 + (module.channels,)
    return nets.Network(
        module, states.fitted(_KIND, by_path, module, shape, 0.0, *label)
    )


def architecture(arrays: Mapping[str, np.ndarray]) -> nets.OpenAIUNet:
    """The network without its variables, as far as it follows from the arrays.

    Raises:
        ValueError: arrays are missing, or make no such network.
    """
    needed = {
        "time_embed.0.weight": 2,
        "input_blocks.0.0.weight": 4,
        "input_blocks.1.0.in_layers.2.weight": 4,
        "input_blocks.1.0.emb_layers.1.weight": 2,
        "out.2.weight": 4,
    }
    states.have(_KIND, arrays, needed)
    levels, blocks, resize = _levels(arrays)
    firsts = [1 + level * (blocks + 1) for level in range(levels)]
    convs = [f"input_blocks.{i}.0.in_layers.2.weight" for i in firsts]
    states.have(_KIND, arrays, dict.fromkeys(convs, 4))

    width = arrays["time_embed.0.weight"].shape[1]
    channels = arrays["input_blocks.0.0.weight"].shape[1]
    embedded = len(arrays["input_blocks.1.0.emb_layers.1.weight"])
    return nets.OpenAIUNet(
        channels=channels,
        width=width,
        multiples=tuple(_ratio(len(arrays[conv]), width) for conv in convs),
        blocks=blocks,
        attention=tuple(
            level
            for level, i in enumerate(firsts)
            if f"input_blocks.{i}.1.qkv.weight" in arrays
        ),
        scale_shift=embedded == 2 * len(arrays[convs[0]]),
        resize=resize,
        learned_variance=len(arrays["out.2.weight"]) == 2 * channels,
        num_classes=len(arrays["label_emb.weight"])
        if "label_emb.weight" in arrays
        else None,
    )


def _levels(arrays: Mapping[str, np.ndarray]) -> tuple[int, int, str]:
    """The number of levels, of blocks at each, and how the resolution changes.

    The last block of a level on the way up also doubles the resolution. Where doubling
    has no parameters, halving has none either, and the numbers of the blocks on the way
    down have gaps.
    """
    ups = _numbers(arrays, r"output_blocks\.(\d+)\.[12]\.(?:conv|in_layers\.0)\.weight")
    down = _numbers(arrays, r"input_blocks\.(\d+)\.")
    total = len(_numbers(arrays, r"output_blocks\.(\d+)\."))
    if ups:
        levels = len(ups) + 1
        convs = _numbers(arrays, r"output_blocks\.(\d+)\.[12]\.conv\.weight")
        resize = "conv" if convs else "block"
    else:
        levels, resize = max(down) + 1 - len(down) + 1, "plain"
    if total % levels or total < 2 * levels:
        raise ValueError(
            f"this is not {_KIND}: {total} output blocks are not the same number, "
            f"at least 2, for each of {levels} levels."
        )
    return levels, total // levels - 1, resize


def _given(
    arrays: Mapping[str, np.ndarray], module: nets.OpenAIUNet, new_order: bool
) -> dict[str, np.ndarray]:
    """Our arrays by path."""
    places = _places(module)
    by_path: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        node, leaf = _path(name, places)
        for part, piece in _pieces(node, array, module, new_order):
            ours = "kernel" if piece.ndim > 1 else "scale"
            by_path[f"params/{part}/{ours if leaf == 'weight' else leaf}"] = piece
    return by_path


def _places(module: nets.OpenAIUNet) -> dict[str, str]:
    """Our places by OpenAI's names: {"input_blocks.1.0": "down0_0_block", ...}."""
    places = {f"middle_block.{i}": place for i, place in enumerate(_MIDDLE)}
    levels, each = len(module.multiples), module.blocks + 1
    for level in range(levels):
        for i in range(each):
            down = f"input_blocks.{1 + level * each + i}"
            block, attention = f"down{level}_{i}_block", f"down{level}_{i}_attention"
            last = i == module.blocks
            places[f"{down}.0"] = f"down{level}_resize" if last else block
            places[f"{down}.1"] = attention

            up = f"output_blocks.{(levels - 1 - level) * each + i}"
            resize, attention = f"up{level}_resize", f"up{level}_{i}_attention"
            attends = level in module.attention
            places[f"{up}.0"] = f"up{level}_{i}_block"
            places[f"{up}.1"] = attention if attends else resize
            places[f"{up}.2"] = resize
    return places


def _path(name: str, places: Mapping[str, str]) -> tuple[str, str]:
    """ "input_blocks.1.0.in_layers.2.weight" -> ("down0_0_block/conv1", "weight")."""
    node, _, leaf = name.rpartition(".")
    if node in _ENDS:
        embedded = (node, leaf) == ("label_emb", "weight")
        return _ENDS[node], "embedding" if embedded else leaf
    found = re.fullmatch(r"(.+?_blocks?(?:\.\d+)+)\.([a-z].*)", node)
    if not found:
        return node, leaf
    place, layer = places.get(found[1], found[1]), found[2]
    if layer in ("op", "conv"):
        return place, leaf
    return f"{place}/{_LAYERS.get(layer, layer)}", leaf


def _pieces(
    node: str, array: np.ndarray, module: nets.OpenAIUNet, new_order: bool
) -> Iterator[tuple[str, np.ndarray]]:
    """Our arrays in one of OpenAI's arrays, which holds q, k and v of an attention.

    Its channels are ordered heads x (q, k, v) x channels, or in the new order
    (q, k, v) x heads x channels.
    """
    parent, _, layer = node.rpartition("/")
    if parent.endswith("_attention") and layer in ("qkv", "out"):
        array = array.reshape(array.shape[:2])  # a convolution over one pixel
    if layer != "qkv":
        yield node, array if node == "label" else states.channels_last(array)
        return
    channels, rest = divmod(len(array), 3)
    heads = channels // module.head_width if module.head_width else module.heads
    if parent.startswith("up") and module.heads_up:
        heads = module.heads_up
    if rest or not heads or channels % heads:
        flag = "num_head_channels" if module.head_width else "num_heads"
        raise ValueError(
            f"`{flag}` is {module.head_width or heads}, but {parent} has "
            f"{len(array)} channels of queries, keys and values."
        )
    split = (3, channels) if new_order else (heads, 3, channels // heads)
    parts = array.reshape(*split, *array.shape[1:])
    if not new_order:
        parts = np.moveaxis(parts, 1, 0).reshape(3, channels, *array.shape[1:])
    for name, part in zip("qkv", parts, strict=True):
        yield f"{parent}/{name}", states.channels_last(part)


def _ratio(channels: int, width: int) -> float:
    """channels / width, an integer where it is one."""
    return channels // width if channels % width == 0 else channels / width


def _numbers(arrays: Mapping[str, Any], pattern: str) -> set[int]:
    found = (re.match(pattern, name) for name in arrays)
    return {int(match[1]) for match in found if match}
