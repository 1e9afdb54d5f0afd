"""Defences by stronger augmentation: mixtures of images, UEraser, TrivialAugment."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import optax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.defences.stage import Context, InBatches, together
from experiments.poisoning.victims import Change
from purifax import nets, recipe
from purifax.data.mixing import cutmix, mixup
from purifax.data.plasma import ueraser
from purifax.data.trivial import trivial_augment
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["CutMix", "Mixup", "TrivialAugment", "UEraser", "UEraserMax"]


@dataclass(frozen=True)
@typed
class Mixup:
    """Weighted means of pairs of images and of their labels.

    Source: Zhang et al. 2018, arXiv 1710.09412.

    Attributes:
        alpha: both numbers of the beta law of the weights.
    """

    stage: ClassVar[str] = "batch"
    number: ClassVar[str] = "alpha"

    alpha: float = 1.0

    def __post_init__(self) -> None:
        recipe.at_least(self, "alpha", 0)

    def build(self, context: Context) -> Change:
        """The change of a batch."""
        del context
        return Partial(together, fn=Partial(mixup, alpha=jnp.float32(self.alpha)))


@dataclass(frozen=True)
@typed
class CutMix:
    """Images with a rectangle of another, and as large a share of its label.

    Source: Yun et al. 2019, arXiv 1905.04899.

    Attributes:
        alpha: both numbers of the beta law of the rectangle's share.
    """

    stage: ClassVar[str] = "batch"
    number: ClassVar[str] = "alpha"

    alpha: float = 1.0

    def __post_init__(self) -> None:
        recipe.at_least(self, "alpha", 0)

    def build(self, context: Context) -> Change:
        """The change of a batch."""
        del context
        return Partial(together, fn=Partial(cutmix, alpha=jnp.float32(self.alpha)))


@dataclass(frozen=True)
@typed
class TrivialAugment(InBatches):
    """One random operation on every image of a batch (TrivialAugment).

    Source: Mueller and Hutter 2021, arXiv 2103.10158.
    """

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(trivial_augment)


@dataclass(frozen=True)
@typed
class UEraser(InBatches):
    """Plasma brightness and contrast, and channels in another order (UEraser).

    Source: Qin et al. 2023, arXiv 2303.15127.
    """

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return Partial(ueraser)


@dataclass(frozen=True)
@typed
class UEraserMax:
    """Of several draws of UEraser the one with the highest loss (UEraser-Max).

    Source: Qin et al. 2023, arXiv 2303.15127.

    Attributes:
        draws: for each image.
    """

    stage: ClassVar[str] = "batch"
    number: ClassVar[str] = "draws"

    draws: int = 5

    def __post_init__(self) -> None:
        recipe.at_least(self, "draws", 1)

    def build(self, context: Context) -> Change:
        """The change of a batch."""
        del context
        return Partial(_worst, draws=jnp.arange(self.draws))


def _worst(
    key: Array, network: nets.Network, x: Array, targets: Array, draws: Array
) -> tuple[Array, Array]:
    def one(key: Array, x: Array, target: Array) -> Array:
        keys = jax.vmap(lambda draw: jax.random.fold_in(key, draw))(draws)
        tried = jax.vmap(ueraser, (0, None))(keys, x)
        logits = jax.vmap(network)(tried)
        losses = optax.softmax_cross_entropy(logits, target[None])
        return tried[jnp.argmax(losses)]

    return jax.vmap(one)(jax.random.split(key, len(x)), x, targets), targets
