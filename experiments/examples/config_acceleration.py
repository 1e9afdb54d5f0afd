"""Config type of accelerated sampling on images: plain values, as in `config`."""

from dataclasses import dataclass, field
from typing import ClassVar

from purifax.evaluation.settings import Subjects
from purifax.recipe import above, at_least, typed

__all__ = ["Acceleration"]


@dataclass(frozen=True)
@typed
class Acceleration:
    """Samplers on images, with ever fewer calls of a trained score.

    Levels fall in constant ratio from `first` to `last` and then to 0. The best of
    `rates` and `ratios` is chosen for each sampler and number of calls, on validation
    images and a seed of its own.

    Attributes:
        score: work directory, or shipped weights, of the score network.
        classifier: work directory, or shipped weights, in whose features distances
            are measured.
        images: to which the distances are measured.
        samplers: names of samplers; () is all.
        calls: most calls of the score, one row each.
        rates: of Langevin steps, times sigma^2.
        ratios: signal-to-noise ratios of the corrector.
        count: images that each sampler draws under each seed.
        seeds: how many seeds.
        first: the highest noise level.
        last: the lowest noise level but 0.
        alpha: of the filters of preconditioned steps.
        filtered: training images from which these filters are made.
        seed: the first seed.
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

    def __post_init__(self) -> None:
        for name in ("calls", "rates", "ratios"):
            above(self, name, 0)
            if not getattr(self, name):
                raise ValueError(f"Acceleration.{name} is empty; name one or more.")
        at_least(self, "calls", 4)
        at_least(self, "count", 2)
        at_least(self, "seeds", 1)
        above(self, "last", 0)
        above(self, "first", self.last)
        above(self, "alpha", 0)
        at_least(self, "filtered", 1)
