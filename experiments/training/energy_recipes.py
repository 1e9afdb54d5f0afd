"""From `Chains` to numbers: those of the preset, with the config's own in their place.

A preset is a name of `published.RECIPES`, which has the numbers as published, for
images in [-1, 1]. Here all lengths are those of images in [0, 1].
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from experiments.training.config_energy import Chains, EnergyTraining
from experiments.training.energy_published import RECIPES, Published

__all__ = ["Recipe", "check", "fit", "recipe"]


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
    """The preset's numbers, and in their place those that the config gives."""
    given = {k: v for k, v in dataclasses.asdict(chains).items() if v is not None}
    return Recipe(**{**_published(RECIPES[given.pop("preset")]), **given})


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
    """Refuses a bank that is too small for a batch.

    Raises:
        ValueError: each step would draw some of its chains twice.
    """
    given = recipe(config.chains)
    if given.banked and given.bank and given.bank < config.train.batch:
        raise ValueError(
            f"chains.bank={given.bank} is smaller than train.batch="
            f"{config.train.batch}: each step draws so many chains, none twice."
        )


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
