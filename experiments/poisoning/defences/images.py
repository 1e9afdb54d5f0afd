"""Defences that change single images: compression, grey, noise, holes.

`JPEG`, `BitDepth` and the recipes whose names end in `Once` change the set once; the
others change an image anew whenever it is trained on.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.defences.stage import Context, InBatches, OneByOne
from purifax import purify, recipe
from purifax.data.augment import cutout
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = [
    "JPEG",
    "BernoulliNoise",
    "BitDepth",
    "Cutout",
    "GaussianNoise",
    "GaussianNoiseOnce",
    "Grayscale",
    "GrayscaleOnce",
]


@dataclass(frozen=True)
@typed
class JPEG(OneByOne):
    """JPEG compression of the set, with colour at half the resolution.

    Source: Liu et al. 2023, arXiv 2301.13838 (Image Shortcut Squeezing).

    Attributes:
        quality: of the encoder, from 1 to 100.
    """

    number: ClassVar[str] = "quality"

    quality: float = 75.0

    def __post_init__(self) -> None:
        recipe.within(self, "quality", 1, 100)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(purify.jpeg_420, quality=jnp.float32(self.quality))


@dataclass(frozen=True)
@typed
class BitDepth(OneByOne):
    """Fewer grey levels of the set.

    Source: Liu et al. 2023, arXiv 2301.13838 (Image Shortcut Squeezing).

    Attributes:
        bits: that are left of each channel, from 1 to 8.
    """

    number: ClassVar[str] = "bits"

    bits: float = 2.0

    def __post_init__(self) -> None:
        recipe.within(self, "bits", 1, 8)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(purify.bit_depth, bits=jnp.float32(self.bits))


@dataclass(frozen=True)
@typed
class GrayscaleOnce(OneByOne):
    """Some images of the set in grey.

    Attributes:
        probability: that an image turns grey.
    """

    number: ClassVar[str] = "probability"

    probability: float = 1.0

    def __post_init__(self) -> None:
        recipe.within(self, "probability", 0, 1)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(purify.grayscale, probability=jnp.float32(self.probability))


@dataclass(frozen=True)
@typed
class Grayscale(InBatches):
    """Some images of every batch in grey.

    Source: Liu et al. 2023, arXiv 2301.13838 (Image Shortcut Squeezing, 1); Wang et al.
    2024 (ECLIPSE, 0.4).

    Attributes:
        probability: that an image turns grey.
    """

    number: ClassVar[str] = "probability"

    probability: float = 1.0

    def __post_init__(self) -> None:
        recipe.within(self, "probability", 0, 1)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(purify.grayscale, probability=jnp.asarray(self.probability))


@dataclass(frozen=True)
@typed
class GaussianNoiseOnce(OneByOne):
    """Gaussian noise on every image of the set.

    Attributes:
        sigma: its deviation, in [0, 1] pixel units.
    """

    number: ClassVar[str] = "sigma"

    sigma: float = 0.05

    def __post_init__(self) -> None:
        recipe.at_least(self, "sigma", 0)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(purify.noised, sigma=jnp.float32(self.sigma))


@dataclass(frozen=True)
@typed
class GaussianNoise(InBatches):
    """Gaussian noise on every image of a batch.

    Attributes:
        sigma: its deviation, in [0, 1] pixel units.
    """

    number: ClassVar[str] = "sigma"

    sigma: float = 0.05

    def __post_init__(self) -> None:
        recipe.at_least(self, "sigma", 0)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(purify.noised, sigma=jnp.asarray(self.sigma))


@dataclass(frozen=True)
@typed
class BernoulliNoise(InBatches):
    """A step up or down of every pixel and channel of a batch.

    Attributes:
        size: of the step, in [0, 1] pixel units.
    """

    number: ClassVar[str] = "size"

    size: float = 8 / 255

    def __post_init__(self) -> None:
        recipe.within(self, "size", 0, 1)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(_signs, size=jnp.asarray(self.size))


def _signs(key: Array, x: Array, size: Array) -> Array:
    return jnp.clip(x + size * jax.random.rademacher(key, x.shape, x.dtype), 0.0, 1.0)


@dataclass(frozen=True)
@typed
class Cutout(InBatches):
    """A black square at a random place of every image of a batch.

    Source: DeVries and Taylor 2017, arXiv 1708.04552.

    Attributes:
        size: its side in pixels.
    """

    number: ClassVar[str] = "size"

    size: int = 16

    def __post_init__(self) -> None:
        recipe.at_least(self, "size", 1)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(cutout, size=jnp.asarray(self.size))
