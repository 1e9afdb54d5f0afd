"""The probability-flow ODE by Euler's and Heun's methods, and EDM's stochastic sampler.

With x the noised image over its scale, every linear process has the same ODE,

    dx / dsigma = -sigma score(x, sigma),

eq. 13 of Song et al. 2021 with the scale divided out, eq. 1 of Karras et al. With churn
a step first adds noise, up to level sigma (1 + grow), and steps down from there:

    grow = min(churn / T, sqrt(2) - 1)    where smallest <= sigma <= largest, else 0

Source: Song et al. 2021, arXiv 2011.13456, section 4.3; Karras et al. 2022,
arXiv 2206.00364, algorithms 1 and 2. Their levels are on images in [-1, 1], twice ours.
"""

import math

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.noise.process import root
from purifax.sample.descent import descend
from purifax.transform import remat
from purifax.types import Score

__all__ = ["euler", "euler_step", "heun", "heun_step"]


@checks.checked()
def euler_step(
    x: Array, score: Score, sigma: Array | float, below: Array | float
) -> Array:
    """x + (sigma - below) sigma score(x, sigma).

    >>> euler_step(jnp.ones(()), lambda x, sigma: -x / sigma**2, 2.0, 1.0)
    Array(0.5, dtype=float32)
    """
    sigma, below = jnp.asarray(sigma, x.dtype), jnp.asarray(below, x.dtype)
    return x + (sigma - below) * sigma * score(x, sigma)


@checks.checked(sigmas=checks.listed)
def euler(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """The probability-flow ODE by Euler's method in sigma; order 1, deterministic.

    Args:
        key: not used.
        sigmas: [T + 1], decreasing.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    >>> from purifax.score import Gaussian
    >>> levels = jnp.array([1.0, 0.5, 0.0])
    >>> euler(jax.random.key(0), jnp.zeros(()), Gaussian(0.5, 0.0), levels)[1].tolist()
    [0.0, 0.25, 0.5]
    """

    def step(key: Array, x: Array, sigma: Array, below: Array) -> Array:
        del key
        return euler_step(x, score, sigma, below)

    return descend(key, x, step, sigmas, scan)


@checks.checked(grow=checks.at_least_zero)
def heun_step(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array | float,
    below: Array | float,
    *,
    grow: Array | float = 0.0,
    inflate: Array | float = 1.0,
) -> Array:
    """One step of Heun's method from level sigma (1 + grow) down to level `below`.

    A step to level 0 is an Euler step. The score is still called twice (at a harmless
    level), so that all steps are one program.

    Args:
        grow: noise is first added, which takes x to level sigma (1 + grow).
        inflate: factor on that noise, the paper's S_noise.

    >>> x, to_zero = jnp.ones((1, 1, 1)), lambda x, sigma: -x / sigma**2
    >>> heun_step(jax.random.key(0), x, to_zero, 2.0, 1.0).tolist()
    [[[0.5]]]
    """
    sigma, below = jnp.asarray(sigma, x.dtype), jnp.asarray(below, x.dtype)
    grow, inflate = jnp.asarray(grow, x.dtype), jnp.asarray(inflate, x.dtype)
    high = sigma * (1 + grow)
    extra = sigma * root(grow * (2 + grow)) * inflate
    y = x + extra * jax.random.normal(key, x.shape, x.dtype)

    slope = -high * score(y, high)
    there = y + (below - high) * slope
    safe = jnp.where(below > 0, below, high)
    mean = (slope - safe * score(there, safe)) / 2
    return jnp.where(below > 0, y + (below - high) * mean, there)


@checks.checked(sigmas=checks.listed, largest=checks.number(0, infinite=True))
def heun(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    churn: Array | float = 0.0,
    smallest: Array | float = 0.0,
    largest: Array | float = math.inf,
    inflate: Array | float = 1.0,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """EDM's sampler: Heun's method, of order 2; stochastic with churn.

    It calls the score twice per step.

    Args:
        sigmas: [T + 1], decreasing, such as `schedule.karras()`.
        churn: S_churn; 0 is deterministic, 40 the ImageNet-64 setting with 256 steps.
        smallest, largest: levels between which noise is added (S_min and S_max over 2).
        inflate: factor on the noise added (S_noise).
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    >>> from purifax.score import Gaussian
    >>> key, x = jax.random.key(0), jnp.zeros((1, 1, 1))
    >>> x, path = heun(key, x, Gaussian(0.5, 0.0), jnp.array([1.0, 0.5, 0.0]))
    >>> path.ravel().tolist()
    [0.0, 0.25, 0.5]
    """
    gain = jnp.minimum(jnp.asarray(churn) / (sigmas.shape[0] - 1), math.sqrt(2) - 1)

    def step(key: Array, x: Array, sigma: Array, below: Array) -> Array:
        grow = jnp.where((sigma >= smallest) & (sigma <= largest), gain, 0.0)
        return heun_step(key, x, score, sigma, below, grow=grow, inflate=inflate)

    return descend(key, x, step, sigmas, scan)
