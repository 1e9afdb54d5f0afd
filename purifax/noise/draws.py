"""Noise added to one image: Gaussian, binary, and heteroscedastic.

Source: Yoon et al. 2021, arXiv 2106.06041, for the last two.
"""

import math

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.types import Score, expect, fair_signs

__all__ = ["binary", "gaussian", "heteroscedastic"]


@checks.checked(sigma=checks.levels)
def gaussian(key: Array, x: Array, sigma: Array | float) -> Array:
    """x + sigma z with z ~ N(0, I). `sigma` is a scalar or like x. No clipping.

    >>> import jax, jax.numpy as jnp
    >>> x = jnp.full((2, 2, 1), 0.5)
    >>> bool((gaussian(jax.random.key(0), x, 0.0) == x).all())
    True
    """
    _same_shape(x, sigma)
    z = jax.random.normal(key, x.shape, x.dtype)
    return x + jnp.asarray(sigma, x.dtype) * z


@checks.checked(sigma=checks.levels)
def binary(key: Array, x: Array, sigma: Array | float) -> Array:
    """x + s sigma sqrt(2 / pi) with independent fair signs s. No clipping.

    The mean absolute value is that of `gaussian` with the same sigma.

    Source: the released code of Yoon et al. 2021 (arXiv 2106.06041).

    >>> import jax, jax.numpy as jnp
    >>> y = binary(jax.random.key(0), jnp.zeros((4, 4, 1)), 1.0)
    >>> bool(jnp.allclose(jnp.abs(y), 0.7978846))
    True
    """
    _same_shape(x, sigma)
    signs = fair_signs(key, x.shape, x.dtype)
    return x + signs * jnp.asarray(sigma * math.sqrt(2 / math.pi), x.dtype)


@checks.checked()
def heteroscedastic(
    key: Array,
    x: Array,
    sigma: Array | float,
    *,
    score: Score,
    level: Array | float,
    slope: Array | float = 0.1,
) -> Array:
    """x + (sigma + slope |f(x)|) z: more noise where the network detects noise.

    f(x) = level score(x, level) is minus the network's estimate of the unit noise in
    the image before noise is added.

    Args:
        level: the noise level given to the score.
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


def _same_shape(x: Array, sigma: Array | float) -> None:
    """Refuse levels that would be broadcast."""
    if jnp.shape(sigma) != ():
        expect("`sigma`", sigma, x.shape, hint="Give a scalar, or one level a value.")
