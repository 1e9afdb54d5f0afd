"""What likelihood maximisation descends; see `likelihood_ascent`."""

from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.noise import gaussian
from purifax.purify.distance import mean_square
from purifax.score import denoise
from purifax.types import Score

__all__ = ["Objective", "anchored_gap", "gap", "regularised_gap"]


Objective = Callable[[Array, Array, Array, Score, Array], Array]
"""`objective(key, x, start, score, sigma) -> []`, as a `Partial`."""


@checks.checked()
def gap(key: Array, x: Array, start: Array, score: Score, sigma: Array) -> Array:
    """The mean of (D(x + sigma z) - x)^2.

    >>> x, known_mean = jnp.ones((2, 2, 1)), lambda x, sigma: -x / sigma**2
    >>> float(gap(jax.random.key(0), x, x, known_mean, jnp.array(0.5)))
    1.0
    """
    del start
    return mean_square(denoise(gaussian(key, x, sigma), sigma, score), x)


@checks.checked(weight=checks.at_least_zero)
def anchored_gap(
    key: Array,
    x: Array,
    start: Array,
    score: Score,
    sigma: Array,
    *,
    weight: Array | float = 1.0,
) -> Array:
    """`gap`, and `weight` times the mean of (x - start)^2.

    >>> x, known_mean = jnp.ones((2, 2, 1)), lambda x, sigma: -x / sigma**2
    >>> float(anchored_gap(jax.random.key(0), x, 3 * x, known_mean, jnp.array(0.5)))
    5.0
    """
    near = jnp.asarray(weight, x.dtype) * mean_square(x, start)
    return gap(key, x, start, score, sigma) + near


@checks.checked(weight=checks.at_least_zero)
def regularised_gap(
    key: Array,
    x: Array,
    start: Array,
    score: Score,
    sigma: Array,
    *,
    weight: Array | float = 1.0,
) -> Array:
    """`gap`, and `weight` times the mean square between both denoised images.

    >>> x, known_mean = jnp.ones((2, 2, 1)), lambda x, sigma: -x / sigma**2
    >>> float(regularised_gap(jax.random.key(0), x, 3 * x, known_mean, jnp.array(0.5)))
    1.0
    """
    k_x, k_start = jax.random.split(key)
    denoised = denoise(gaussian(k_x, x, sigma), sigma, score)
    other = denoise(gaussian(k_start, start, sigma), sigma, score)
    alike = jnp.asarray(weight, x.dtype) * mean_square(denoised, other)
    return mean_square(denoised, x) + alike
