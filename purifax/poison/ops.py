"""OPS: one pixel of one colour for each class, the one that stands out most reliably.

    score(p, v) = mean |v - x_p| / standard deviation of |v - x_p|

over the images of a class and the channels, for every position p and every colour v of
zeros and ones. Classes choose one after another, and no pair (p, v) twice.

Source: Wu et al. 2023, arXiv 2205.12141, algorithm 1 and its released code, which
divides by the standard deviation. The variance of |v - x| is that of x whatever v is,
so means and variances of x give all scores. Added to error-minimising noise, it is
their CIFAR-10-S.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.poison.budget import Pixels
from purifax.poison.building import crafted, everywhere
from purifax.poison.context import Context
from purifax.poison.fields import Share
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.types import noun

__all__ = ["OPS", "Shortcuts", "one_pixel", "one_pixel_scores", "one_pixel_search"]

_TINY = 1e-12


@noun
@dataclass(frozen=True)
class Shortcuts:
    """The pixel that each class sets.

    Attributes:
        row, column: int [K].
        colour: [K, C], zeros and ones.
    """

    row: Array
    column: Array
    colour: Array


def one_pixel_scores(images: Array, member: Array) -> Array:
    """How well each pixel and colour would mark a class, [H, W, 2^C].

    Colours count up in binary, the last channel fastest.

    Args:
        images: uint8 [N, H, W, C], or float in [0, 1].
        member: bool [N], true for the images of the class; at least one.

    Returns:
        Scores; a colour that no image varies from is scored very high, not infinite.

    >>> images = jnp.array([0.0, 0.5]).reshape(2, 1, 1, 1)
    >>> one_pixel_scores(images, jnp.array([True, True])).astype(int).tolist()
    [[[1, 3]]]
    """
    x = images.astype(jnp.float32) / (255.0 if images.dtype == jnp.uint8 else 1.0)
    weight = member.astype(jnp.float32) / jnp.sum(member)
    mean = jnp.einsum("n,nijc->ijc", weight, x, precision="highest")
    apart = jnp.square(x - mean[None])
    variance = jnp.einsum("n,nijc->ijc", weight, apart, precision="highest")
    # The distance to a one is one minus the distance to a zero.
    distance = jnp.abs(_colours(x.shape[-1])[None, None] - mean[:, :, None])
    both = jnp.mean(variance, axis=-1)[:, :, None] + jnp.var(distance, axis=-1)
    return jnp.mean(distance, axis=-1) / jnp.sqrt(both + _TINY)


@checks.checked()
def one_pixel_search(images: Array, labels: Array, classes: Array) -> Shortcuts:
    """The pixel and colour of every class, in their order.

    Args:
        images: uint8 [N, H, W, C], or float in [0, 1], C at most 8.
        labels: int [N].
        classes: int [K], `jnp.arange(K)`, in the order in which they choose.

    >>> images = jnp.array([0.0, 0.5, 0.5, 0.5]).reshape(2, 1, 2, 1)
    >>> one_pixel_search(images, jnp.array([0, 1]), jnp.arange(2)).colour.tolist()
    [[1.0], [0.0]]
    """
    images, labels = jnp.asarray(images), jnp.asarray(labels)
    _, height, width, channels = images.shape
    free = jnp.ones((height, width, 2**channels), bool)

    def choose(free: Array, label: Array) -> tuple[Array, Array]:
        scores = one_pixel_scores(images, labels == label)
        best = jnp.argmax(jnp.where(free, scores, -jnp.inf))
        return free & (jnp.arange(free.size) != best).reshape(free.shape), best

    _, best = jax.lax.scan(choose, free, classes)
    row, column, number = jnp.unravel_index(best, free.shape)
    return Shortcuts(row, column, _colours(channels)[number])


@checks.checked()
def one_pixel(key: Array, x: Array, label: Array, shortcuts: Shortcuts) -> Array:
    """Sets the pixel of the image's class; a maker, whose budget is `Pixels(1)`.

    Args:
        key: not used.

    >>> shortcuts = Shortcuts(jnp.array([0]), jnp.array([1]), jnp.array([[1.0]]))
    >>> args = jnp.full((1, 2, 1), 0.25), jnp.array(0)
    >>> one_pixel(None, *args, shortcuts).ravel().tolist()
    [0.0, 0.75]
    """
    del key
    valid = checks.among("`label`", label, shortcuts.row.shape[0])
    rows = jnp.arange(x.shape[0])[:, None] == shortcuts.row[label]
    columns = jnp.arange(x.shape[1])[None, :] == shortcuts.column[label]
    colour = shortcuts.colour[label].astype(x.dtype)
    delta = jnp.where((rows & columns)[:, :, None], colour[None, None] - x, 0.0)
    return checks.where(valid, delta)


def _colours(channels: int) -> Array:
    """All corners of the cube of colours, [2^C, C]."""
    places = jnp.arange(channels)[::-1]
    numbers = jnp.arange(2**channels)[:, None] >> places[None, :]
    return (numbers & 1).astype(jnp.float32)


@dataclass(frozen=True)
@typed
class OPS(Share):
    """One-pixel shortcuts: every class sets one pixel to one colour (OPS).

    Source: Wu et al. 2023, arXiv 2205.12141.
    """

    name: ClassVar[str] = "ops"

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        images, labels = context.images.images, context.images.labels
        classes = jnp.arange(context.classes)
        shortcuts = one_pixel_search(jnp.asarray(images), jnp.asarray(labels), classes)
        index = everywhere(context, self.rate)
        maker = Partial(one_pixel, shortcuts=shortcuts)
        return crafted(context, index, maker, Pixels(1), self.name)

    def calls(self) -> int:
        """Gradients of a network for one image: none."""
        return 0
