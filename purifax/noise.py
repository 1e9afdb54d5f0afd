"""Noise: draws added to one image, and the variance-exploding process.

A noise process has a scale a(t) and a level sigma(t), both scalars, with

    x_t = a(t) (x + sigma(t) z),    z ~ N(0, I).

The variance-exploding process has a(t) = 1 and sigma(t) geometric in t in [0, 1].
NCSNv2's ladder of levels is that process on an even grid of times.

Source: Song et al. 2021, arXiv 2011.13456, section 3.4; Yoon et al. 2021,
arXiv 2106.06041, for the binary noise.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import Score, noun

__all__ = ["VE", "Process", "binary", "gaussian", "heteroscedastic", "perturb"]


class Process(Protocol):
    """What every noise process answers, for a time t in [0, 1]."""

    def scale(self, t: Array) -> Array:
        """a(t), the factor on the clean image."""
        ...

    def sigma(self, t: Array) -> Array:
        """sigma(t), the noise level in [0, 1] pixel units before scaling."""
        ...

    def time(self, sigma: Array) -> Array:
        """The inverse of `sigma`."""
        ...


@noun
@dataclass(frozen=True)
class VE:
    """Variance exploding: sigma(t) = smallest (largest / smallest)^t, scale 1.

    The defaults are NCSNv2's for CIFAR-10 (arXiv 2006.09011): 0.01 to 50, where the
    published ladder has 232 levels.

    >>> process = VE(smallest=0.01, largest=1.0)
    >>> round(float(process.sigma(process.time(0.1))), 4)
    0.1
    """

    smallest: Array | float = 0.01
    largest: Array | float = 50.0

    def scale(self, t: Array | float) -> Array:
        """One, like t."""
        return jnp.ones_like(jnp.asarray(t, jnp.float32))

    def sigma(self, t: Array | float) -> Array:
        """Noise level at time t in [0, 1]."""
        return self.smallest * (self.largest / self.smallest) ** jnp.asarray(t)

    def time(self, sigma: Array | float) -> Array:
        """Time at which the noise level is sigma."""
        span = jnp.log(jnp.asarray(self.largest) / self.smallest)
        return jnp.log(jnp.asarray(sigma) / self.smallest) / span


def perturb(key: Array, x: Array, noise: Process, t: Array | float) -> Array:
    """x_t = a(t) (x + sigma(t) z) for one image.

    >>> import jax, jax.numpy as jnp
    >>> perturb(jax.random.key(0), jnp.zeros((8, 8, 1)), VE(), 0.5).shape
    (8, 8, 1)
    """
    t = jnp.asarray(t, x.dtype)
    z = jax.random.normal(key, x.shape, x.dtype)
    return noise.scale(t).astype(x.dtype) * (x + noise.sigma(t).astype(x.dtype) * z)


def gaussian(key: Array, x: Array, sigma: Array | float) -> Array:
    """x + sigma z with z ~ N(0, I). `sigma` is a scalar or like x. No clipping.

    >>> import jax, jax.numpy as jnp
    >>> x = jnp.full((2, 2, 1), 0.5)
    >>> bool((gaussian(jax.random.key(0), x, 0.0) == x).all())
    True
    """
    z = jax.random.normal(key, x.shape, x.dtype)
    return x + jnp.asarray(sigma, x.dtype) * z


def binary(key: Array, x: Array, sigma: Array | float) -> Array:
    """x + s sigma sqrt(2 / pi) with independent fair signs s. No clipping.

    The size makes the mean absolute value that of `gaussian` with the same sigma.

    Source: the released code of Yoon et al. 2021 (arXiv 2106.06041).

    >>> import jax, jax.numpy as jnp
    >>> y = binary(jax.random.key(0), jnp.zeros((4, 4, 1)), 1.0)
    >>> bool(jnp.allclose(jnp.abs(y), 0.7978846))
    True
    """
    signs = jax.random.rademacher(key, x.shape, x.dtype)
    return x + signs * jnp.asarray(sigma * math.sqrt(2 / math.pi), x.dtype)


def heteroscedastic(
    key: Array,
    x: Array,
    sigma: Array | float,
    *,
    score: Score,
    level: Array | float,
    slope: Array | float = 0.1,
) -> Array:
    """x + (sigma + slope |f(x)|) z: more noise where the network sees noise.

    f(x) = level score(x, level) is minus the unit noise that the network sees in
    the image as it came.

    Args:
        level: the sigma given to the score.
        slope: 0 to 0.2 in the released configurations of ADP ("uq").

    Source: the released code of Yoon et al. 2021 (arXiv 2106.06041).

    >>> import jax, jax.numpy as jnp
    >>> f, x = (lambda x, s: jnp.zeros_like(x)), jnp.zeros((2, 2, 1))
    >>> key = jax.random.key(0)
    >>> y = heteroscedastic(key, x, 0.1, score=f, level=0.1)
    >>> bool((y == gaussian(key, x, 0.1)).all())
    True
    """
    level = jnp.asarray(level, x.dtype)
    size = jnp.abs(level * score(x, level))
    return gaussian(key, x, sigma + slope * size)
