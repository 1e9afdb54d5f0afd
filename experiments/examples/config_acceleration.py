"""Config type of accelerated sampling on images: plain values, as in `config`."""

from dataclasses import dataclass, field
from typing import ClassVar

from purifax.evaluation.settings import Subjects

__all__ = ["Acceleration"]


@dataclass(frozen=True)
class Acceleration:
    """Samplers on images, with ever fewer calls of a trained score.

    Each of `samplers` (() for all) draws `count` images under each of `seeds` seeds
    with at most each of `calls` calls of the score, down levels in constant ratio from
    `first` to `last` and then to 0. Langevin steps are a rate times sigma^2, and the
    corrector's a signal-to-noise ratio; the best of `rates` and `ratios` is chosen for
    each sampler and number of calls, on validation images and a seed of its own. The
    distances are to `images`. `alpha` is that of the filters, made from `filtered`
    training images.
    """

    kind: ClassVar[str] = "acceleration"

    score: str
    classifier: str
    images: Subjects = field(default_factory=lambda: Subjects(name="digits", count=500))
    samplers: tuple[str, ...] = ()
    calls: tuple[int, ...] = (10, 20, 40, 80)
    rates: tuple[float, ...] = (0.1, 0.2, 0.4)
    ratios: tuple[float, ...] = (0.16,)
    count: int = 500
    seeds: int = 5
    first: float = 1.0
    last: float = 0.05
    alpha: float = 5.0
    filtered: int = 200
    seed: int = 0
