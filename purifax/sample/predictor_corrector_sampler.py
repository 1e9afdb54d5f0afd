"""Predictor-corrector sampling: Langevin steps at each level, then a step down.

    e  = 2 (snr |z| / |s|)^2,  s = score(x, sigma)
    x <- x + e s + sqrt(2 e) z          corrector, at sigma
    x <- predictor(x, sigma, below)     from sigma to below

The corrector is right as far as the norms do not vary with z and x. In images they
hardly do, and on a wide Gaussian it keeps the variance up to a factor 1 + snr^2; in a
few dimensions they vary much, and the distribution is wrong.

Norms are of one image. The authors' code takes their means over the batch, so that the
result of an image depends on its neighbours; here it never does.

Source: Song et al. 2021, arXiv 2011.13456, algorithms 2 to 5.
"""

from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.sample.descent import descend
from purifax.sample.reverse_sde import sde_step
from purifax.transform import remat
from purifax.types import Score

__all__ = ["Predictor", "corrector_step", "predictor_corrector"]

Predictor = Callable[[Array, Array, Score, Array, Array], Array]
"""`predictor(key, x, score, sigma, below) -> x`, such as `sde_step` or `ddim_step`."""


@checks.checked()
def corrector_step(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array | float,
    *,
    snr: Array | float = 0.16,
) -> Array:
    """One Langevin step, whose size is set by the ratio of its move to its noise.

    A zero score leaves the image as it is.

    Args:
        snr: 0.16 for CIFAR-10, 0.075 for LSUN, 0.15 for CelebA-HQ.

    >>> still = lambda x, sigma: 0 * x
    >>> corrector_step(jax.random.key(0), jnp.ones((1, 1, 1)), still, 1.0).tolist()
    [[[1.0]]]
    """
    sigma, snr = jnp.asarray(sigma, x.dtype), jnp.asarray(snr, x.dtype)
    s, z = score(x, sigma), jax.random.normal(key, x.shape, x.dtype)
    steep = jnp.sum(jnp.square(s))
    ratio = jnp.sum(jnp.square(z)) / jnp.where(steep > 0, steep, 1.0)
    size = jnp.where(steep > 0, 2 * jnp.square(snr) * ratio, 0.0)
    root = jnp.where(steep > 0, 2 * snr * jnp.sqrt(ratio), 0.0)
    return x + size * s + root * z


@checks.checked(sigmas=checks.listed)
def predictor_corrector(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    snr: Array | float = 0.16,
    predictor: Predictor = Partial(sde_step),
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """A corrector step at each level and a predictor step to the next.

    Args:
        sigmas: [T + 1], decreasing. A repeated level gets a corrector step each time,
            since the predictors here do nothing between equal levels. End at 0: the
            last predictor step then adds no noise, as published.
        snr: see `corrector_step`. Its bias does not vanish with more levels.
        predictor: `sde_step` (published), `ancestral_step` or `ddim_step`, as a
            `Partial`.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    >>> from purifax.score import Gaussian
    >>> key, x, levels = jax.random.key(0), jnp.zeros((1, 1, 1)), jnp.array([1.0, 0.0])
    >>> x, path = predictor_corrector(key, x, Gaussian(0.5, 0.0), levels)
    >>> round(float(x[0, 0, 0]), 5)
    0.5
    """

    def step(key: Array, x: Array, sigma: Array, below: Array) -> Array:
        k_correct, k_predict = jax.random.split(key)
        x = corrector_step(k_correct, x, score, sigma, snr=snr)
        return predictor(k_predict, x, score, sigma, below)

    return descend(key, x, step, sigmas, scan)
