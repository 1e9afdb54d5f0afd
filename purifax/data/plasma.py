"""UEraser: clouds of brightness and of contrast, and channels in another order.

    x <- clip(x + a (2 c - 1), 0, 1),    x <- clip(1/2 + 4 c' (x - 1/2), 0, 1)

with clouds c of values in [0, 1] and a ~ U(1/2, 1), each of the two with probability
one half. It destroys most shortcuts. A cloud is a sum of random grids, each twice as
fine as the last and `roughness` times as strong; the released code makes plasma by
midpoint displacement, which has the same decaying spectrum, and then applies
TrivialAugment, which is in `purifax.data.trivial`.

Source: Qin et al. 2023, arXiv 2303.15127, and its released code: roughness 0.3 to 0.7;
one draw is its "Lite".
"""

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["cloud", "plasma_brightness", "plasma_contrast", "ueraser"]

_GRIDS = 5


def cloud(key: Array, shape: tuple[int, ...], roughness: Array | float) -> Array:
    """Random values from 0 to 1, correlated between neighbouring pixels, [H, W].

    Args:
        shape: (H, W).
        roughness: strength of each grid relative to the next coarser one.

    >>> values = cloud(jax.random.key(0), (8, 8), 0.5)
    >>> float(values.min()), float(values.max())
    (0.0, 1.0)
    """
    total = jnp.zeros(shape)
    for i in range(_GRIDS):
        size = tuple(min(2 ** (i + 1), n) for n in shape)
        grid = jax.random.uniform(jax.random.fold_in(key, i), size)
        total = total + roughness**i * jax.image.resize(grid, shape, "linear")
    low, high = jnp.min(total), jnp.max(total)
    return (total - low) / jnp.maximum(high - low, 1e-6)


def plasma_brightness(key: Array, x: Array) -> Array:
    """The image with its brightness changed by a cloud, in [0, 1].

    >>> plasma_brightness(jax.random.key(0), jnp.full((4, 4, 3), 0.5)).shape
    (4, 4, 3)
    """
    k_cloud, k_rough, k_strength = jax.random.split(key, 3)
    rough = jax.random.uniform(k_rough, (), minval=0.3, maxval=0.7)
    strength = jax.random.uniform(k_strength, (), minval=0.5, maxval=1.0)
    added = strength * (2 * cloud(k_cloud, x.shape[:2], rough) - 1)
    return jnp.clip(x + added[..., None].astype(x.dtype), 0.0, 1.0)


def plasma_contrast(key: Array, x: Array) -> Array:
    """The image with its contrast scaled by a cloud, in [0, 1].

    >>> float(plasma_contrast(jax.random.key(0), jnp.full((4, 4, 3), 0.5)).max())
    0.5
    """
    k_cloud, k_rough = jax.random.split(key)
    rough = jax.random.uniform(k_rough, (), minval=0.3, maxval=0.7)
    factor = 4 * cloud(k_cloud, x.shape[:2], rough)[..., None].astype(x.dtype)
    return jnp.clip(0.5 + factor * (x - 0.5), 0.0, 1.0)


def ueraser(key: Array, x: Array) -> Array:
    """One draw of UEraser: brightness, contrast, channels, each with probability 1/2.

    >>> ueraser(jax.random.key(0), jnp.full((4, 4, 3), 0.5)).shape
    (4, 4, 3)
    """
    k_bright, k_contrast, k_order, k_which = jax.random.split(key, 4)
    which = jax.random.bernoulli(k_which, 0.5, (3,))
    x = jnp.where(which[0], plasma_brightness(k_bright, x), x)
    x = jnp.where(which[1], plasma_contrast(k_contrast, x), x)
    order = jax.random.permutation(k_order, x.shape[-1])
    return jnp.where(which[2], x[..., order], x)
