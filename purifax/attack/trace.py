"""What is kept of an Auto-PGD: its best image, or what is taken down on the way."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array
from jax import numpy as jnp

__all__ = ["Kept", "See", "Trace", "everything", "images", "nothing"]


class Trace(NamedTuple):
    """What happened on the way.

    Attributes:
        images: [T + 1, H, W, C], the start first.
        losses: [T + 1], -inf where not finite.
        scores: [T + 1], the same of the loss by which an image is kept.
        step_sizes: [T]. After a halving the step is taken from the best image so far.
    """

    images: Array
    losses: Array
    scores: Array
    step_sizes: Array


class Kept(NamedTuple):
    """The image of highest score so far, the first of them if they are equal."""

    image: Array
    score: Array

    @staticmethod
    def none(first: Array) -> "Kept":
        """Before any score: the image an attack begins at."""
        return Kept(first, 0.0 * jnp.sum(first) - jnp.inf)

    def or_else(self, image: Array, score: Array) -> "Kept":
        """The better of the two."""
        better = score > self.score
        return Kept(
            jnp.where(better, image, self.image), jnp.where(better, score, self.score)
        )


See = Callable[[Array, Array, Array, Array], Any]
"""`see(image, loss, score, step)`: what is taken down of an iteration."""


def nothing(image: Array, loss: Array, score: Array, step: Array) -> None:
    """The last state alone."""
    del image, loss, score, step


def images(image: Array, loss: Array, score: Array, step: Array) -> Array:
    """The images."""
    del loss, score, step
    return image


def everything(image: Array, loss: Array, score: Array, step: Array) -> tuple:
    """All, for a `Trace`."""
    return image, loss, score, step
