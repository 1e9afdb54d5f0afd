"""Config types of diffusion: the noise process, its loss, and the picture."""

from dataclasses import dataclass

from purifax.purify.descent import SAMPLERS
from purifax.recipe import above, at_least, below, one_of, typed, within

__all__ = ["Diffusion", "Drawing"]


@dataclass(frozen=True)
@typed
class Diffusion:
    """A noise process, and the loss by which the noise in it is predicted.

    None leaves a number to the process. See `purifax.loss`.

    Attributes:
        process: "linear" or "cosine" (the chains of
            DDPM), "VP", "SubVP", "VE" or "EDM".
        length: steps of a chain.
        first, last: the first and the last beta of the linear chain.
        objective: "simple", "min_snr" or "hybrid" over the labels of a chain,
            "continuous" over the times of VP, SubVP or VE, or "edm", which goes
            with any process.
        cap: of the weights of "min_snr".
        weight: of the bound in "hybrid", by which the network learns variances too.
        mean, deviation: of log sigma in "edm", which is normal.
        spread: in "edm", the standard deviation of images in [-1, 1].
        label_scale: the network is told this times the time.
        labels: the losses over labels draw those below this number; None is all.
    """

    process: str = "linear"
    length: int | None = None
    first: float | None = None
    last: float | None = None
    objective: str = "simple"
    cap: float = 5.0
    weight: float = 1e-3
    mean: float = -1.2
    deviation: float = 1.2
    spread: float = 0.5
    label_scale: float = 1.0
    labels: int | None = None

    def __post_init__(self) -> None:
        objectives = ("simple", "min_snr", "hybrid", "continuous", "edm")
        one_of(self, "objective", objectives)
        at_least(self, "length", 2)
        for name in ("first", "last"):
            above(self, name, 0)
            if self.process in ("linear", "cosine"):
                below(self, name, 0, 1)
        if self.first is not None:
            at_least(self, "last", self.first)
        for name in ("cap", "deviation", "spread", "label_scale"):
            above(self, name, 0)
        at_least(self, "weight", 0)
        within(self, "mean", -20, 20)
        at_least(self, "labels", 1)


@dataclass(frozen=True)
@typed
class Drawing:
    """The picture of samples at the end of a diffusion training.

    Attributes:
        images: how many are drawn; 0 draws no picture.
        sampler: a name of `purifax.purify.descent.SAMPLERS`, such as "ancestral",
            "ddim" or "heun".
        steps: of the sampler, from the process's most noise to none.
    """

    images: int = 16
    sampler: str = "ancestral"
    steps: int = 100

    def __post_init__(self) -> None:
        one_of(self, "sampler", tuple(SAMPLERS))
        at_least(self, "images", 0)
        at_least(self, "steps", 1)
