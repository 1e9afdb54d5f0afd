"""EDM's networks for ImageNet (DhariwalUNet) as `purifax.nets.ADMDenoiser`.

They are OpenAI's UNet with other names. Channels of an attention lie heads x channels x
(q, k, v).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.weights import states
from purifax.weights.edm_places import place
from purifax.weights.pickled_modules import arrays

__all__ = ["convert"]

_KIND = "EDM's DhariwalUNet"
_LAYERS = {
    "norm0": "norm1",
    "conv0": "conv1",
    "affine": "time",
    "norm1": "norm2",
    "conv1": "conv2",
    "skip": "shortcut",
    "norm2": "norm",
    "qkv": "qkv",
    "proj": "out",
}
_ENDS = {
    "map_layer0": "time/dense1",
    "map_layer1": "time/dense2",
    "out_norm": "norm_out",
    "out_conv": "conv_out",
}
_KNOWN = {
    *("attn_resolutions", "augment_dim", "channel_mult", "channel_mult_emb", "dropout"),
    *("img_resolution", "in_channels", "label_dim", "label_dropout", "model_channels"),
    *("num_blocks", "out_channels"),
}
_HEAD = 64
"""Channels of a head."""

_PLACES = {
    "enc conv": "conv_in",
    "enc down": "down{finer}_resize",
    "enc block": "down{k}_{i}_block",
    "dec in": "middle_{i}_block",
    "dec up": "up{coarser}_resize",
    "dec block": "up{k}_{i}_block",
}


def convert(
    state: Mapping[str, Any], made: Mapping[str, Any], fields: Mapping[str, Any]
) -> nets.Network:
    """The denoiser, of the attributes of the network and the words it was made with.

    Args:
        fields: of `ADMDenoiser`, that the preconditioning decides.

    Raises:
        ValueError: it was made in a way not known here, or arrays are missing, unknown
            or of a wrong shape; the error names them.
    """
    odd = [name for name in made if name not in _KNOWN]
    odd += ["channel_mult_emb"] * (made.get("channel_mult_emb", 4) != 4)
    if odd:
        words = ", ".join(f"{name}={made[name]!r:.40}" for name in odd)
        raise ValueError(
            f"this DhariwalUNet was made in a way not known here: {words}."
        )
    rows, multiples = made["img_resolution"], made.get("channel_mult", (1, 2, 3, 4))
    heights = made.get("attn_resolutions", (32, 16, 8))
    module = nets.ADMDenoiser(
        channels=made["in_channels"],
        width=made.get("model_channels", 192),
        multiples=tuple(multiples),
        blocks=made.get("num_blocks", 3),
        attention=tuple(k for k in range(len(multiples)) if rows >> k in heights),
        head_width=_HEAD,
        learned_variance=made["out_channels"] == 2 * made["in_channels"],
        num_classes=made.get("label_dim", 0) or None,
        dropout=float(made.get("dropout", 0.1)),
        **fields,
    )
    by_path: dict[str, np.ndarray] = {}
    for name, array in arrays(state):
        by_path |= _ours(name, array, rows)
    shape, label = (rows, rows, module.channels), (0,) if module.num_classes else ()
    variables = states.fitted(_KIND, by_path, module, shape, 1.0, *label)
    return nets.Network(module, variables)


def _ours(name: str, array: np.ndarray, rows: int) -> dict[str, np.ndarray]:
    """Our paths and arrays for one array of NVlabs' network."""
    if name.startswith("map_augment") or name == "u":
        return {}  # of training alone, and a table that follows from constants
    if name == "map_label.weight":
        return {"params/label/embedding": np.ascontiguousarray(array.T)}
    *path, leaf = name.split(".")
    if leaf == "weight":
        leaf = "scale" if array.ndim == 1 else "kernel"
    if path[0] in _ENDS:
        return {f"params/{_ENDS[path[0]]}/{leaf}": states.channels_last(array)}
    node = place("/".join(path[:2]), rows, _PLACES)
    if len(path) < 3:
        return {f"params/{node}/{leaf}": states.channels_last(array)}
    layer = _LAYERS.get(path[2], path[2])
    if layer not in ("norm", "qkv", "out"):
        return {f"params/{node}/{layer}/{leaf}": states.channels_last(array)}
    node = node.removesuffix("_block") + "_attention"
    if array.ndim == 4:
        array = array[:, :, 0, 0]
    parts = {layer: array}
    if layer == "qkv":
        channels = len(array) // 3
        heads = array.reshape(channels // _HEAD, _HEAD, 3, *array.shape[1:])
        parts = {
            part: heads[:, :, i].reshape(channels, *array.shape[1:])
            for i, part in enumerate("qkv")
        }
    return {
        f"params/{node}/{part}/{leaf}": states.channels_last(piece)
        for part, piece in parts.items()
    }
