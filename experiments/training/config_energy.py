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
    agree,
)
from experiments.training.energy_published import RECIPES
from purifax.recipe import above, at_least, one_of, typed, within

__all__ = ["Chains", "EnergyTraining", "Guard", "Strip", "Switch", "Training"]

_WORDS = {
    "start": ("data", "noise", "short"),
    "source": ("data", "noised data", "noise"),
    "when": ("before", "after"),
}


@dataclass(frozen=True)
@typed
class Chains:
    """The chains that the energy of data is compared with; p ~ exp(-E / temperature).

    In each update `train.batch` chains are drawn from a bank, take `steps` steps

        x - epsilon^2 / 2 grad E / temperature + epsilon z

    and are put back. A field that is not None replaces the number of the preset.

    Attributes:
        preset: published numbers: a name of
            `experiments.training.energy_published.RECIPES`.
        sampler: "langevin", or "mala" with Metropolis's test.
        epsilon: deviation of the noise of a step, in pixels in [0, 1]: half of the
            number published for [-1, 1].
        temperature: by which energies are divided.
        steps: of a chain in each update.
        bank: chains that are kept; 0 is one for each training image.
        start: the bank starts from "data", which are noised training images, or
            "noise", uniform in [0, 1]; or "short": chains start in uniform noise at
            every update and no bank is kept.
        rejuvenation: probability with which a chain of the bank begins afresh.
        source: of a chain that begins afresh: "data", "noised data" (noised once
            more, as PureGen's code does) or "noise".
        when: a chain begins afresh "before" it runs or "after".
        data_noise: deviation of the noise in the data.
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

    def __post_init__(self) -> None:
        one_of(self, "preset", tuple(RECIPES))
        one_of(self, "sampler", ("langevin", "mala"))
        for name, words in _WORDS.items():
            if getattr(self, name) is not None:
                one_of(self, name, words)
        above(self, "epsilon", 0)
        above(self, "temperature", 0)
        at_least(self, "steps", 1)
        at_least(self, "bank", 0)
        within(self, "rejuvenation", 0, 1)
        at_least(self, "data_noise", 0)


@dataclass(frozen=True)
@typed
class Switch:
    """After a share of the run, plain SGD takes over.

    A step of it is `learning_rate` times the gradient of mean E+ - mean E-, the two
    mean energies as they are: `learning_rate` times the temperature on the loss, as
    Stochastic Security gives it (Hill et al. 2021, arXiv 2005.13525, whose temperature
    is half the squared epsilon).

    Attributes:
        at: share of the run after which SGD takes over; 1 is never.
        learning_rate: of SGD, on the difference of mean energies.
    """

    at: float = 1.0
    learning_rate: float = 5e-5

    def __post_init__(self) -> None:
        above(self, "at", 0)
        within(self, "at", 0, 1)
        above(self, "learning_rate", 0)


@dataclass(frozen=True)
@typed
class Guard:
    """When a run is given up: one of these for `patience` steps on end.

    Attributes:
        gap: largest energy gap (E+ - E-) / T, of either sign, in nats for each
            pixel value.
        far: largest share of the chains' pixel values below -0.5 or above 1.5.
        patience: steps on end.
    """

    gap: float = 1.0
    far: float = 0.02
    patience: int = 20

    def __post_init__(self) -> None:
        for name in ("gap", "far", "patience"):
            above(self, name, 0)


@dataclass(frozen=True)
@typed
class Strip:
    """The picture of long chains at the end.

    Attributes:
        images: chains from data, and as many from noise; 0 draws no picture.
        at: numbers of steps after which they are shown, from few to many.
    """

    images: int = 10
    at: tuple[int, ...] = (0, 100, 300, 1000, 3000, 10000)

    def __post_init__(self) -> None:
        at_least(self, "images", 0)
        at_least(self, "at", 0)
        if (self.images and not self.at) or list(self.at) != sorted(self.at):
            raise ValueError(
                f"Strip.at must be numbers of steps from few to many; got {self.at}."
            )


@dataclass(frozen=True)
@typed
class EnergyTraining:
    """Train an energy by maximum likelihood with negatives from Langevin chains.

    Attributes:
        data: the training images.
        net: the network.
        train: how long to train, and when to log, validate and save.
        chains: the chains that data are compared with.
        optim: the optimiser.
        switch: when plain SGD takes over.
        guard: when the run is given up.
        strip: the picture at the end.
    """

    kind: ClassVar[str] = "energy_training"

    data: Data
    net: EnergyNet
    train: Train
    chains: Chains = field(default_factory=Chains)
    optim: Optim = field(default_factory=lambda: Optim(ema=0.0))
    switch: Switch = field(default_factory=Switch)
    guard: Guard = field(default_factory=Guard)
    strip: Strip = field(default_factory=Strip)

    def __post_init__(self) -> None:
        agree(self.optim, self.train.steps)


Training = ScoreTraining | DiffusionTraining | ClassifierTraining | EnergyTraining
