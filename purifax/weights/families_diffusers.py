"""The family of diffusers' pipelines; see `families`.

A pipeline is a folder of parts, each with a config of its own. One whose network works
on images is read as a score. One of latents, with an autoencoder in its part `vae`, is
read with it.
"""

import pathlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from purifax import nets
from purifax.run import json_text
from purifax.run.errors import UsageError
from purifax.weights import (
    Prediction,
    diffusers,
    diffusers_schedulers,
    latent_diffusion,
)
from purifax.weights.conversion import Converted
from purifax.weights.foreign_file import array
from purifax.weights.labels import fixed

__all__ = ["pipeline"]

_PARTS = ("unet", "scheduler")

# Parts that work on texts, or on what was made; nothing of them is read.
_BESIDE = (
    *("vae", "text_encoder", "tokenizer", "feature_extractor", "image_encoder"),
    *("safety_checker", "requires_safety_checker"),
)


def pipeline(
    path: str,
    *,
    entry: str | None = None,
    side: int | None = None,
    betas: str | None = None,
    steps: int | None = None,
    predicts: str | None = None,
    variant: str | None = None,
    label: str | None = None,
    context: str | None = None,
) -> Converted:
    """A pipeline of a `UNet2DModel`, or the model alone with the chain as flags; or one
    of an `AutoencoderKL` and a `UNet2DConditionModel`, with a file of its context.
    """
    folder = pathlib.Path(path)
    home, taken = _home(folder, entry)
    latent = _is_latent(folder, home)
    _check_parts(folder, (*_PARTS, *_BESIDE) if latent else _PARTS)
    taken |= {"variant": variant} if variant else {}
    if latent:
        _check_latent(folder, context, label)
        scheduler = diffusers_schedulers.found(folder, betas, steps, predicts)
        made = _latent(folder, home, side, scheduler, variant or "", str(context))
        return _noted(made, taken | {"context": context}, scheduler, betas)
    if context is not None:
        raise UsageError("this network has no context; leave --context.")
    network, words = fixed(diffusers.load_directory(home, variant or ""), label)
    config = json_text.read(home / "config.json", dict)
    shape = (*_sides(config, side), network.module.channels)
    scheduler = diffusers_schedulers.found(folder, betas, steps, predicts)
    made = _of_images(network, shape, scheduler)
    return _noted(made, taken | words, scheduler, betas)


def _noted(
    made: Converted,
    taken: Mapping[str, Any],
    scheduler: Mapping[str, Any],
    betas: str | None,
) -> Converted:
    """With what was chosen, and what of a scheduler's file was left."""
    words = diffusers_schedulers.left(scheduler) if betas is None else {}
    return replace(made, taken=dict(taken) | words)


def _of_images(
    network: nets.Network, shape: tuple[int, int, int], scheduler: Mapping[str, Any]
) -> Converted:
    """A network of images with what it predicts.

    Of networks with Fourier features diffusers divides the output by sigma; ours, the
    scaled score, is not divided.
    """
    exploding = scheduler.get("_class_name") == "ScoreSdeVeScheduler"
    if exploding and not network.module.fourier:
        raise ValueError("a ScoreSdeVeScheduler goes with Fourier features.")
    if network.module.fourier and not exploding:
        raise ValueError(
            "a network with Fourier features is given sigma, and its scheduler is no "
            "ScoreSdeVeScheduler, which gives it."
        )
    if not exploding:
        return Converted(network, shape, predicts=_predicts(network, scheduler))
    module = network.module.clone(divided=False)
    predicts = Prediction(process=diffusers_schedulers.levels(scheduler))
    return Converted(nets.Network(module, network.variables), shape, predicts=predicts)


def _latent(
    folder: pathlib.Path,
    home: pathlib.Path,
    side: int | None,
    scheduler: Mapping[str, Any],
    variant: str,
    context: str,
) -> Converted:
    """A network of latents, and beside it the autoencoder."""
    coder, network = latent_diffusion.networks(
        folder, array(context, 2), unet=home.name, variant=variant
    )
    factor = 2 ** (len(coder.module.widths) - 1)
    if side is not None and side % factor:
        raise UsageError(f"--side is that of images, and divides by {factor}.")
    config = json_text.read(home / "config.json", dict)
    height, width = _sides(config, None if side is None else side // factor)
    predicts = latent_diffusion.prediction(scheduler)
    images = (factor * height, factor * width, coder.module.channels)
    return Converted(
        network,
        (height, width, network.module.channels),
        predicts=predicts,
        latent=True,
        autoencoder=Converted(coder, images, "autoencoder"),
    )


def _is_latent(folder: pathlib.Path, home: pathlib.Path) -> bool:
    """Whether the network is one of latents.

    Raises:
        ValueError: it is, and stands alone.
    """
    file = home / "config.json"
    config = json_text.read(file, dict) if file.is_file() else {}
    conditional = config.get("_class_name") == "UNet2DConditionModel"
    if (folder / "vae").is_dir():
        return True
    if conditional:
        raise ValueError(
            f"{home} holds a UNet2DConditionModel, which works on latents; give the "
            "folder of the whole pipeline, with vae, unet and scheduler."
        )
    return False


def _check_latent(folder: pathlib.Path, context: str | None, label: str | None) -> None:
    if label is not None:
        raise UsageError("a network of latents has no class labels; leave --label.")
    if context is None:
        raise UsageError(
            f"{folder} is one of latent diffusion, whose network is given a text: give "
            "--context=FILE, an .npy or .npz file, or one of weights, with its "
            "embeddings [T, D]; of the empty text, diffusers' "
            "encode_prompt('', device, 1, False)[0] gives them."
        )


def _predicts(network: nets.Network, scheduler: Mapping[str, Any]) -> Prediction:
    """What the network predicts: the noise alone, or a variance as well."""
    made, module = diffusers_schedulers.chain(scheduler), network.module
    given, channels = module.out_channels or module.channels, module.channels
    learned = str(scheduler.get("variance_type", "")).startswith("learned")
    if given == channels and not learned:
        return made
    range_of = scheduler.get("variance_type") in ("learned_range", None)
    if given == 2 * channels and range_of and made.predicts == "noise":
        return Prediction("noise_and_variance", made.process)
    raise ValueError(
        f"the network gives {given} channels for {channels}, with prediction_type "
        f"{scheduler.get('prediction_type', 'epsilon')!r:.40} and variance_type "
        f"{scheduler.get('variance_type')!r:.40}, which do not go together here."
    )


def _check_parts(folder: pathlib.Path, known: tuple[str, ...]) -> None:
    """Refuse a pipeline with a part that may change what is computed."""
    index = folder / "model_index.json"
    named = json_text.read(index, dict) if index.is_file() else {}
    more = [
        name
        for name, part in named.items()
        if name not in known and not name.startswith("_") and part is not None
    ]
    if more:
        raise ValueError(
            f"{index} names {', '.join(map(repr, more))} beside "
            f"{', '.join(known)}; only pipelines without such parts are read."
        )


def _home(
    folder: pathlib.Path, entry: str | None
) -> tuple[pathlib.Path, dict[str, Any]]:
    """The folder of the weights, averaged ones if there are, and what was taken."""
    averaged = folder / "unet_ema"
    if not (averaged / "config.json").is_file():
        if entry is not None:
            raise UsageError(
                f"{folder} holds one set of weights, and does not say whether they are "
                "averaged; leave --entry."
            )
        return folder if (folder / "config.json").is_file() else folder / "unet", {}
    if entry not in (None, "ema", "raw"):
        raise UsageError(f"{folder} has --entry=ema and --entry=raw; got {entry}.")
    if entry == "raw":
        return folder / "unet", {"entry": "unet", "other entries": "--entry=ema"}
    words = {"entry": "unet_ema (averaged)", "other entries": "--entry=raw"}
    return averaged, words


def _sides(config: Mapping[str, Any], side: int | None) -> tuple[int, int]:
    """Height and width of the images."""
    size = config.get("sample_size") if side is None else side
    match size if isinstance(size, list) else [size, size]:
        case [int() as height, int() as width] if 0 < min(height, width):
            return height, width
    raise UsageError(
        f"the config's sample_size is {size!r:.40}; give --side, the height and width "
        "of the images."
    )
