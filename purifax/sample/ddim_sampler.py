"""DDIM: one number, eta, goes from deterministic to ancestral sampling.

With x the noised image over its scale, e = -sigma score and D = x - sigma e the
denoised image,

    c^2 = eta^2 below^2 (1 - (below / sigma)^2)
    x  <- D + sqrt(below^2 - c^2) e + c z,

which is eq. 12 and 16 of Song et al. divided by sqrt(alpha_bar). eta = 0 is Euler's
method for the probability-flow ODE in sigma (`euler`, their eq. 13 and 14);
eta = 1 is `ancestral` with its small variance.

Source: Song, Meng and Ermon 2021, arXiv 2010.02502.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.noise.process import root
from purifax.sample.descent import descend
from purifax.transform import remat
from purifax.types import Score

__all__ = ["ddim", "ddim_step"]


@checks.checked(eta=checks.share)
def ddim_step(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array | float,
    below: Array | float,
    *,
    eta: Array | float = 0.0,
) -> Array:
    """One step from level sigma down to level `below`.

    >>> x, to_zero = jnp.ones((1, 1, 1)), lambda x, sigma: -x / sigma**2
    >>> ddim_step(jax.random.key(0), x, to_zero, 2.0, 1.0).tolist()
    [[[0.5]]]
    """
    sigma, below = jnp.asarray(sigma, x.dtype), jnp.asarray(below, x.dtype)
    e = -sigma * score(x, sigma)
    fresh = jnp.square(jnp.asarray(eta, x.dtype)) * (1 - jnp.square(below / sigma))
    z = jax.random.normal(key, x.shape, x.dtype)
    return x - sigma * e + below * (root(1 - fresh) * e + root(fresh) * z)


@checks.checked(eta=checks.share, sigmas=checks.listed)
def ddim(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    eta: Array | float = 0.0,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """DDIM down a schedule of levels.

    Args:
        sigmas: [T + 1], decreasing.
        eta: in [0, 1]; 0 is deterministic.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    >>> from purifax.score import Gaussian
    >>> key, x = jax.random.key(0), jnp.zeros((1, 1, 1))
    >>> x, path = ddim(key, x, Gaussian(0.5, 0.0), jnp.array([1.0, 0.5, 0.0]))
    >>> path.ravel().tolist()
    [0.0, 0.25, 0.5]
    """

    def step(key: Array, x: Array, sigma: Array, below: Array) -> Array:
        return ddim_step(key, x, score, sigma, below, eta=eta)

    return descend(key, x, step, sigmas, scan)
