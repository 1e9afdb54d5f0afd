"""Diffusers' `UNet2DModel` as a network, from its arrays by name or its directory.

A directory holds config.json and diffusion_pytorch_model.safetensors or .bin, in one
piece or in shards that an index names, perhaps of a variant such as fp16; see
`diffusers_files`. That of a pipeline holds such a directory as `unet`. Options that a
config leaves out have the defaults of diffusers. Options that `nets.UNet2D` does not
have are refused.
"""

import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.run import json_text
from purifax.weights import diffusers_files, states

__all__ = ["attending", "load_directory", "unet2d"]

_KIND = "a diffusers UNet2DModel"

# Options by diffusers' defaults.
_DEFAULTS = {
    "in_channels": 3,
    "out_channels": 3,
    "freq_shift": 0,
    "flip_sin_to_cos": True,
    "down_block_types": ("DownBlock2D", *3 * ("AttnDownBlock2D",)),
    "up_block_types": (*3 * ("AttnUpBlock2D",), "UpBlock2D"),
    "block_out_channels": (224, 448, 672, 896),
    "layers_per_block": 2,
    "downsample_padding": 1,
    "dropout": 0.0,
    "attention_head_dim": 8,
    "norm_num_groups": 32,
    "norm_eps": 1e-5,
    "add_attention": True,
    "num_class_embeds": None,
    "time_embedding_dim": None,
}

# Options of which some choices only are supported; the first is diffusers' default.
_CHOICES = {
    "_class_name": ("UNet2DModel",),
    "act_fn": ("silu", "swish"),
    "attn_norm_num_groups": (None,),
    "center_input_sample": (False,),
    "class_embed_type": (None,),
    "downsample_padding": (1, 0),
    "downsample_type": ("conv",),
    "mid_block_scale_factor": (1,),
    "mid_block_type": ("UNetMidBlock2D",),
    "resnet_time_scale_shift": ("default", "scale_shift"),
    "time_embedding_type": ("positional", "fourier"),
    "upsample_type": ("conv",),
}

# Options that do not change what the network computes.
_WITHOUT_EFFECT = {
    "_diffusers_version",
    "_name_or_path",
    "dropout",  # of training
    "num_train_timesteps",  # of a learned embedding, which is refused
    "sample_size",
}


def _count(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**16


def _counts(value: Any) -> bool:
    return (
        isinstance(value, list | tuple) and len(value) > 0 and all(map(_count, value))
    )


# Whether the value of an option fits, and what it must be.
_TYPES: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(
        ("in_channels", "out_channels", "layers_per_block", "norm_num_groups"),
        (_count, "a positive integer"),
    ),
    **dict.fromkeys(
        ("attention_head_dim", "num_class_embeds", "time_embedding_dim"),
        (lambda v: v is None or _count(v), "a positive integer"),
    ),
    "block_out_channels": (_counts, "a list of positive integers"),
    "flip_sin_to_cos": (lambda v: type(v) is bool, "true or false"),
    "add_attention": (lambda v: type(v) is bool, "true or false"),
    "freq_shift": (lambda v: type(v) in (int, float) and v in (0, 1), "0 or 1"),
    "norm_eps": (lambda v: type(v) is float and 0 < v < 1, "a small number"),
}

# Layers inside a block, by all the names that versions of diffusers gave them.
_LAYERS = {
    "time_emb_proj": "time",
    "conv_shortcut": "shortcut",
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "out",
    "query": "q",
    "key": "k",
    "value": "v",
    "proj_attn": "out",
}

_KINDS = {"resnets": "block", "attentions": "attention"}
_INSIDE = re.compile(
    r"(?:(down|up)_blocks\.(\d+)|mid_block)"
    r"\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)"
)
_ENDS = {
    "time_embedding.linear_1": "time/dense1",
    "time_embedding.linear_2": "time/dense2",
    "conv_norm_out": "norm_out",
}


def unet2d(state: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> nets.Network:
    """A noise predictor `(x, t) -> noise` from diffusers' arrays.

    `score.from_process` converts it to a score, given the chain that it was trained on,
    which is in the pipeline's scheduler config and not in that of the network.

    Args:
        state: name to array, in PyTorch's layout. Attention may have its old names
            (`query`, `key`, `value`, `proj_attn`).
        config: what config.json says.

    Raises:
        ValueError: the config has an option that `nets.UNet2D` does not have, or arrays
            are missing, unknown or of a wrong shape; the error names them.
    """
    module = _module(config)
    levels = len(module.widths)
    by_path = {
        f"params/{_path(name, array, levels)}": _laid_out(name, array)
        for name, array in states.lasting(state).items()
        if name != "time_proj.W"  # the same array as time_proj.weight, by an old name
    }
    shape = (2 ** (levels - 1),) * 2 + (module.channels,)
    label = () if module.num_classes is None else (0,)
    variables = states.fitted(_KIND, by_path, module, shape, 1.0, *label)
    return nets.Network(module, variables)


def load_directory(folder: str | pathlib.Path, variant: str = "") -> nets.Network:
    """The network of a directory that diffusers saved, read without PyTorch.

    Args:
        folder: of the model, or of a pipeline with the model in its `unet`.
        variant: of the weights, such as "fp16" or "non_ema"; "" is none, or the only
            one there is.

    Raises:
        FileNotFoundError: it has no config.json, or no weights beside it.
        ValueError: see `unet2d`; or a shard is missing or not in the directory.
    """
    folder = pathlib.Path(folder)
    homes = [folder, folder / "unet"]
    home = next((h for h in homes if (h / "config.json").is_file()), None)
    if home is None:
        raise FileNotFoundError(f"neither {folder} nor its `unet` has a config.json.")
    config = json_text.read(home / "config.json", dict)
    return unet2d(diffusers_files.arrays(home, variant), config)


def _module(config: Mapping[str, Any]) -> nets.UNet2D:
    for name, choices in _CHOICES.items():
        found = config.get(name, choices[0])
        if found not in choices:
            wanted = " or ".join(map(repr, choices))
            raise ValueError(
                f"the config's `{name}` is {found!r}; nets.UNet2D knows {wanted}."
            )
    for name in config:
        if name not in (*_DEFAULTS, *_CHOICES, *_WITHOUT_EFFECT):
            raise ValueError(
                f"the config has an option {name!r:.60}, which is not known here and "
                "may change what the network computes."
            )
    for name, (fits, wanted) in _TYPES.items():
        if not fits(config.get(name, _DEFAULTS[name])):
            raise ValueError(
                f"the config's `{name}` is {config[name]!r:.60}; it must be {wanted}."
            )
    option = _DEFAULTS | {k: v for k, v in config.items() if k in _DEFAULTS}
    return nets.UNet2D(
        channels=option["in_channels"],
        out_channels=option["out_channels"],
        widths=tuple(option["block_out_channels"]),
        blocks=option["layers_per_block"],
        attention=attending(_KIND, option, ("AttnDownBlock2D", "AttnUpBlock2D")),
        middle_attention=option["add_attention"],
        head_width=option["attention_head_dim"],
        groups=option["norm_num_groups"],
        epsilon=option["norm_eps"],
        padding=option["downsample_padding"],
        cosines_first=option["flip_sin_to_cos"],
        shift=option["freq_shift"],
        fourier=config.get("time_embedding_type") == "fourier",
        embedded=option["time_embedding_dim"],
        scale_shift=config.get("resnet_time_scale_shift") == "scale_shift",
        num_classes=option["num_class_embeds"],
        dropout=option["dropout"],
    )


def attending(
    kind: str, option: Mapping[str, Any], attends: tuple[str, str]
) -> tuple[int, ...]:
    """The levels with attention, which are the same on the way up.

    Args:
        kind: of the network, for the error.
        option: with `down_block_types`, `up_block_types` and `block_out_channels`.
        attends: the kinds of block with attention, down and up.

    Raises:
        ValueError: there are other blocks, or the way up has them elsewhere.
    """
    down, up = option["down_block_types"], option["up_block_types"]
    levels = len(option["block_out_channels"])
    plain = ("DownBlock2D", "UpBlock2D")
    pairs = list(zip(down, reversed(up), strict=False))
    if not len(down) == len(up) == levels or set(pairs) - {plain, attends}:
        raise ValueError(
            f"{kind} has blocks {list(down)} down and {list(up)} up at {levels} "
            f"levels; known are {' with '.join(plain)} and {' with '.join(attends)}, "
            "one pair for each level."
        )
    return tuple(level for level, pair in enumerate(pairs) if pair == attends)


def _laid_out(name: str, array: np.ndarray) -> np.ndarray:
    """The array in our layout; the rows of an embedding stay rows."""
    if name == "class_embedding.weight":
        return np.asarray(array, np.float32)
    return states.channels_last(array)


def _path(name: str, array: np.ndarray, levels: int) -> str:
    """ "up_blocks.0.attentions.1.to_q.weight" -> "up3_1_attention/q/kernel"."""
    if name == "time_proj.weight":
        return "frequencies"
    node, _, leaf = name.rpartition(".")
    if node == "class_embedding":
        return "label/embedding"
    leaf = {"weight": "kernel" if array.ndim > 1 else "scale"}.get(leaf, leaf)
    found = _INSIDE.fullmatch(node)
    if not found:
        return f"{_ENDS.get(node, node)}/{leaf}"
    side, i, kind, j, layer = found.groups()
    if side:
        stage = f"{side}{i if side == 'down' else levels - 1 - int(i)}"
    else:
        stage = "middle"
    if kind not in _KINDS:
        return f"{stage}_resize/{leaf}"
    return f"{stage}_{j}_{_KINDS[kind]}/{_LAYERS.get(layer, layer)}/{leaf}"
