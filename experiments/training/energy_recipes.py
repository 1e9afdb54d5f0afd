"""From `Chains` to numbers: those of the preset, with the config's own in their place.

A preset is a name of `published.RECIPES`, which has the numbers as published, for
images in [-1, 1]. Here all lengths are those of images in [0, 1].
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from experiments.training.config_energy import Chains, EnergyTraining
from experiments.training.energy_published import RECIPES, Published
from purifax.recipe.spelling import nearest

__all__ = ["Recipe", "check", "fit", "recipe"]

_STARTS = ("data", "noise", "short")
_SOURCES = ("data", "noised data", "noise")
_WHEN = ("before", "after")
_SAMPLERS = ("langevin", "mala")


@dataclass(frozen=True)
class Recipe:
    """The numbers of the chains of a run, in the fields and units of `Chains`.

    A `bank` of 0 has one chain for each training image.
    """

    sampler: str
    epsilon: float
    temperature: float
    steps: int
    bank: int
    start: str
    rejuvenation: float
    source: str
    when: str
    data_noise: float

    @property
    def banked(self) -> bool:
        """Whether chains are kept from one step to the next."""
        return self.start != "short"

    def size(self, images: int) -> int:
        """Chains in the bank, for so many training images."""
        return self.bank or images


def recipe(chains: Chains) -> Recipe:
    """The preset's numbers, and in their place those that the config gives.

    Raises:
        ValueError: there is no such preset.
    """
    given = {k: v for k, v in dataclasses.asdict(chains).items() if v is not None}
    name = _one_of("preset", given.pop("preset"), tuple(RECIPES))
    return Recipe(**{**_published(RECIPES[name]), **given})


def _published(found: Published) -> dict[str, Any]:
    """The numbers of a preset under our names, in our units."""
    return {
        "epsilon": found.epsilon / 2,
        "temperature": found.temperature,
        "steps": found.steps,
        "bank": found.chains or 0,
        "start": found.start,
        "rejuvenation": found.rejuvenation,
        "source": found.renewed,
        "when": "before" if found.before else "after",
        "data_noise": found.sigma,
    }


def check(config: EnergyTraining) -> None:
    """Refuses chains, switch and guard that make no run.

    Raises:
        ValueError: a number out of its range, or an unknown name.
    """
    given = recipe(config.chains)
    _one_of("sampler", given.sampler, _SAMPLERS)
    _one_of("start", given.start, _STARTS)
    _one_of("source", given.source, _SOURCES)
    _one_of("when", given.when, _WHEN)
    for name in ("epsilon", "temperature"):
        _positive(f"chains.{name}", getattr(given, name))
    if given.steps < 1:
        raise ValueError(f"chains.steps must be 1 or more; got {given.steps}.")
    if not 0 <= given.rejuvenation <= 1:
        raise ValueError(
            f"chains.rejuvenation is a probability; got {given.rejuvenation}."
        )
    if not 0 <= given.data_noise < math.inf:
        raise ValueError(
            f"chains.data_noise must be 0 or more; got {given.data_noise}."
        )
    if given.banked and given.bank and given.bank < config.train.batch:
        raise ValueError(
            f"chains.bank={given.bank} is smaller than train.batch="
            f"{config.train.batch}: each step draws so many chains, none twice."
        )
    if not 0 < config.switch.at <= 1:
        raise ValueError(f"switch.at is a share of the run; got {config.switch.at}.")
    _positive("switch.learning_rate", config.switch.learning_rate)
    _positive("guard.gap", config.guard.gap)
    _positive("guard.far", config.guard.far)
    _positive("guard.patience", config.guard.patience)
    _check_strip(config)


def fit(config: EnergyTraining, images: int, devices: int) -> None:
    """Refuses a bank that these images cannot fill, or that does not divide.

    Args:
        images: how many are trained on.

    Raises:
        ValueError: with the nearest size that would do.
    """
    given = recipe(config.chains)
    if not given.banked:
        return
    bank = given.size(images)
    if given.start == "data" and bank > images:
        raise ValueError(
            f"chains.bank={bank} is larger than the {images} training images "
            f"that start it; set --config.chains.bank={images - images % devices}, or "
            "--config.chains.start=noise."
        )
    if bank % devices:
        raise ValueError(
            f"chains.bank={bank} does not divide over {devices} devices; set "
            f"--config.chains.bank={bank - bank % devices}."
        )


def _check_strip(config: EnergyTraining) -> None:
    at, images = config.strip.at, config.strip.images
    if images < 0 or (images and (not at or min(at) < 0 or list(at) != sorted(at))):
        raise ValueError(
            "strip.at must be numbers of steps from few to many, and strip.images 0 or "
            f"more; got {at} and {images}."
        )


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be more than 0 and finite; got {value}.")


def _one_of(field: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(
            f"chains.{field} is {value!r}, which is unknown{nearest(value, known)}"
        )
    return value
