"""Config type of a density in the plane learnt from samples: plain values."""

from dataclasses import dataclass
from typing import ClassVar

from purifax.recipe import typed

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
