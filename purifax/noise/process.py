"""The protocol of noise processes, and the conversions that they share."""

from typing import Protocol

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.types import expect, floating, known

__all__ = ["Process", "alpha_bar_of", "perturb", "reached", "root", "sigma_of"]


class Process(Protocol):
    """The protocol of a noise process; t is a time in its own units."""

    def scale(self, t: Array) -> Array:
        """a(t), the factor on the clean image."""
        ...

    def sigma(self, t: Array) -> Array:
        """sigma(t), the noise level in [0, 1] pixel units before scaling."""
        ...

    def time(self, sigma: Array) -> Array:
        """The inverse of `sigma`."""
        ...


@checks.checked(alpha_bar=checks.listed)
def sigma_of(alpha_bar: Array | float, *, width: Array | float = 2.0) -> Array:
    """The level, in [0, 1] pixel units, of a variance-preserving alpha_bar.

    sqrt(1 / alpha_bar - 1) / width

    Args:
        width: of the pixel range in which the process is defined; 2 for [-1, 1].

    >>> float(sigma_of(0.5)), float(sigma_of(0.5, width=1.0))
    (0.5, 1.0)
    """
    alpha_bar = jnp.asarray(alpha_bar)
    return jnp.sqrt((1 - alpha_bar) / alpha_bar) / width


@checks.checked(sigma=checks.levels)
def alpha_bar_of(sigma: Array | float, *, width: Array | float = 2.0) -> Array:
    """The inverse of `sigma_of`: 1 / (1 + (width sigma)^2).

    >>> float(alpha_bar_of(0.5)), round(float(alpha_bar_of(0.5, width=1.0)), 4)
    (0.5, 0.8)
    """
    return 1 / (1 + jnp.square(jnp.asarray(sigma) * width))


@checks.checked()
def perturb(key: Array, x: Array, noise: Process, t: Array | float) -> Array:
    """x_t = a(t) (x + sigma(t) z) for one image.

    >>> import jax, jax.numpy as jnp
    >>> from purifax.noise import VE
    >>> perturb(jax.random.key(0), jnp.zeros((8, 8, 1)), VE(), 0.5).shape
    (8, 8, 1)
    """
    floating(x)
    expect("`t`", t, (), hint="Map over several times with `jax.vmap`.")
    t = jnp.asarray(t, x.dtype)
    z = jax.random.normal(key, x.shape, x.dtype)
    return noise.scale(t).astype(x.dtype) * (x + noise.sigma(t).astype(x.dtype) * z)


def reached(
    sigma: Array | float, smallest: Array | float, largest: Array | float, name: str
) -> None:
    """Raise for levels outside [smallest, largest]; traced levels pass unchecked.

    Raises:
        ValueError: a level is outside, by more than rounding.

    >>> reached(0.3, 0.0, 1.0, "VP")
    """
    levels, ends = known(sigma), (known(smallest), known(largest))
    if levels is None or ends[0] is None or ends[1] is None:
        return
    low, high = ends[0][0], ends[1][0]
    for level in levels:
        if not low * (1 - 1e-4) <= level <= high * (1 + 1e-4):
            raise ValueError(
                f"{name} has noise levels from {low:.4g} to {high:.4g} in [0, 1] pixel "
                f"units; it cannot reach sigma = {level:.4g}."
            )


def root(square: Array) -> Array:
    """The square root; below zero it is zero, with derivative zero.

    A compiler may compute `square` twice with different rounding, once for the
    comparison and once for the root; so the stand-in below zero is a number whose root
    is nearly zero. NaN stays NaN.

    >>> root(jnp.array([4.0, 0.0, -1e-9])).tolist()
    [2.0, 0.0, 0.0]
    """
    flat, least = square <= 0, jnp.finfo(square.dtype).tiny
    return jnp.where(flat, 0.0, jnp.sqrt(jnp.where(flat, least, square)))
