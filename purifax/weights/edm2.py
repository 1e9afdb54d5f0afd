"""EDM2's pickles as `purifax.nets.EDM2`.

Their layers normalise every row of their weights when they are used,

    w -> gain w / ((1e-4 + rms(w)) sqrt(fan in)),

which is done here once. `logvar_*`, the uncertainty that training used, is left out.

Source: Karras et al. 2024, arXiv 2312.02696, equations 47 and 66.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.weights import states
from purifax.weights.edm_places import place
from purifax.weights.pickled_modules import arrays

__all__ = ["KIND", "convert"]

KIND = "Precond"
"""The class of the pickled network."""

_LAYERS = {
    "conv_res0": "conv_0",
    "conv_res1": "conv_1",
    "conv_skip": "shortcut",
    "emb_linear": "embedding",
    "attn_qkv": "qkv",
    "attn_proj": "out",
}
_ENDS = {"emb_noise": "noise", "emb_label": "label", "out_conv": "conv_out"}
_WAVES = {"emb_fourier.freqs": "frequencies", "emb_fourier.phases": "phases"}
_BALANCES = {
    "res_balance": 0.3,
    "attn_balance": 0.3,
    "label_balance": 0.5,
    "concat_balance": 0.5,
}
_KNOWN = {
    *("attn_resolutions", "channel_mult", "channel_mult_emb", "channel_mult_noise"),
    *("channels_per_head", "clip_act", "dropout", "img_channels", "img_resolution"),
    *("label_dim", "model_channels", "num_blocks", "resample_filter"),
}

_PLACES = {
    "enc conv": "conv_in",
    "enc down": "down{k}",
    "enc block": "down{k}_{i}",
    "dec in": "middle_{i}",
    "dec up": "up{k}",
    "dec block": "up{k}_{i}",
}


def convert(state: Mapping[str, Any], made: Mapping[str, Any]) -> nets.Network:
    """The denoiser, of what is pickled and the words that its UNet was made with.

    Raises:
        ValueError: it was made in a way not known here, or arrays are missing, unknown
            or of a wrong shape; the error names them.
    """
    module, rows = (
        _module(made, float(state.get("sigma_data", 0.5))),
        made["img_resolution"],
    )
    found = dict(arrays(state["_modules"]["unet"]["state"]))
    gains = {
        name.rpartition(".")[0]: float(array)
        for name, array in found.items()
        if name.endswith(("emb_gain", "out_gain"))
    }
    by_path: dict[str, np.ndarray] = {}
    for name, array in found.items():
        if name in _WAVES:
            by_path[f"params/{_WAVES[name]}"] = np.asarray(array)
        elif not name.endswith(("emb_gain", "out_gain")):
            by_path |= _ours(name, array, gains, rows, module.head_width)
    shape = (rows, rows, module.channels)
    variables = states.fitted("EDM2's UNet", by_path, module, shape, 1.0)
    return nets.Network(module, variables)


def _module(made: Mapping[str, Any], spread: float) -> nets.EDM2:
    odd = [name for name in made if name not in (*_KNOWN, *_BALANCES)]
    if tuple(made.get("resample_filter", (1, 1))) != (1, 1):
        odd.append("resample_filter")
    if odd:
        words = ", ".join(f"{name}={made[name]!r:.40}" for name in odd)
        raise ValueError(f"this EDM2 was made in a way not known here: {words}.")
    rows, multiples = made["img_resolution"], made.get("channel_mult", (1, 2, 3, 4))
    heights, width = (
        made.get("attn_resolutions", (16, 8)),
        made.get("model_channels", 192),
    )
    noise, embedding = made.get("channel_mult_noise"), made.get("channel_mult_emb")
    shares = [float(made.get(name, usual)) for name, usual in _BALANCES.items()]
    return nets.EDM2(
        channels=made["img_channels"],
        width=width,
        multiples=tuple(multiples),
        blocks=made.get("num_blocks", 3),
        attention=tuple(k for k in range(len(multiples)) if rows >> k in heights),
        head_width=made.get("channels_per_head", 64),
        num_classes=made.get("label_dim", 0),
        features=None if noise is None else width * noise,
        embedded=None if embedding is None else width * embedding,
        balances=(shares[0], shares[1], shares[2], shares[3]),
        limit=made.get("clip_act", 256),
        spread=spread,
    )


def _ours(
    name: str, array: np.ndarray, gains: Mapping[str, float], rows: int, head: int
) -> dict[str, np.ndarray]:
    """Our paths and arrays for one weight, normalised."""
    path = name.removesuffix(".weight").split(".")
    gain = 1.0
    if path == ["out_conv"]:
        gain = gains[""]
    if path[-1] == "emb_linear":
        gain = gains[".".join(path[:-1])]
    array = _normalised(array, gain)
    if path[0] in _ENDS:
        return {f"params/{_ENDS[path[0]]}/kernel": states.channels_last(array)}
    node = place("/".join(path[:2]), rows, _PLACES)
    layer = _LAYERS.get(path[-1], path[-1]) if len(path) > 2 else ""
    parts = {layer: array}
    if layer == "qkv":
        channels = len(array) // 3
        heads = array.reshape(channels // head, head, 3, *array.shape[1:])
        parts = {
            part: heads[:, :, i].reshape(channels, *array.shape[1:])
            for i, part in enumerate("qkv")
        }
    return {
        "/".join(filter(None, ["params", node, part, "kernel"])): states.channels_last(
            a
        )
        for part, a in parts.items()
    }


def _normalised(array: np.ndarray, gain: float) -> np.ndarray:
    weight = np.asarray(array, np.float64)
    rows = weight.reshape(len(weight), -1)
    rms = np.sqrt(np.mean(np.square(rows), axis=1, keepdims=True))
    rows = rows / (1e-4 + rms) * (gain / math.sqrt(rows.shape[1]))
    return rows.reshape(weight.shape).astype(np.float32)
