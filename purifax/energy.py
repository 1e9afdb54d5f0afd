"""Energies: callables `energy(x) -> []`, low where x is natural, p ~ exp(-E / T)."""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import Energy, noun

__all__ = ["Gaussian", "force"]


@noun
@dataclass(frozen=True)
class Gaussian:
    """E(x) = sum (x - mean)^2 / (2 variance), an exact oracle.

    `mean` and `variance` are scalars or like x.

    >>> Gaussian(mean=0.0, variance=2.0)(jnp.full((2, 2, 1), 1.0))
    Array(1., dtype=float32)
    """

    mean: Array | float
    variance: Array | float

    def __call__(self, x: Array) -> Array:
        """The energy of one image, []."""
        return 0.5 * jnp.sum(jnp.square(x - self.mean) / self.variance)


def force(x: Array, energy: Energy) -> Array:
    """-dE/dx, the score of p ~ exp(-E) at temperature one.

    >>> force(jnp.full((1, 1, 1), 3.0), Gaussian(mean=1.0, variance=2.0))
    Array([[[-1.]]], dtype=float32)
    """
    return -jax.grad(energy)(x)
