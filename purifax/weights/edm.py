"""EDM's and EDM2's pickles as networks of `purifax.nets`.

NVlabs' files hold {"ema": network, ...}, where the network is an object that carries
its own source code. `purifax.weights.containers.read` gives its attributes without
running that code, and this module makes a network of them: of the arguments it was
constructed with, and of its arrays.

The networks for CIFAR-10, FFHQ and AFHQv2 are DDPM++ and NCSN++, read here; those for
ImageNet are OpenAI's (`edm_adm`), and EDM2's are its own (`edm2`).

Source: Karras et al. 2022, arXiv 2206.00364.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.weights import edm2, edm_adm, states
from purifax.weights.edm_places import place
from purifax.weights.pickled_modules import arrays

__all__ = ["convert", "traits"]

_PRECONDITIONS = {
    "EDMPrecond": "edm",
    "VPPrecond": "vp",
    "VEPrecond": "ve",
    "iDDPMPrecond": "iddpm",
}
_LAYERS = {
    "norm0": "norm_0",
    "conv0": "conv_0",
    "affine": "time",
    "norm1": "norm_1",
    "conv1": "conv_1",
    "skip": "shortcut",
    "norm2": "norm",
    "qkv": "qkv",
    "proj": "out",
}
_MAPS = {
    "map_layer0": "time_0",
    "map_layer1": "time_1",
    "map_label": "label",
    "map_augment": "augmentation",
}


# What a SongUNet is made with, all of which is used or refused by `_module`.
_KNOWN = {
    "attn_resolutions",
    "augment_dim",
    "channel_mult",
    "channel_mult_emb",
    "channel_mult_noise",
    "decoder_type",
    "dropout",
    "embedding_type",
    "encoder_type",
    "img_resolution",
    "in_channels",
    "label_dim",
    "model_channels",
    "num_blocks",
    "out_channels",
    "resample_filter",
}

# Those that only training uses.
_OF_TRAINING = {"label_dropout"}

# Attributes of a preconditioning, and what they must be where they are constants here;
# PyTorch's own begin with an underscore.
_CONSTANTS = {"M": 1000, "beta_d": 19.9, "beta_min": 0.1, "epsilon_t": 1e-5}
_CONSTANTS |= {"C_1": 0.001, "C_2": 0.008}
_ATTRIBUTES = {
    *("img_channels", "img_resolution", "label_dim", "model", "sigma_data"),
    *("sigma_max", "sigma_min", "training"),  # the range of its sampler; a mode
    "use_fp16",  # float32 computes the same more exactly
}


def convert(stored: Mapping[str, Any]) -> nets.Network:
    """The averaged network of a pickle, with EDM's preconditioning.

    Args:
        stored: the content of the file by `containers.read`, or its entry "ema".

    Returns:
        A network `(x, sigma) -> clean image`, x in [-1, 1] where there is no noise.

    Raises:
        ValueError: it is another network, has unknown arguments, or arrays are missing,
            unknown or of a wrong shape; the error names them.
    """
    kind, state, made = _opened(stored)
    if kind == edm2.KIND:
        return edm2.convert(state, made)
    _understood(kind, state, made)
    inner = state["_modules"]["model"]
    fields = {
        "preconditioning": _PRECONDITIONS[kind],
        "spread": float(state.get("sigma_data", 0.5)),
    }
    if inner["class_name"] == "DhariwalUNet":
        return edm_adm.convert(inner["state"], made, fields)
    module, rows = _module(made).clone(**fields), made["img_resolution"]
    by_path = {}
    for name, array in arrays(inner["state"]):
        by_path |= _ours(name, array, rows, module.pyramids)
    shape = (rows, rows, module.channels)
    variables = states.fitted("EDM's SongUNet", by_path, module, shape, 1.0)
    return nets.Network(module, variables)


def traits(stored: Mapping[str, Any]) -> dict[str, Any]:
    """What a pickle says of its network, by the words of `presets`.

    Raises:
        ValueError: it is another network.
    """
    kind, _, made = _opened(stored)
    found = {"preconditioning": kind, "side": made["img_resolution"]}
    if kind == edm2.KIND:
        found["width"] = made.get("model_channels", 192)
    return found


def _opened(stored: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The class and attributes of the preconditioning, and its network's arguments."""
    outer = stored.get("ema", stored)
    kind = outer.get("class_name", "a file without a network of theirs")
    if kind not in (*_PRECONDITIONS, edm2.KIND):
        known = ", ".join((*_PRECONDITIONS, edm2.KIND))
        raise ValueError(f"this is {kind}; EDM's networks are {known}.")
    inner = outer["state"]["_modules"]["unet" if kind == edm2.KIND else "model"]
    name = inner["class_name"]
    wanted = ("UNet",) if kind == edm2.KIND else ("SongUNet", "DhariwalUNet")
    if name not in wanted:
        known = " and ".join(wanted)
        raise ValueError(f"this network is a {name}; {known} are read.")
    if kind == "iDDPMPrecond" and name != "DhariwalUNet":
        raise ValueError(f"this is iDDPMPrecond of a {name}, of which none is known.")
    return kind, outer["state"], dict(inner["state"]["_init_kwargs"])


def _understood(kind: str, state: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Refuse an argument or attribute that may mean another arithmetic."""
    odd = [f"{name}={made[name]!r:.40}" for name in made if name not in _USED]
    for name, value in state.items():
        if name in _CONSTANTS and value != _CONSTANTS[name]:
            odd.append(f"{name}={value!r:.40}")
        elif not name.startswith("_") and name not in {*_CONSTANTS, *_ATTRIBUTES}:
            odd.append(f"{name}={value!r:.40}")
    if odd:
        raise ValueError(
            f"this {kind} was made in a way not known here: {', '.join(odd)}."
        )


_USED = _KNOWN | _OF_TRAINING


def _module(made: dict[str, Any]) -> nets.SongUNet:
    """Our module for the arguments that NVlabs' network was constructed with."""
    fourier = made.get("embedding_type", "positional") == "fourier"
    filters = {(1, 1): False, (1, 3, 3, 1): True}
    kernel = tuple(made.get("resample_filter", (1, 1)))
    wanted = {
        "channel_mult_emb": 4,
        "channel_mult_noise": 2 if fourier else 1,
        "out_channels": made["in_channels"],
    }
    odd = [k for k, v in wanted.items() if made.get(k, v) != v]
    ways = made.get("encoder_type", "standard"), made.get("decoder_type", "standard")
    residual, pyramids = ways[0] == "residual", ways == ("skip", "skip")
    if kernel not in filters or (residual or pyramids) and not filters[kernel]:
        odd.append("resample_filter")
    if ways[0] not in ("standard", "residual", "skip"):
        odd.append("encoder_type")
    if not pyramids and (ways[0] == "skip" or ways[1] != "standard"):
        odd.append("decoder_type")
    if odd:
        words = ", ".join(f"{k}={made[k]!r}" for k in odd)
        raise ValueError(f"this SongUNet was made in a way not known here: {words}.")
    return nets.SongUNet(
        channels=made["in_channels"],
        width=made.get("model_channels", 128),
        multiples=tuple(made.get("channel_mult", (1, 2, 2, 2))),
        blocks=made.get("num_blocks", 4),
        attention=_levels(made),
        embedding="fourier" if fourier else "positional",
        filtered=filters[kernel],
        residual_input=residual,
        pyramids=pyramids,
        dropout=float(made.get("dropout", 0.1)),
        num_classes=made.get("label_dim", 0),
        augmentations=made.get("augment_dim", 0),
    )


def _ours(name: str, array: np.ndarray, rows: int, pyramids: bool) -> dict[str, Any]:
    """Our paths and arrays for one array of NVlabs' network."""
    *path, leaf = name.split(".")
    if leaf == "freqs":
        return {"params/frequencies": array}
    node, layer = place("/".join(path[:2]), rows, _places(pyramids)), ""
    if path[0] in _MAPS:
        node = _MAPS[path[0]]
    if len(path) == 3:
        layer = _LAYERS.get(path[2], path[2])
        if path[2] in ("norm2", "qkv", "proj"):
            node = _attention(node)
    if leaf == "weight":
        leaf = "scale" if array.ndim == 1 else "kernel"
    if array.shape[2:] == (1, 1):
        array = array[:, :, 0, 0]
    parts = {layer: array}
    if layer == "qkv":
        # One head, whose channels hold q, k and v in turn.
        parts = {part: array[i::3] for i, part in enumerate("qkv")}
    return {
        "/".join(filter(None, ["params", node, part, leaf])): states.channels_last(a)
        for part, a in parts.items()
    }


def _places(pyramids: bool) -> dict[str, str]:
    """Names of the blocks; pyramids have an output at each level."""
    level = "{k}" if pyramids else ""
    return {
        "enc conv": "conv_in",
        "enc down": "down{finer}_half",
        "enc aux_residual": "input{finer}",
        "enc aux_skip": "input{finer}",
        "enc block": "down{k}_{i}",
        "dec in": "middle_{i}",
        "dec up": "up{coarser}_double",
        "dec block": "up{k}_{i}",
        "dec aux_norm": f"norm_out{level}",
        "dec aux_conv": f"conv_out{level}",
    }


def _levels(made: Mapping[str, Any]) -> tuple[int, ...]:
    """The levels with attention, which EDM names by their resolution."""
    side, heights = made["img_resolution"], made.get("attn_resolutions", (16,))
    levels = range(len(made.get("channel_mult", (1, 2, 2, 2))))
    return tuple(level for level in levels if side >> level in heights)


def _attention(node: str) -> str:
    """The arrays of the attention after a block."""
    if node.startswith("down"):
        return f"{node}_attention"
    return re.sub(r"_\d+$", "_attention", node)
