"""Gaussian blur, a purifier without a network or randomness.

    y[i] = sum_j w[j] x[i + j],   w[j] ~ exp(-j^2 / (2 s^2)),  |j| <= 3 s

along rows, then columns; the image is mirrored at its edges.
"""

import math
from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["Blur", "blur"]


@checks.checked(x=checks.image)
def blur(key: Array, x: Array, weights: Array) -> Array:
    """The image, each row and column of it a weighted mean of its neighbours.

    Args:
        x: [H, W, C].
        weights: [2 R + 1], with sum one.

    >>> import jax
    >>> x = jnp.zeros((3, 3, 1)).at[1, 1].set(1.0)
    >>> blur(jax.random.key(0), x, jnp.array([0.25, 0.5, 0.25]))[1, 1]
    Array([0.25], dtype=float32)
    """
    del key
    for axis in (0, 1):
        x = jnp.moveaxis(_along(jnp.moveaxis(x, axis, 0), weights), 0, axis)
    return x


def _along(x: Array, weights: Array) -> Array:
    """The weighted mean along the first axis."""
    reach = weights.shape[0] // 2
    wide = jnp.pad(x, ((reach, reach), (0, 0), (0, 0)), mode="symmetric")
    shifted = [wide[i : i + x.shape[0]] for i in range(weights.shape[0])]
    return jnp.tensordot(weights.astype(x.dtype), jnp.stack(shifted), 1)


@dataclass(frozen=True)
@typed
class Blur:
    """Gaussian blur, a purifier without a network or randomness.

    Attributes:
        width: deviation of the weights, in pixels.
    """

    width: float = 0.5
    needs = ()

    def __post_init__(self) -> None:
        recipe.above(self, "width", 0)
        recipe.within(self, "width", 0, 100)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        del prior
        offsets = jnp.arange(-math.ceil(3 * self.width), math.ceil(3 * self.width) + 1)
        weights = jnp.exp(-jnp.square(offsets / self.width) / 2)
        return Partial(blur, weights=weights / weights.sum())

    def calls(self) -> int:
        """Network evaluations of one run: none."""
        return 0

    def words(self) -> str:
        """The width in words."""
        return f"Gaussian blur of {self.width:g} pixels"
