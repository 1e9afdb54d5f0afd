"""Is a training run still sane? One line of diagnosis when it is not."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from experiments.training.config_energy import (
    EnergyTraining,
    Training,
)

__all__ = ["Diverged", "Fault", "Health", "words"]

_SLOWER = "a smaller --config.optim.learning_rate"


class Diverged(RuntimeError):
    """The loss or a weight is not finite, or the chains are not those of an energy."""


class Fault(NamedTuple):
    """What was found, what it means (or nothing) and what to try."""

    found: str
    meaning: str = ""
    advice: str = f"{_SLOWER} or --config.optim.clip=1"


class Health:
    """Watches the numbers of each step of a run.

    A number that is not finite is a fault at once; chains of an energy that leave what
    `config.guard` allows are one after `guard.patience` steps on end.

    Attributes:
        well: whether the last step was within the guard, so that it may be kept.
    """

    def __init__(self, config: Training, values: int) -> None:
        """`values` is the number of pixel values of an image."""
        self._guard = config.guard if isinstance(config, EnergyTraining) else None
        self._values, self._wrong, self.well = values, 0, True

    def __call__(self, seen: Mapping[str, float], step: int) -> Fault | None:
        """Takes the numbers of a step; the fault, if the run should end."""
        for name in (name for name in seen if not math.isfinite(seen[name])):
            return Fault(f"the {name} is {seen[name]} at step {step}")
        fault = self._beyond(seen, step)
        self.well = fault is None
        self._wrong = 0 if self.well else self._wrong + 1
        lasted = self._guard is not None and self._wrong >= self._guard.patience
        return fault if lasted else None

    def _beyond(self, seen: Mapping[str, float], step: int) -> Fault | None:
        """What the guard of an energy does not allow."""
        if self._guard is None:
            return None
        lasts = f", {self._wrong + 1} steps on end, at step {step}"
        if seen["far"] > self._guard.far:
            share = f"{seen['far']:.0%} of the chains' pixels"
            return Fault(
                f"{share} are beyond [-0.5, 1.5]{lasts}",
                "the energy does not hold its chains",
                f"{_SLOWER}, or more --config.chains.data_noise",
            )
        bound = self._guard.gap * self._values
        if abs(seen["loss"]) > bound:
            side = "far below" if seen["loss"] < 0 else "far above"
            return Fault(
                f"the energy gap is {seen['loss']:.4g}, beyond {bound:g}{lasts}",
                f"the energy of data is {side} that of the chains",
                f"{_SLOWER}, or more --config.chains.steps",
            )
        return None


def words(seen: Mapping[str, float]) -> str:
    """What is seen of the chains of an energy, for the line of progress.

    >>> words({"gradient": 31.4, "drift": 0.52, "outside": 0.081})
    'gradient 31.4, drift 0.52, outside 8.1%, '
    """
    if "drift" not in seen:
        return ""
    return (
        f"gradient {seen['gradient']:.3g}, drift {seen['drift']:.3g}, "
        f"outside {seen['outside']:.1%}, "
    )
