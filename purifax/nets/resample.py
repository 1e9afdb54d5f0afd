"""Halving and doubling of the resolution, with or without a short filter.

The filter (1, 3, 3, 1) / 8 along each axis removes frequencies that the new grid cannot
hold; images are padded with zeros. Filters are sums of shifted images, whose gradients
are cheap on a CPU.

Source: Zhang 2019, arXiv 1904.11486; Karras et al. 2020, arXiv 1912.04958, as used by
Song et al. 2021, arXiv 2011.13456, appendix H.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

__all__ = ["blur", "double", "filtered_double", "filtered_halve", "halve"]


def halve(x: Array) -> Array:
    """The mean of each 2 x 2 square.

    Args:
        x: [N, H, W, C], H and W even.

    Returns:
        [N, H / 2, W / 2, C].

    >>> halve(jnp.arange(4.0).reshape(1, 2, 2, 1)).ravel()
    Array([1.5], dtype=float32)
    """
    n, height, width, c = x.shape
    return jnp.mean(x.reshape(n, height // 2, 2, width // 2, 2, c), axis=(2, 4))


def double(x: Array) -> Array:
    """The image at twice the resolution; each pixel is repeated four times.

    Args:
        x: [N, H, W, C].

    Returns:
        [N, 2 H, 2 W, C].

    >>> double(jnp.arange(2.0).reshape(1, 1, 2, 1))[0, 1, :, 0]
    Array([0., 0., 1., 1.], dtype=float32)
    """
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def filtered_halve(x: Array) -> Array:
    """Every second pixel of the filtered image, like `halve`.

    >>> filtered_halve(jnp.ones((1, 4, 4, 1)))[0, :, 0, 0]  # the border is dimmed
    Array([0.765625, 0.765625], dtype=float32)
    """
    for axis in (1, 2):
        x = jnp.moveaxis(x, axis, 1)
        n, size, *rest = x.shape
        pairs = _padded(x, 1).reshape(n, size // 2 + 1, 2, *rest)
        even, odd = pairs[:, :, 0], pairs[:, :, 1]
        x = (even[:, :-1] + 3 * odd[:, :-1] + 3 * even[:, 1:] + odd[:, 1:]) / 8
        x = jnp.moveaxis(x, 1, axis)
    return x


def filtered_double(x: Array) -> Array:
    """The filtered image with zeros between its pixels, times four; like `double`.

    >>> filtered_double(jnp.ones((1, 2, 2, 1)))[0, 1, :, 0]
    Array([0.75, 1.  , 1.  , 0.75], dtype=float32)
    """
    for axis in (1, 2):
        x = jnp.moveaxis(x, axis, 1)
        n, size, *rest = x.shape
        padded = _padded(x, 1)
        pairs = [(3 * x + padded[:, :-2]) / 4, (3 * x + padded[:, 2:]) / 4]
        x = jnp.stack(pairs, axis=2).reshape(n, 2 * size, *rest)
        x = jnp.moveaxis(x, 1, axis)
    return x


def blur(x: Array) -> Array:
    """The filtered image, padded with two zeros on each side, wherever the filter fits.

    A 3 x 3 convolution with stride 2 and no padding then halves the resolution.

    Args:
        x: [N, H, W, C].

    Returns:
        [N, H + 1, W + 1, C].

    >>> blur(8 * jnp.ones((1, 2, 2, 1)))[0, 1, :, 0]
    Array([3. , 4.5, 3. ], dtype=float32)
    """
    for axis in (1, 2):
        x = jnp.moveaxis(x, axis, 1)
        end = x.shape[1] + 1
        x = _padded(x, 2)
        taps = [x[:, k : k + end] for k in range(4)]
        x = (taps[0] + 3 * taps[1] + 3 * taps[2] + taps[3]) / 8
        x = jnp.moveaxis(x, 1, axis)
    return x


def _padded(x: Array, border: int) -> Array:
    """Zeros before and after along axis 1."""
    return jnp.pad(x, [(0, 0), (border, border), (0, 0), (0, 0)])
