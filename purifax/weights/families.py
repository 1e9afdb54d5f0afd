"""Families of public checkpoints: how each is read, with which flags.

A family is a function of the path; its keyword arguments are its flags, and its
defaults the published settings.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from purifax import nets
from purifax.recipe.spelling import nearest
from purifax.run.errors import UsageError
from purifax.weights import (
    Prediction,
    convnets,
    families_classifiers,
    families_diffusers,
    families_energy,
    families_openai,
    families_song,
    presets,
    residual,
    robustbench_names,
    tutorials,
)
from purifax.weights.conversion import Converted
from purifax.weights.families_classifiers import converted, given
from purifax.weights.foreign_file import chosen, state

__all__ = ["FAMILIES", "flags_of", "options", "read"]


def read(family: str, path: str, given: Mapping[str, Any]) -> Converted:
    """The network of a checkpoint.

    Args:
        family: a name in `FAMILIES`; "" where a preset is given, which names its own.
        given: flags by name, without their dashes.

    Raises:
        UsageError: an unknown family or preset, or a flag that the family does not
            have.
        ValueError: the file is damaged, or holds something else.
    """
    preset = given.get("preset")
    if family == "" and robustbench_names.known(preset):
        family = "robustbench"
    if preset is not None and family != "robustbench":
        own = presets.named(preset).family
        if family not in ("", own):
            raise UsageError(f"--preset={preset} is of --from={own}; got {family}.")
        family, given = own, presets.flags(preset, given)
    if family not in FAMILIES:
        hint = nearest(family, list(FAMILIES))
        raise UsageError(f"there is no family {family!r}{hint}")
    known = flags_of(FAMILIES[family])
    for name in given:
        if name not in known:
            has = ", ".join(f"--{flag}" for flag in known) or "none"
            raise UsageError(f"--{name} is no flag of {family}; it has {has}.")
    try:
        made = FAMILIES[family](path, **given)
    except (AttributeError, LookupError, TypeError) as error:
        words = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{path} is laid out in no way that {family} knows ({words})."
        ) from error
    taken = {"family": family, "preset": preset} | dict(made.taken)
    return replace(made, taken={k: v for k, v in taken.items() if v})


def options() -> list[str]:
    """The flags of all families."""
    return sorted({name for family in FAMILIES.values() for name in flags_of(family)})


def flags_of(family: Callable[..., Converted]) -> list[str]:
    """The flags of a family: its keyword arguments."""
    words = inspect.signature(family).parameters.values()
    return [word.name for word in words if word.kind == word.KEYWORD_ONLY]


def _classifier(reader: Callable[..., nets.Network], side: int) -> Any:
    """A family of classifiers, whose flags are the normalisation and the side."""

    def family(
        path: str,
        *,
        mean: Sequence[str] | None = None,
        std: Sequence[str] | None = None,
        side: int = side,
        entry: str | None = None,
    ) -> Converted:
        arrays, taken = chosen(path, entry)
        network = reader(arrays, **given(mean=mean, std=std))
        return converted(network, side, side, taken)

    return family


def _cifar_resnet(arrays: Mapping[str, Any], **numbers: Any) -> nets.Network:
    """PyTorch's layout, or Flax's."""
    flax = any(name.startswith("params/") for name in arrays)
    return (residual.uva if flax else residual.akamaster)(arrays, **numbers)


def _ebm_defense_classifier(
    arrays: Mapping[str, Any],
    *,
    mean: tuple[float, ...] = (0.5,),
    std: tuple[float, ...] = (0.5,),
) -> nets.Network:
    """A network of images in [-1, 1]."""
    return residual.biased(arrays, mean=mean, std=std)


_MNIST = (28, 28, 1)


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
    return Converted(network, _MNIST, predicts=predicts)


def _mnist_score(path: str) -> Converted:
    network = tutorials.score(state(path))
    # Its own process, from 0.01 on: the level at time 1.
    base = network.module.base
    largest = ((base**2 - 1) / (2 * math.log(base))) ** 0.5
    levels = {"name": "VE", "smallest": 0.01, "largest": largest}
    return Converted(network, _MNIST, predicts=Prediction(process=levels))


FAMILIES: dict[str, Callable[..., Converted]] = {
    "adp": families_song.adp_family,
    "adp_classifier": _classifier(residual.biased, 32),
    "cifar_resnet": _classifier(_cifar_resnet, 32),
    "clip": families_classifiers.clip,
    "convnet": _classifier(convnets.strided, 28),
    "diffusers": families_diffusers.pipeline,
    "ebm_defense": families_energy.ebm_defense,
    "ebm_defense_classifier": _classifier(_ebm_defense_classifier, 32),
    "edm": families_song.edm_family,
    "keras_lenet": _classifier(convnets.keras, 32),
    "lenet5": _classifier(convnets.lenet5, 28),
    "mnist_ddpm": _mnist_ddpm,
    "mnist_ebm": families_energy.mnist_ebm,
    "mnist_score": _mnist_score,
    "ncsnv2": families_song.ncsnv2_family,
    "openai": families_openai.openai_family,
    "plain_resnet": _classifier(residual.plain, 32),
    "puregen_ebm": families_energy.puregen_ebm,
    "robustbench": families_classifiers.robustbench,
    "score_sde": families_song.score_sde_family,
    "timm": families_classifiers.of_timm,
    "torchvision": families_classifiers.of_torchvision,
}
