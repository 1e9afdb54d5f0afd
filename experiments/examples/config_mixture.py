"""Config type of the samplers' picture: plain values, as in `config`."""

from dataclasses import dataclass
from typing import ClassVar

from purifax.recipe import typed

__all__ = ["Mixture"]


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
