"""Config type of a density in the plane learnt from samples: plain values."""

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Density"]


@dataclass(frozen=True)
class Density:
    """An energy of points in the plane, learnt by Langevin chains from a bank.

    The truth is a mixture of Gaussians with these `means`, `deviations` and `weights`,
    of which `points` are given. Each of `updates` takes `batch` of them and as many of
    the `bank` chains, which go on by `steps` steps of size `step_size`; a share `fresh`
    of them then starts again at the data. The network has two layers `width` wide on a
    bowl. Adam's `learning_rate` falls to zero by a cosine. `drawn` chains of `long`
    steps, from uniform noise, are drawn in the picture.
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
