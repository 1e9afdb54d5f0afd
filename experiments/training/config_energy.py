"""Config types of the training of energies: network, chains, optimiser, pictures.

Lengths of pixels are in the units of images in [0, 1] throughout: half of the numbers
that are published for images in [-1, 1].
"""

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.training.config import (
    ClassifierTraining,
    Data,
    DiffusionTraining,
    EnergyNet,
    Optim,
    ScoreTraining,
    Train,
)

__all__ = ["Chains", "EnergyTraining", "Guard", "Strip", "Switch", "Training"]


@dataclass(frozen=True)
class Chains:
    """The chains that the energy of data is compared with; p ~ exp(-E / temperature).

    `preset` names published numbers, see `lib.published.RECIPES`; a field that is not
    None replaces the preset's. In each update `train.batch` chains are drawn
    from a bank of `bank`, take `steps` steps of `sampler` ("langevin", or "mala" with
    Metropolis's test) and are put back. `epsilon` is the deviation of the noise of a
    step, in pixels in [0, 1]: half the number published for [-1, 1]. The step is
    x - epsilon^2 / 2 grad E / temperature + epsilon z.

    `start` fills the bank with "data", which are noised training images, or "noise",
    uniform in [0, 1]; or it is "short": chains start in uniform noise at every update
    and no bank is kept. A `bank` of 0 has a chain for each training image. With
    probability `rejuvenation` a chain begins afresh `when` it has been drawn ("before")
    or has run ("after"), from `source`: "data", "noised data" (noised once more, as
    PureGen's code does) or "noise". `data_noise` is the deviation of the noise in data.
    """

    preset: str = "pureebm_code"
    sampler: str = "langevin"
    epsilon: float | None = None
    temperature: float | None = None
    steps: int | None = None
    bank: int | None = None
    start: str | None = None
    rejuvenation: float | None = None
    source: str | None = None
    when: str | None = None
    data_noise: float | None = None


@dataclass(frozen=True)
class Switch:
    """After the share `at` of the run, plain SGD takes over; 1 is never.

    A step of it is `learning_rate` times the gradient of mean E+ - mean E-, the two
    mean energies as they are: `learning_rate` times the temperature on the loss, as
    Stochastic Security gives it (Hill et al. 2021, arXiv 2005.13525, whose temperature
    is half the squared epsilon).
    """

    at: float = 1.0
    learning_rate: float = 5e-5


@dataclass(frozen=True)
class Guard:
    """When a run is given up: one of these for `patience` steps on end.

    `gap`: the energy gap (E+ - E-) / T, of either sign, in nats for each pixel value.
    `far`: the share of the chains' pixel values below -0.5 or above 1.5.
    """

    gap: float = 1.0
    far: float = 0.02
    patience: int = 20


@dataclass(frozen=True)
class Strip:
    """Long chains at the end, `images` from data and as many from noise (0: none).

    `at` are the numbers of steps after which they are shown, from few to many.
    """

    images: int = 10
    at: tuple[int, ...] = (0, 100, 300, 1000, 3000, 10000)


@dataclass(frozen=True)
class EnergyTraining:
    """Train an energy by maximum likelihood with negatives from Langevin chains."""

    kind: ClassVar[str] = "energy_training"

    data: Data
    net: EnergyNet
    train: Train
    chains: Chains = field(default_factory=Chains)
    optim: Optim = field(default_factory=lambda: Optim(ema=0.0))
    switch: Switch = field(default_factory=Switch)
    guard: Guard = field(default_factory=Guard)
    strip: Strip = field(default_factory=Strip)


Training = ScoreTraining | DiffusionTraining | ClassifierTraining | EnergyTraining
