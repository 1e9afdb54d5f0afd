"""ADP exactly as its released code computes it, batch coupling included.

Use it to reproduce published numbers, never as a defence: an image's result depends on
its batch-mates. What it keeps that `adaptive` drops:

- before the first step images go to the grid g(x) = x 255 / 256 + 1 / 512, and *every*
  step comes back through its inverse r(x) = x 256 / 255 - 1 / 510, so the contrast
  about 0.5 grows by 256 / 255 a step from the second step on;
- stopped images still pass through r and the clip while any batch-mate is active;
- the loop ends before the update at which no image is active, so a batch that stops at
  once is returned in grid space;
- the step size comes from a finite difference, and a zero score gives NaN.

Source: the released code of Yoon et al. 2021 (arXiv 2106.06041), read and rewritten.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.noise import gaussian
from purifax.score import scaled
from purifax.types import Perturb, Score

__all__ = ["reference"]


@checks.checked()
def reference(
    key: Array,
    images: Array,
    score: Score,
    levels: Array,
    *,
    sigma: Array | float = 0.25,
    perturb: Perturb = Partial(gaussian),
    probe: Array | float = 1e-3,
    rate: Array | float = 0.05,
    smallest: Array | float = 1e-5,
    largest: Array | float = 0.1,
    stop: Array | float = 1e-3,
) -> tuple[Array, Array, Array]:
    """The released ADP on a batch.

    Args:
        images: [N, H, W, C] in [0, 1].
        levels: [T]; see `adaptive`, as for the other numbers.
        probe: the finite-difference step delta.

    Returns:
        The last images [N, H, W, C]; all of them [T + 1, N, H, W, C], the noised start
        (in grid space) first and the last one repeated once every image has stopped;
        the step sizes [T, N].
    """
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(images.shape[0]))
    level = jnp.asarray(sigma, images.dtype)
    noised = jax.vmap(lambda k, x: perturb(k, x, level))(keys, images)
    start = jnp.clip(noised, 0.0, 1.0) * (255 / 256) + 1 / 512

    def step(carry: tuple[Array, Array], level: Array) -> tuple[tuple, tuple]:
        x, active = carry
        v = jax.vmap(lambda y: scaled(y, level, score))(x)
        ahead = jax.vmap(lambda y: scaled(y, level, score))(x + probe * v)
        axes = tuple(range(1, x.ndim))
        z = jnp.sum(v * ahead, axis=axes) / jnp.sum(v * v, axis=axes)
        alpha = jnp.clip(rate * probe / (1.0 - z), smallest, largest)
        active = active & (alpha > stop)
        alpha = jnp.where(active | jnp.isnan(alpha), alpha, 0.0)
        wide = jnp.expand_dims(alpha, axes)
        moved = jnp.clip((x + wide * v) * (256 / 255) - 1 / 510, 0.0, 1.0)
        x = jnp.where(jnp.any(active) | jnp.any(jnp.isnan(v)), moved, x)
        return (x, active), (x, alpha)

    everyone = jnp.ones(images.shape[0], bool)
    (last, _), (path, sizes) = jax.lax.scan(step, (start, everyone), levels)
    return last, jnp.concatenate([start[None], path]), sizes
