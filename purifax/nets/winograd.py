"""Convolutions of 3 x 3 taps with 4 products in the place of 9, after Winograd.

Each 2 x 2 square of outputs sees a 4 x 4 square of inputs. With B, G and A of the paper
and a 3 x 3 kernel g, the outputs of the square d are

    A^T [(G g G^T) * (B^T d B)] A,

whose product, summed over the channels, is one matrix product for each of the 16 places
of the square. A float32 sum of outputs of size 1 differs from the direct one by some
1e-6. A dilated kernel sees images of every so many pixels, which do not meet.

Source: Lavin and Gray 2016, arXiv 1509.09308, F(2 x 2, 3 x 3).
"""

import math
from collections.abc import Sequence

from jax import Array, lax
from jax import numpy as jnp

__all__ = ["convolve", "pays"]

_CHANNELS = 128
_PIXELS = 256


def pays(
    x: Array, kernel: Array, padding: Sequence[tuple[int, int]], dilation: int
) -> bool:
    """Whether `convolve` takes less time than a direct convolution on CPUs.

    It asks for the shapes of the kernel and of one image's outputs, not for the number
    of images, so that an image's bits do not depend on those beside it.
    """
    return (
        kernel.shape[:2] == (3, 3)
        and min(kernel.shape[2:]) >= _CHANNELS
        and math.prod(_outside(x, padding, dilation)) >= _PIXELS
        and x.dtype == kernel.dtype == jnp.float32
    )


def _outside(
    x: Array, padding: Sequence[tuple[int, int]], dilation: int
) -> tuple[int, int]:
    """Height and width of the outputs."""
    high, wide = (
        max(0, size + sum(border) - 2 * dilation)
        for size, border in zip(x.shape[1:3], padding, strict=True)
    )
    return high, wide


def convolve(
    x: Array, kernel: Array, padding: Sequence[tuple[int, int]], dilation: int = 1
) -> Array:
    """The convolution of x with the kernel, without strides.

    Args:
        x: [N, H, W, C].
        kernel: [3, 3, C, K].
        padding: zeros before and after, of the rows and of the columns.
        dilation: distance of the kernel's taps, in rows and in columns.

    Returns:
        [N, H', W', K], H' = H + sum of its padding - 2 * dilation.

    >>> x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    >>> convolve(x, kernel, [(1, 1), (1, 1)])[0, :, :, 0]
    Array([[4., 6., 6., 4.],
           [6., 9., 9., 6.],
           [6., 9., 9., 6.],
           [4., 6., 6., 4.]], dtype=float32)
    """
    n, height, width, channels = x.shape
    high, wide = _outside(x, padding, dilation)
    rows, columns = (-(-size // (2 * dilation)) for size in (high, wide))
    border = [
        (low, (2 * count + 2) * dilation - size - low)
        for size, count, (low, _) in zip(
            (height, width), (rows, columns), padding, strict=True
        )
    ]
    sides = [(low, end, 0) for low, end in border]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *sides, (0, 0, 0)])
    shape = (n, 2 * rows + 2, dilation, 2 * columns + 2, dilation, channels)
    x = x.reshape(shape).transpose(0, 2, 4, 1, 3, 5)
    y = _squares(x.reshape(n * dilation**2, *x.shape[3:]), kernel)
    y = y.reshape(n, dilation, dilation, *y.shape[1:]).transpose(0, 3, 1, 4, 2, 5)
    shape = (n, 2 * rows * dilation, 2 * columns * dilation, y.shape[-1])
    return y.reshape(shape)[:, :high, :wide]


def _squares(x: Array, kernel: Array) -> Array:
    """[N, 2 r + 2, 2 c + 2, C] without padding to [N, 2 r, 2 c, K]."""
    n, high, wide, channels = x.shape
    x = lax.optimization_barrier(x)  # The border is not worked out 16 times.
    x = x.reshape(n, high // 2, 2, wide // 2, 2, channels)
    ends = (slice(None, -1), slice(1, None))
    rows = _inputs(*(x[:, at, odd] for at in ends for odd in (0, 1)))
    places = [
        _inputs(*(row[:, :, at, odd] for at in ends for odd in (0, 1))) for row in rows
    ]
    taps = [_taps(*row) for row in _taps(*kernel)]
    products = [
        [jnp.einsum("nrcd,dk->nrck", a, b) for a, b in zip(*pair, strict=True)]
        for pair in zip(places, taps, strict=True)
    ]
    halves = [_outputs(*column) for column in zip(*products, strict=True)]
    upper, lower = (_outputs(*row) for row in zip(*halves, strict=True))
    y = jnp.stack([jnp.stack(upper, axis=3), jnp.stack(lower, axis=3)], axis=2)
    return y.reshape(n, high - 2, wide - 2, kernel.shape[-1])


def _inputs(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, ...]:
    """B^T of four."""
    return a - c, b + c, c - b, b - d


def _taps(a: Array, b: Array, c: Array) -> tuple[Array, ...]:
    """G of three."""
    ends, middle = (a + c) / 2, b / 2
    return a, ends + middle, ends - middle, c


def _outputs(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, ...]:
    """A^T of four."""
    return a + b + c, b - c - d
