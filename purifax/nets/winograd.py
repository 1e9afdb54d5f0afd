"""3 x 3 convolutions with 2 products instead of 3, after Winograd.

Two neighbouring outputs of a row depend on four inputs d. With B, G and A of the paper
and a row g of the kernel, they are

    A^T [(G g) * (B^T d)],

which takes 4 products where the direct sums take 6. So the convolution becomes four
convolutions of sums of columns, with kernels that are one column wide and half as many
columns. In float32, outputs of size 1 differ from direct ones by about 1e-6.

The paper's F(2 x 2, 3 x 3) does the same along columns as well and takes 4 products
instead of 9. But its sums have four times as many values as the inputs, where these
have twice as many, and its programs are four times as large.

Source: Lavin and Gray 2016, arXiv 1509.09308, F(2, 3).
"""

from collections.abc import Sequence

from jax import Array, lax
from jax import numpy as jnp

__all__ = ["convolve", "pays"]

_CHANNELS = 64
"""With fewer, its sums take what the products save."""
_PIXELS = 256
"""With fewer, the products of few images are summed otherwise than those of many."""
_WASTE = 1.2
"""Columns worked out over those asked for: rows are made up of whole pairs."""


def pays(
    x: Array,
    kernel: Array,
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int] = (1, 1),
) -> bool:
    """Whether `convolve` takes less time than a direct convolution on CPUs.

    It depends on the shapes of the kernel and of one image's outputs and not on the
    number of images, so that an image's bits do not depend on its neighbours.
    """
    high, wide = _outside(x, padding, dilation)
    return (
        kernel.shape[:2] == (3, 3)
        and min(kernel.shape[2:]) >= _CHANNELS
        and high * wide >= _PIXELS
        and 2 * _pairs(wide, dilation[1]) * dilation[1] <= _WASTE * wide
        and x.dtype == kernel.dtype == jnp.float32
    )


def _pairs(wide: int, apart: int) -> int:
    """The number of pairs of outputs, at this distance, that cover a row."""
    return -(-wide // (2 * apart))


def _outside(
    x: Array, padding: Sequence[tuple[int, int]], dilation: Sequence[int]
) -> tuple[int, int]:
    """Height and width of the outputs."""
    high, wide = (
        max(0, size + sum(border) - 2 * apart)
        for size, border, apart in zip(x.shape[1:3], padding, dilation, strict=True)
    )
    return high, wide


def convolve(
    x: Array,
    kernel: Array,
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int] = (1, 1),
) -> Array:
    """The convolution of x with the kernel, without strides.

    Args:
        x: [N, H, W, C].
        kernel: [3, 3, C, K].
        padding: zeros before and after, of the rows and of the columns.
        dilation: distance of the kernel's taps, in rows and in columns.

    Returns:
        [N, H', W', K], H' = H + sum of its padding - 2 * its dilation.

    >>> x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    >>> convolve(x, kernel, [(1, 1), (1, 1)])[0, :, :, 0]
    Array([[4., 6., 6., 4.],
           [6., 9., 9., 6.],
           [6., 9., 9., 6.],
           [4., 6., 6., 4.]], dtype=float32)
    """
    n, high, _, channels = x.shape
    wide, apart = _outside(x, padding, dilation)[1], dilation[1]
    pairs = _pairs(wide, apart)
    low = padding[1][0]
    border = (low, 2 * (pairs + 1) * apart - x.shape[2] - low, 0)
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), border, (0, 0, 0)])
    x = lax.optimization_barrier(x)  # The border is not worked out four times.
    x = x.reshape(n, high, pairs + 1, 2, apart, channels)
    ends = (slice(None, -1), slice(1, None))
    places = _inputs(*(x[:, :, end, odd] for end in ends for odd in (0, 1)))
    taps = _taps(*(kernel[:, column] for column in range(3)))
    products = [
        lax.conv_general_dilated(
            place.reshape(n, high, pairs * apart, channels),
            tap[:, None],
            (1, 1),
            (padding[0], (0, 0)),
            rhs_dilation=(dilation[0], 1),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        for place, tap in zip(places, taps, strict=True)
    ]
    shape = (n, products[0].shape[1], pairs, apart, kernel.shape[-1])
    y = jnp.stack(_outputs(*(product.reshape(shape) for product in products)), axis=3)
    return y.reshape(*shape[:2], 2 * pairs * apart, shape[-1])[:, :, :wide]


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
