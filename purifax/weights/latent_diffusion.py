"""Diffusers' autoencoder and conditional UNet as networks, read without PyTorch.

    autoencoder         `AutoencoderKL`, from its arrays by name and its config
    conditional_unet    `UNet2DConditionModel`, likewise, with a context
    prior               both of a folder of Stable Diffusion 1 or 2, and the chain

The text's encoder is not read: a context is an array of embeddings, such as those of
the empty prompt, [T, D], which diffusers calls `encoder_hidden_states`. Options that a
config leaves out have the defaults of diffusers; those that are not known are refused.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.purify.prior import Prior
from purifax.run import json_text
from purifax.weights import (
    diffusers,
    diffusers_files,
    diffusers_schedulers,
    latent_options,
    states,
    torch_names,
)
from purifax.weights.predictions import Prediction

__all__ = ["autoencoder", "conditional_unet", "networks", "prediction", "prior"]

Arrays = Mapping[str, np.ndarray]
Config = Mapping[str, Any]

_RULES = (
    (r"^down_blocks\.(\d+)\.", r"down\1_"),
    (r"^mid_block\.", "middle_"),
    (r"_resnets\.(\d+)\.", r"_\1_block."),
    (r"_attentions\.(\d+)\.", r"_\1_attention."),
    (r"_(?:down|up)samplers\.0\.conv\.", "_resize."),
    (r"\.time_emb_proj\.", ".time."),
    (r"\.conv_shortcut\.", ".shortcut."),
    (r"\.group_norm\.", ".norm."),
    (r"\.transformer_blocks\.(\d+)\.", r".layer\1."),
    (r"\.to_([qkv])\.", r".\1."),
    (r"\.(to_out\.0|proj_attn)\.", ".out."),
    (r"\.(q)uery\.|\.(k)ey\.|\.(v)alue\.", r".\1\2\3."),
    (r"\.ff\.net\.0\.proj\.", ".gate."),
    (r"\.ff\.net\.2\.", ".out."),
    (r"^time_embedding\.linear_([12])\.", r"time.dense\1."),
    (r"^conv_norm_out\.", "norm_out."),
)


def autoencoder(state: Arrays, config: Config) -> nets.Network:
    """The autoencoder of latent diffusion; see `nets.encoder` and `nets.decoder`.

    Args:
        state: name to array, in PyTorch's layout.
        config: what config.json says.

    Raises:
        ValueError: the config has an option that is not known; or arrays are missing,
            unknown or of a wrong shape.
    """
    kind = "a diffusers AutoencoderKL"
    option = latent_options.options(
        kind,
        config,
        latent_options.AUTOENCODER_USED,
        latent_options.AUTOENCODER_CHOICES,
    )
    widths = tuple(option["block_out_channels"])
    _same_blocks(kind, option, len(widths), "DownEncoderBlock2D", "UpDecoderBlock2D")
    if option["in_channels"] != option["out_channels"]:
        raise ValueError(f"{kind} must give as many channels as it takes.")
    centre, scale = _coordinates(option)
    module = nets.AutoencoderKL(
        channels=option["in_channels"],
        latent_channels=option["latent_channels"],
        widths=widths,
        blocks=option["layers_per_block"],
        groups=option["norm_num_groups"],
        middle_attention=option["mid_block_add_attention"],
        mixed=option["use_quant_conv"],
        mixed_back=option["use_post_quant_conv"],
        centre=centre,
        scale=scale,
    )
    by_path = {}
    for part in ("encoder", "decoder", ""):
        prefix = f"{part}." if part else ""
        inside = {
            name.removeprefix(prefix): array
            for name, array in states.lasting(state).items()
            if (name.partition(".")[0] if "coder." in name[:8] else "") == part
        }
        renamed = _renamed(inside, len(widths))
        arrays = {f"{prefix}{name}": array for name, array in renamed.items()}
        by_path |= torch_names.by_path(arrays)
    side = 2 ** (len(widths) - 1)
    shape = (side, side, module.channels)
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


def conditional_unet(
    state: Arrays, config: Config, context: np.ndarray
) -> nets.Network:
    """A network `(x_t, t) -> prediction` of latents under a fixed context.

    A third argument of a call is another context, [T, D].

    Args:
        state: name to array, in PyTorch's layout.
        config: what config.json says.
        context: embeddings of a text, [T, D].

    Raises:
        ValueError: the config has an option that is not known; arrays are missing,
            unknown or of a wrong shape; or the context is not [T, D].
    """
    kind = "a diffusers UNet2DConditionModel"
    option = latent_options.options(
        kind, config, latent_options.UNET_USED, latent_options.UNET_CHOICES
    )
    widths = tuple(option["block_out_channels"])
    levels, width = len(widths), option["cross_attention_dim"]
    context = np.asarray(context, np.float32)
    if context.ndim != 2 or context.shape[1] != width:
        raise ValueError(
            f"the context must be [T, {width}], embeddings of one text; got "
            f"{list(context.shape)}."
        )
    if type(option["transformer_layers_per_block"]) is not int:
        raise ValueError(f"{kind} must have as many layers in every transformer.")
    attends = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D")
    # Diffusers calls the number of heads `attention_head_dim` in these networks.
    heads = option["num_attention_heads"] or option["attention_head_dim"]
    heads = (heads,) * levels if isinstance(heads, int) else tuple(heads)
    module = nets.ConditionalUNet(
        channels=option["in_channels"],
        out_channels=option["out_channels"],
        widths=widths,
        blocks=option["layers_per_block"],
        attention=diffusers.attending(kind, option, attends),
        heads=heads,
        layers=option["transformer_layers_per_block"],
        context_width=width,
        context_length=len(context),
        groups=option["norm_num_groups"],
        epsilon=option["norm_eps"],
        cosines_first=option["flip_sin_to_cos"],
        shift=option["freq_shift"],
    )
    by_path = torch_names.by_path(_renamed(states.lasting(state), levels))
    by_path["context/tokens"] = context
    shape = (2 ** (levels - 1),) * 2 + (module.channels,)
    return nets.Network(module, states.fitted(kind, by_path, module, shape, 0.0))


def prior(
    folder: str | pathlib.Path,
    context: np.ndarray,
    *,
    width: float = 16.0,
    variant: str = "",
) -> Prior:
    """What `purify.Latent` is built from: a folder of Stable Diffusion 1 or 2.

    Args:
        folder: with `vae`, `unet` and `scheduler`, as diffusers saved them.
        context: embeddings of a text, [T, D].
        width: latents from -width / 2 to width / 2 are what [0, 1] is to a purifier;
            see `purify.latent`.
        variant: of the files, such as "fp16"; "" is none, or the only one there is.

    Raises:
        FileNotFoundError: a part has no config or no weights.
        UsageError: there is no config of the scheduler.
        ValueError: see `autoencoder`, `conditional_unet` and `diffusers_schedulers`.
    """
    folder = pathlib.Path(folder)
    coder, network = networks(folder, context, variant=variant)
    predicts = prediction(diffusers_schedulers.found(folder, None, None, None), width)
    return Prior(
        score=predicts.score(network),
        noise=predicts.noise(),
        network=network,
        autoencoder=(nets.encoder(coder), nets.decoder(coder), width),
    )


def networks(
    folder: pathlib.Path, context: np.ndarray, *, unet: str = "unet", variant: str = ""
) -> tuple[nets.Network, nets.Network]:
    """The autoencoder and the network of latents of a pipeline.

    Args:
        unet: the part that holds the network, such as "unet_ema".
        variant: of the files, such as "fp16"; "" is none, or the only one there is.

    Raises:
        FileNotFoundError: a part has no config or no weights.
        ValueError: see `autoencoder` and `conditional_unet`.
    """
    coder = autoencoder(*_part(folder / "vae", variant))
    return coder, conditional_unet(*_part(folder / unet, variant), context)


def prediction(scheduler: Config, width: float = 16.0) -> Prediction:
    """What the network predicts of latents that [0, 1] is -width / 2 to width / 2 of.

    Raises:
        ValueError: see `diffusers_schedulers.chain`.
    """
    found = diffusers_schedulers.chain(scheduler)
    process = {**(found.process or {}), "width": width}
    return Prediction(found.predicts, process, width=width)


def _part(folder: pathlib.Path, variant: str) -> tuple[Arrays, Config]:
    """The arrays of a part of a pipeline by name, and its config."""
    file = folder / "config.json"
    if not file.is_file():
        raise FileNotFoundError(f"{folder} has no config.json.")
    return diffusers_files.arrays(folder, variant), json_text.read(file, dict)


def _same_blocks(kind: str, option: Config, levels: int, down: str, up: str) -> None:
    """Refuse an autoencoder with another kind of block at a level."""
    found = (*option["down_block_types"], *option["up_block_types"])
    if found != (down,) * levels + (up,) * levels:
        raise ValueError(
            f"{kind} of {levels} levels must have blocks {down} and {up}; got "
            f"{', '.join(found)}."
        )


def _coordinates(option: Config) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Centre and scale of the latents."""
    mean, std = option["latents_mean"], option["latents_std"]
    if (mean is None) != (std is None):
        raise ValueError("an autoencoder has latents_mean and latents_std, or neither.")
    factor = float(option["scaling_factor"])
    if mean is None:
        return (float(option["shift_factor"] or 0.0),), (factor,)
    return tuple(map(float, mean)), tuple(factor / float(s) for s in std)


def _renamed(arrays: Arrays, levels: int) -> dict[str, np.ndarray]:
    """The arrays by our names; 1x1 convolutions of tokens as dense layers."""
    ups = [(rf"^up_blocks\.{i}\.", f"up{levels - 1 - i}_") for i in range(levels)]
    found = torch_names.renamed(arrays, [*ups, *_RULES])
    return {
        name: array.reshape(array.shape[:2])
        if "_attention." in name and array.ndim == 4
        else array
        for name, array in found.items()
    }
