"""Training-time augmentation of one image, pure and jit-able; batches are `jax.vmap`.

The CIFAR recipe of Zagoruyko and Komodakis, 2016, arXiv 1605.07146, section 3:
horizontal flips and random crops of the image padded by 4 pixels on each side; and
Cutout.
"""

import jax
import jax.numpy as jnp
from jax import Array

__all__ = ["cutout", "flip", "pad_and_crop", "to_float"]


def cutout(key: Array, x: Array, *, size: Array | int = 16) -> Array:
    """Blacken a square around a random pixel; at an edge part of it lies outside.

    Args:
        x: [H, W, C], any dtype.
        size: side of the square; 16 is published for CIFAR-10, 0 changes nothing.

    Source: DeVries and Taylor 2017, arXiv 1708.04552.

    >>> black = cutout(jax.random.key(0), jnp.ones((4, 4, 1)), size=8) == 0
    >>> bool(black.all())
    True
    """
    k_row, k_column = jax.random.split(key)

    def inside(key: Array, length: int) -> Array:
        place = jnp.arange(length)
        first = jax.random.randint(key, (), 0, length, jnp.int32) - size // 2
        return (place >= first) & (place < first + size)

    hole = inside(k_row, x.shape[0])[:, None] & inside(k_column, x.shape[1])[None]
    return jnp.where(hole[..., None], jnp.zeros_like(x), x)


def flip(key: Array, x: Array) -> Array:
    """Mirror left and right with probability one half. x: [H, W, C], any dtype.

    >>> flip(jax.random.key(0), jnp.zeros((4, 4, 3))).shape
    (4, 4, 3)
    """
    return jnp.where(jax.random.bernoulli(key, jnp.float32(0.5)), x[:, ::-1], x)


def pad_and_crop(key: Array, x: Array, pad: int = 4) -> Array:
    """Shift by up to `pad` pixels in each direction, uniformly; edges fill with zeros.

    Args:
        x: [H, W, C], any dtype.
        pad: pixels of zeros on each side before a crop of the old size; a Python
            integer, since shapes depend on it.

    Returns:
        like x. Zeros as in He et al., 2015, arXiv 1512.03385, section 4.2; Zagoruyko
        and Komodakis fill by reflection.

    >>> pad_and_crop(jax.random.key(0), jnp.ones((4, 4, 3)), pad=0).sum()
    Array(48., dtype=float32)
    """
    padded = jnp.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    row, column = jax.random.randint(key, (2,), 0, 2 * pad + 1, jnp.int32)
    return jax.lax.dynamic_slice(padded, (row, column, 0), x.shape)


def to_float(x: Array) -> Array:
    """uint8 pixels to float32 in [0, 1]. x: any shape.

    >>> to_float(jnp.array([0, 255], jnp.uint8))
    Array([0., 1.], dtype=float32)
    """
    return x.astype(jnp.float32) / 255
