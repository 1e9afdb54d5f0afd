"""Families of public checkpoints: how each is read, with which flags.

A family is a function of the path; its keyword arguments are its flags, and its
defaults the published settings.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from purifax import nets
from purifax.recipe.spelling import nearest
from purifax.run.errors import UsageError
from purifax.weights import (
    Prediction,
    containers,
    convnets,
    edm,
    families_diffusers,
    families_energy,
    ncsnv2,
    openai,
    residual,
    score_sde,
    torchvision,
    tutorials,
)
from purifax.weights.conversion import Converted
from purifax.weights.families_diffusers import chain
from purifax.weights.foreign_file import dictionary, state

__all__ = ["FAMILIES", "chain", "options", "read"]


def read(family: str, path: str, given: Mapping[str, Any]) -> Converted:
    """The network of a checkpoint.

    Args:
        family: a name in `FAMILIES`.
        given: flags by name, without their dashes.

    Raises:
        UsageError: an unknown family, or a flag that it does not have.
        ValueError: the file is damaged, or holds something else.
    """
    if family not in FAMILIES:
        hint = nearest(family, list(FAMILIES))
        raise UsageError(f"there is no family {family!r}{hint}")
    known = _flags(FAMILIES[family])
    for name in given:
        if name not in known:
            has = ", ".join(f"--{flag}" for flag in known) or "none"
            raise UsageError(f"--{name} is no flag of {family}; it has {has}.")
    try:
        return FAMILIES[family](path, **given)
    except (AttributeError, LookupError, TypeError) as error:
        words = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{path} is laid out in no way that {family} knows ({words})."
        ) from error


def options() -> list[str]:
    """The flags of all families."""
    return sorted({name for family in FAMILIES.values() for name in _flags(family)})


def _flags(family: Callable[..., Converted]) -> list[str]:
    words = inspect.signature(family).parameters.values()
    return [word.name for word in words if word.kind == word.KEYWORD_ONLY]


def _openai(
    path: str,
    *,
    num_heads: int | None = None,
    num_head_channels: int | None = None,
    new_order: bool = False,
    betas: Literal["linear", "cosine"] | None = None,
    steps: int | None = None,
    rescaled: bool = False,
    groups: int = 32,
    side: int | None = None,
) -> Converted:
    if betas not in ("linear", "cosine") or steps is None or side is None:
        raise UsageError(
            "OpenAI's files say nothing of their chain and images, and their networks "
            "differ in them: give --betas (linear or cosine), --steps (1000 or 4000) "
            f"and --side; got {betas}, {steps} and {side}."
        )
    network = openai.unet(
        state(path),
        num_heads=num_heads,
        num_head_channels=num_head_channels,
        use_new_attention_order=new_order,
        time_scale=1000 / steps if rescaled else 1.0,
        groups=groups,
    )
    process = {"name": betas, "length": steps}
    if betas == "linear":
        process |= {"first": 0.1 / steps, "last": 20 / steps}
    learned = network.module.learned_variance
    predicts = Prediction("noise_and_variance" if learned else "noise", process)
    return _square(network, side, predicts=predicts)


def _score_sde(
    path: str,
    *,
    entry: Literal["ema", "raw"] = "ema",
    attention: Sequence[str] = ("16",),
    side: int = 32,
    process: Literal["VP", "SubVP"] | None = None,
) -> Converted:
    """A score of Song et al.

    With Fourier features it is one of VE, whose process has no other reading. With
    positional ones the arrays serve VP, sub-VP and the discrete VE alike, and the last,
    whose network gives the score and not the noise, is not read.
    """
    heights = tuple(int(n) for n in _numbers("attention", attention))
    stored = dictionary(path)
    network = score_sde.convert(stored, entry=entry, attention=heights, side=side)
    if isinstance(network.module, nets.NCSNpp):
        if process is not None:
            raise UsageError(
                "a network with Fourier features belongs to the process VE; leave "
                f"--process={process}."
            )
        return _square(network, side, predicts=_ve(side))
    if process not in ("VP", "SubVP"):
        raise UsageError(
            "a network with positional features was trained under VP or SubVP, which "
            "the arrays do not tell: give --process=VP or --process=SubVP; got "
            f"{process or 'none'}. Those of VE (`ve/cifar10_ncsnpp`) predict the "
            "score, at an index of levels, and are not read."
        )
    predicts = Prediction("noise", {"name": process}, label_scale=999)
    return _square(network, side, predicts=predicts)


def _edm(path: str) -> Converted:
    stored = dictionary(path)
    network = edm.convert(stored)
    predicts = Prediction("denoised", {"name": "EDM"})
    return _square(network, edm.side(stored), predicts=predicts)


def _ncsnv2(
    path: str, *, entry: Literal["ema", "raw"] = "ema", side: int = 32
) -> Converted:
    stored = containers.read(path)
    variables = ncsnv2.convert(stored, entry)
    params = variables["params"]["begin_conv"]["kernel"]
    module = nets.NCSNv2(width=params.shape[3], channels=params.shape[2])
    levels = ncsnv2.levels(stored, entry)
    predicts = _ve(side)
    if levels is not None:
        ends = {"smallest": levels[0], "largest": levels[1]}
        predicts = Prediction(process={"name": "VE"} | ends)
    return _square(nets.Network(module, variables), side, predicts=predicts)


def _ve(side: int) -> Prediction:
    """A scaled score, with the levels of small images, 0.01 to 50.

    Those of larger ones depend on the images, and are left out.
    """
    return Prediction(process={"name": "VE"} if side <= 32 else None)


def _adp(
    path: str, *, entry: Literal["ema", "raw"] = "raw", side: int = 32
) -> Converted:
    """ADP uses the last weights and not their average."""
    return _ncsnv2(path, entry=entry, side=side)


def _classifier(reader: Callable[..., nets.Network], side: int) -> Any:
    """A family of classifiers, whose flags are the normalisation and the side."""

    def family(
        path: str,
        *,
        mean: Sequence[str] | None = None,
        std: Sequence[str] | None = None,
        side: int = side,
        entry: Literal["ema", "raw"] | None = None,
    ) -> Converted:
        given = {"mean": mean, "std": std}
        numbers = {k: _numbers(k, v) for k, v in given.items() if v is not None}
        return _square(reader(state(path, entry), **numbers), side, "classifier")

    return family


def _cifar_resnet(arrays: Mapping[str, Any], **numbers: Any) -> nets.Network:
    """PyTorch's layout, or Flax's."""
    flax = any(name.startswith("params/") for name in arrays)
    return (residual.uva if flax else residual.akamaster)(arrays, **numbers)


def _mnist_ddpm(path: str) -> Converted:
    arrays = state(path)
    network = tutorials.noise(arrays)
    process = {"name": "linear", "width": 1.0}
    if "beta_t" in arrays:
        betas = np.asarray(arrays["beta_t"], float)
        process |= {"length": len(betas), "first": betas[0], "last": betas[-1]}
        if not np.allclose(betas, np.linspace(betas[0], betas[-1], len(betas))):
            raise ValueError("the chain's betas are not evenly spaced.")
    steps = process.get("length", 1001) - 1
    predicts = Prediction("noise", process, width=1.0, label_scale=1 / steps)
    return _square(network, 28, predicts=predicts)


def _mnist_score(path: str) -> Converted:
    network = tutorials.score(state(path))
    # Its own process, from 0.01 on: the level at time 1.
    base = network.module.base
    largest = ((base**2 - 1) / (2 * math.log(base))) ** 0.5
    levels = {"name": "VE", "smallest": 0.01, "largest": largest}
    return _square(network, 28, predicts=Prediction(process=levels))


FAMILIES: dict[str, Callable[..., Converted]] = {
    "adp": _adp,
    "cifar_resnet": _classifier(_cifar_resnet, 32),
    "convnet": _classifier(convnets.strided, 28),
    "diffusers": families_diffusers.pipeline,
    "ebm_defense": families_energy.ebm_defense,
    "edm": _edm,
    "keras_lenet": _classifier(convnets.keras, 32),
    "lenet5": _classifier(convnets.lenet5, 28),
    "mnist_ddpm": _mnist_ddpm,
    "mnist_ebm": families_energy.mnist_ebm,
    "mnist_score": _mnist_score,
    "ncsnv2": _ncsnv2,
    "openai": _openai,
    "plain_resnet": _classifier(residual.plain, 32),
    "puregen_ebm": families_energy.puregen_ebm,
    "robustbench": _classifier(torchvision.robustbench, 32),
    "score_sde": _score_sde,
    "torchvision": _classifier(torchvision.imagenet, 224),
}


def _square(network: nets.Network, side: int, role: str = "score", **more: Any) -> Any:
    return Converted(network, (side, side, _channels(network)), role, **more)


def _channels(network: nets.Network) -> int:
    """Of the images: the module's field, or the inputs of its first convolution."""
    channels = getattr(network.module, "channels", None)
    if channels is None:
        params = network.variables["params"]
        first = params.get("conv1", params.get("Conv_0"))
        channels = first["kernel"].shape[2]
    return channels


def _numbers(name: str, words: Sequence[str]) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in words)
    except ValueError:
        text = ",".join(words)
        raise UsageError(f"--{name} takes numbers; got {text!r}.") from None
