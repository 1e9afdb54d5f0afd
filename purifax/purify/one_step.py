"""One-step denoising: noise the image, then take its posterior mean.

Source: the released code of Yoon et al. 2021 (arXiv 2106.06041), `ddp`; Tweedie's
formula.
"""

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.noise import gaussian
from purifax.score import denoise
from purifax.types import Perturb, Score

__all__ = ["one_step"]


def one_step(
    key: Array,
    x: Array,
    score: Score,
    *,
    sigma: Array | float = 0.25,
    perturb: Perturb = Partial(gaussian),
) -> Array:
    """clip(y + sigma^2 score(y, sigma)) with y = clip(x + sigma z).

    >>> import jax
    >>> from purifax.score import Gaussian
    >>> x = jnp.full((2, 2, 1), 0.4)
    >>> one_step(jax.random.key(0), x, Gaussian(0.6, 0.0))[0, 0].round(3)
    Array([0.6], dtype=float32)
    """
    noised = jnp.clip(perturb(key, x, jnp.asarray(sigma, x.dtype)), 0.0, 1.0)
    return jnp.clip(denoise(noised, sigma, score), 0.0, 1.0)
