"""Ancestral sampling of DDPM, with fixed or learned variances.

With x the noised image over its scale, DDPM's step from level sigma to `below` is

    x <- x + (sigma^2 - below^2) score(x, sigma) + sqrt(variance) z

in every variance-preserving chain: eq. 11 of Ho et al. divided by sqrt(alpha_bar), with
1 / alpha_bar = 1 + (width sigma)^2. Their fixed variances are

    small   below^2 (sigma^2 - below^2) / sigma^2                            beta tilde
    large   (sigma^2 - below^2) (1 + (width below)^2) / (1 + (width sigma)^2)      beta

(the posterior variances for data of zero and of unit variance). A learned one lies
between them in the logarithm. The last step, to level 0, adds no noise.

Source: Ho, Jain and Abbeel 2020, arXiv 2006.11239, eq. 6, 7, 11 and section 3.2;
Nichol and Dhariwal 2021, arXiv 2102.09672, eq. 15.
"""

from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.noise.process import root
from purifax.sample.descent import descend, removed
from purifax.transform import remat
from purifax.types import Score

__all__ = ["Variance", "ancestral", "ancestral_step", "large", "learned", "small"]

Variance = Callable[[Array, Array, Array], Array]
"""`variance(x, sigma, below)`, [] or like x: of the step's noise over the scale."""


@checks.checked()
def small(x: Array, sigma: Array, below: Array) -> Array:
    """The posterior variance, below^2 (sigma^2 - below^2) / sigma^2.

    >>> float(small(jnp.zeros(()), jnp.array(2.0), jnp.array(1.0)))
    0.75
    """
    del x
    return jnp.square(below) * (1 - jnp.square(below / sigma))


@checks.checked()
def large(x: Array, sigma: Array, below: Array, *, width: Array | float = 2.0) -> Array:
    """beta of a variance-preserving chain over pixels of range `width`.

    >>> float(large(jnp.zeros(()), jnp.array(2.0), jnp.array(1.0), width=1.0))
    1.2000000476837158
    """
    del x
    shrunk = (1 + jnp.square(width * below)) / (1 + jnp.square(width * sigma))
    return removed(sigma, below) * shrunk


@checks.checked()
def learned(
    x: Array,
    sigma: Array,
    below: Array,
    *,
    fraction: Callable[[Array, Array], Array],
    width: Array | float = 2.0,
) -> Array:
    """The variance large^v small^(1 - v) with v = fraction(x, sigma), of improved DDPM.

    Bind it: `Partial(learned, fraction=network)`.

    Args:
        fraction: `(x, sigma) -> v`, like x or [], in [0, 1]; OpenAI's networks return
            2 v - 1.

    >>> half = Partial(learned, fraction=lambda x, sigma: 0.5, width=1.0)
    >>> round(float(half(jnp.zeros(()), jnp.array(2.0), jnp.array(1.0)))**2, 4)
    0.9
    """
    least, most = small(x, sigma, below), large(x, sigma, below, width=width)
    v, positive = fraction(x, sigma), least > 0
    low, high = (jnp.log(jnp.where(positive, s, 1.0)) for s in (least, most))
    return jnp.where(positive, jnp.exp(v * high + (1 - v) * low), 0.0)


@checks.checked()
def ancestral_step(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array | float,
    below: Array | float,
    *,
    variance: Variance = Partial(small),
) -> Array:
    """One step from level sigma down to level `below`.

    >>> x, to_zero = jnp.ones((1, 1, 1)), lambda x, sigma: -x / sigma**2
    >>> ancestral_step(jax.random.key(0), x, to_zero, 2.0, 0.0).tolist()
    [[[0.0]]]
    """
    sigma, below = jnp.asarray(sigma, x.dtype), jnp.asarray(below, x.dtype)
    mean = x + removed(sigma, below) * score(x, sigma)
    spread = jnp.where(below > 0, root(variance(x, sigma, below)), 0.0)
    return mean + spread.astype(x.dtype) * jax.random.normal(key, x.shape, x.dtype)


@checks.checked(sigmas=checks.listed)
def ancestral(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    variance: Variance = Partial(small),
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """DDPM's reverse chain.

    Args:
        sigmas: [T + 1], decreasing, such as `noise.VPDiscrete().sigma(jnp.arange(99,
            -2, -1))` for 100 published steps; a subset is the respaced chain.
        variance: `small`, `large` or a bound `learned`, as a `Partial`.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    >>> from purifax.score import Gaussian
    >>> key, x = jax.random.key(0), jnp.zeros((1, 1, 1))
    >>> x, path = ancestral(key, x, Gaussian(0.5, 0.0), jnp.array([1.0, 0.1, 0.0]))
    >>> round(float(x[0, 0, 0]), 5), path.shape
    (0.5, (3, 1, 1, 1))
    """

    def step(key: Array, x: Array, sigma: Array, below: Array) -> Array:
        return ancestral_step(key, x, score, sigma, below, variance=variance)

    return descend(key, x, step, sigmas, scan)
