"""Config type of the samplers' picture: plain values, as in `config`."""

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Mixture"]


@dataclass(frozen=True)
class Mixture:
    """Samplers on a mixture of Gaussians in the plane, whose score is exact.

    Each of `samplers` (() for all) takes `points` points from noise of level `first`
    down to the mixture, with at most `calls` calls of the score for each point.
    `means`, `deviations` and `weights` are those of the modes; `last` is the lowest
    level but 0.
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
