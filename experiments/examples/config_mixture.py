"""Config type of the samplers' picture: plain values, as in `config`."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from purifax.recipe import above, at_least, typed

__all__ = ["Mixture", "check_modes"]


@dataclass(frozen=True)
@typed
class Mixture:
    """Samplers on a mixture of Gaussians in the plane, whose score is exact.

    Attributes:
        samplers: names of samplers; () is all.
        points: that each sampler takes from noise to the mixture.
        calls: most calls of the score for each point.
        first: the noise level at which points start.
        last: the lowest noise level but 0.
        means, deviations, weights: of the modes.
        seed: of everything that is drawn.
    """

    kind: ClassVar[str] = "mixture"

    samplers: tuple[str, ...] = ()
    points: int = 4000
    calls: int = 60
    first: float = 5.0
    last: float = 0.01
    means: tuple[tuple[float, float], ...] = ((0.15, 0.25), (0.8, 0.2), (0.55, 0.8))
    deviations: tuple[float, ...] = (0.05, 0.1, 0.14)
    weights: tuple[float, ...] = (0.5, 0.2, 0.3)
    seed: int = 0

    def __post_init__(self) -> None:
        check_modes(self)
        at_least(self, "points", 2)
        at_least(self, "calls", 4)
        above(self, "last", 0)
        above(self, "first", self.last)


def check_modes(config: Any) -> None:
    """Refuses modes that make no mixture.

    Raises:
        ValueError: they are not as many as their deviations or weights, or one of
            these is not positive, or a mean is no point of the plane.
    """
    modes = {len(config.means), len(config.deviations), len(config.weights)}
    if modes == {0} or len(modes) > 1:
        raise ValueError("means, deviations and weights must be equally many.")
    above(config, "deviations", 0)
    above(config, "weights", 0)
    for mean in config.means:
        if len(mean) != 2 or not all(math.isfinite(number) for number in mean):
            raise ValueError(f"means must be points of the plane; got {mean}.")
