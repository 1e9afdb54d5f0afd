"""Config type of a density in the plane learnt from samples: plain values."""

from dataclasses import dataclass
from typing import ClassVar

from experiments.examples.config_mixture import check_modes
from purifax.recipe import above, at_least, typed, within

__all__ = ["Density"]


@dataclass(frozen=True)
@typed
class Density:
    """An energy of points in the plane, learnt by Langevin chains from a bank.

    The truth is a mixture of Gaussians. The network has two layers on a bowl.

    Attributes:
        means, deviations, weights: of the Gaussians.
        points: that are given of the truth.
        width: of the layers of the network.
        updates: of the network.
        batch: points, and as many chains of the bank, in an update.
        bank: chains that are kept.
        steps: by which chains go on in an update.
        step_size: of these steps.
        fresh: share of the chains that starts again at the data after an update.
        learning_rate: of Adam, which falls to zero by a cosine.
        drawn: chains in the picture, from uniform noise.
        long: steps of the chains in the picture.
        seed: of everything that is drawn.
    """

    kind: ClassVar[str] = "density"

    means: tuple[tuple[float, float], ...] = ((0.25, 0.3), (0.7, 0.25), (0.5, 0.75))
    deviations: tuple[float, ...] = (0.1, 0.08, 0.12)
    weights: tuple[float, ...] = (0.3, 0.25, 0.45)
    points: int = 4096
    width: int = 32
    updates: int = 500
    batch: int = 256
    bank: int = 1024
    steps: int = 20
    step_size: float = 5e-4
    fresh: float = 0.05
    learning_rate: float = 1e-2
    drawn: int = 1000
    long: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        check_modes(self)
        whole = (
            "points",
            "width",
            "updates",
            "batch",
            "bank",
            "steps",
            "drawn",
            "long",
        )
        for name in whole:
            at_least(self, name, 1)
        above(self, "step_size", 0)
        above(self, "learning_rate", 0)
        within(self, "fresh", 0, 1)
        if not self.batch <= self.bank <= self.points:
            raise ValueError(
                "batch <= bank <= points is needed, as chains start at points; got "
                f"{self.batch}, {self.bank} and {self.points}."
            )
