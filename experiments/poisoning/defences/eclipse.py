"""ECLIPSE: a diffusion of few clean images, then grey images and noise.

`EclipseDDPM` is its diffusion alone, `Eclipse` all of it as in its code, which corrupts
an image anew every time it is trained on, `EclipseOnce` as in its paper, which corrupts
the set once. `EclipseGrayscale` and `EclipseNoise` leave out one of its three modules,
and `Compensation` is the two others without the diffusion. With `EclipseDDPM`,
`Grayscale(0.4)` and `GaussianNoise(0.05)` these are the rows of its ablation.

Source: Wang et al. 2024, arXiv 2406.15093.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from experiments.poisoning.defences.images import (
    GaussianNoise,
    GaussianNoiseOnce,
    Grayscale,
    GrayscaleOnce,
)
from experiments.poisoning.defences.joined import Several
from experiments.poisoning.defences.stage import Context, OneByOne, Purify
from purifax import recipe
from purifax.purify import DiffPure
from purifax.recipe import typed
from purifax.recipe.kinds import PURIFIER
from purifax.types import Purifier

__all__ = [
    "Compensation",
    "Eclipse",
    "EclipseDDPM",
    "EclipseGrayscale",
    "EclipseNoise",
    "EclipseOnce",
    "eclipses",
]

PUBLISHED = DiffPure(time=99, steps=100, sampler="ancestral", variance="learned")


@dataclass(frozen=True)
class Diffused:
    """The diffusion of a defence.

    Attributes:
        purifier: noises and denoises, by the network of the grid's `eclipse`.
        time: label to which it noises, in place of the purifier's.
        floor: cut down to 8 bits, as the released code does, which darkens by half a
            level; else round.
    """

    number: ClassVar[str] = "time"

    purifier: Annotated[Any, PURIFIER] = PUBLISHED
    time: float | None = None
    floor: bool = False

    def __post_init__(self) -> None:
        recipe.at_least(self, "time", 0)

    @property
    def diffusion(self) -> "EclipseDDPM":
        """The diffusion alone."""
        return EclipseDDPM(self.purifier, self.time, self.floor)


@dataclass(frozen=True)
@typed
class EclipseDDPM(Diffused, OneByOne):
    """ECLIPSE's diffusion alone, trained on a few clean images.

    Source: Wang et al. 2024, arXiv 2406.15093.
    """

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        asked = self.purifier
        if self.time is not None:
            asked = replace(asked, time=self.time)
        return asked.build(context.prior("sparse"))

    def build(self, context: Context) -> Purify:
        """The change of a set."""
        return context.each(self.of_image(context), floor=self.floor)


@dataclass(frozen=True)
@typed
class Compensation(Several):
    """ECLIPSE's grey images and noise in every batch, without its diffusion.

    Source: Wang et al. 2024, arXiv 2406.15093.

    Attributes:
        grayscale: probability that an image turns grey.
        noise: deviation of the noise, in [0, 1] pixel units.
    """

    grayscale: float = 0.4
    noise: float = 0.05

    @property
    def parts(self) -> tuple[Any, ...]:
        """What it is made of."""
        return (Grayscale(self.grayscale), GaussianNoise(self.noise))


@dataclass(frozen=True)
@typed
class Eclipse(Compensation, Diffused):
    """ECLIPSE as in its code: its diffusion, then grey and noise in every batch.

    Source: Wang et al. 2024, arXiv 2406.15093.
    """

    @property
    def parts(self) -> tuple[Any, ...]:
        """What it is made of."""
        return (self.diffusion, *super().parts)


@dataclass(frozen=True)
@typed
class EclipseOnce(Eclipse):
    """ECLIPSE as in its paper: its diffusion, then grey and noise, all once.

    Source: Wang et al. 2024, arXiv 2406.15093.
    """

    @property
    def parts(self) -> tuple[Any, ...]:
        """What it is made of."""
        grey = GrayscaleOnce(self.grayscale)
        return (self.diffusion, grey, GaussianNoiseOnce(self.noise))


@dataclass(frozen=True)
@typed
class EclipseGrayscale(Diffused, Several):
    """ECLIPSE without its noise.

    Source: Wang et al. 2024, arXiv 2406.15093.

    Attributes:
        grayscale: probability that an image turns grey.
    """

    grayscale: float = 0.4

    @property
    def parts(self) -> tuple[Any, ...]:
        """What it is made of."""
        return (self.diffusion, Grayscale(self.grayscale))


@dataclass(frozen=True)
@typed
class EclipseNoise(Diffused, Several):
    """ECLIPSE without its grey images.

    Source: Wang et al. 2024, arXiv 2406.15093.

    Attributes:
        noise: deviation of the noise, in [0, 1] pixel units.
    """

    noise: float = 0.05

    @property
    def parts(self) -> tuple[Any, ...]:
        """What it is made of."""
        return (self.diffusion, GaussianNoise(self.noise))


def eclipses(purifier: Any) -> dict[str, Any]:
    """All forms of ECLIPSE with another diffusion, by name."""
    return {
        "eclipse": Eclipse(purifier=purifier),
        "eclipse_ddpm": EclipseDDPM(purifier),
        "eclipse_grayscale": EclipseGrayscale(purifier),
        "eclipse_noise": EclipseNoise(purifier),
        "eclipse_once": EclipseOnce(purifier=purifier),
    }
