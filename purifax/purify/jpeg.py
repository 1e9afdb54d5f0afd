"""Baselines without a network: fewer grey levels, and a JPEG round trip.

Both round, and rounding has no gradient: the exact gradient of these purifiers is zero
almost everywhere, an attack that follows it stands still, and that is no robustness.
Attack through `backward.straight_through`.

JPEG here is what a baseline encoder and libjpeg's decoder do to an image, without the
lossless part: 8-bit values, YCbCr, chroma averaged over 2 x 2 pixels (4:2:0) and
brought back by libjpeg's triangular filter, or all of it kept (`jpeg_444`), the DCT of
8 x 8 blocks, division by the standard tables scaled to the quality, rounding, and all
of it back. The image is continued by its edge to whole blocks.

Source: Xu, Evans and Qi 2018, arXiv 1704.01155, and Guo et al. 2018, arXiv 1711.00117
(as defences); ITU-T T.81, annexes A.3 and K.1; libjpeg for the scaling by quality.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.types import Purifier, known

__all__ = [
    "BitDepth",
    "JPEG",
    "bit_depth",
    "jpeg_420",
    "jpeg_444",
    "tables",
]

# ITU-T T.81, tables K.1 and K.2.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)

# JFIF: rows are Y, Cb and Cr, from R, G and B; Cb and Cr are then raised by 128.
_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


@checks.checked(x=checks.in_scale)
def bit_depth(key: Array, x: Array, *, bits: Array | int = 3) -> Array:
    """The image with 2^bits values for each channel.

    Args:
        key: not used.
        bits: 8 keeps an 8-bit image as it is.

    Raises:
        ValueError: less than one bit.

    >>> x = jnp.array([0.2, 0.4, 0.6, 0.8]).reshape(2, 2, 1)
    >>> bit_depth(jax.random.key(0), x, bits=1).ravel().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    del key
    number = known(bits)
    if number and number[0] < 1:
        raise ValueError(f"`bits` must be at least 1; got {number[0]}.")
    top = jnp.asarray(2.0**bits - 1.0, x.dtype)
    return _rounded(jnp.clip(x, 0.0, 1.0) * top) / top


@checks.checked(x=checks.in_scale)
def jpeg_420(key: Array, x: Array, *, quality: Array | float = 75) -> Array:
    """The image after a JPEG encoder and decoder, chroma of half the resolution.

    Args:
        key: not used.
        x: three channels are red, green and blue; otherwise each channel is coded as a
            grey image of its own.
        quality: 1 to 100, in libjpeg's scale; 75 is the usual default.

    Returns:
        The decoded image, in [0, 1], multiples of 1 / 255.

    Raises:
        ValueError: a quality outside 1 to 100.

    >>> x = jnp.full((4, 6, 3), 0.4)
    >>> (255 * jpeg_420(jax.random.key(0), x, quality=50))[0, 0].round().tolist()
    [102.0, 102.0, 102.0]
    """
    del key
    return _through(x, quality, _half_as_fine)


@checks.checked(x=checks.in_scale)
def jpeg_444(key: Array, x: Array, *, quality: Array | float = 75) -> Array:
    """`jpeg_420` with chroma of the full resolution (4:4:4).

    >>> x = jnp.full((4, 6, 3), 0.4)
    >>> (255 * jpeg_444(jax.random.key(0), x, quality=50))[0, 0].round().tolist()
    [102.0, 102.0, 102.0]
    """
    del key
    return _through(x, quality, _coded)


def _through(
    x: Array, quality: Array | float, colours: Callable[[Array, Array], Array]
) -> Array:
    luma, chroma = tables(quality)
    grey = _rounded(255.0 * jnp.clip(x, 0.0, 1.0).astype(jnp.float32))
    if x.shape[-1] != 3:
        return _coded(grey, luma).astype(x.dtype) / 255
    y, colour = jnp.split(_mixed(grey, _TO_YCC), [1], axis=-1)
    y, colour = _coded(y, luma), colours(colour + 128.0, chroma)
    ycc = jnp.concatenate([y, colour - 128.0], axis=-1)
    rgb = jnp.clip(_mixed(ycc, _TO_RGB), 0.0, 255.0)
    return rgb.astype(x.dtype) / 255


def _half_as_fine(colour: Array, table: Array) -> Array:
    return _wide(_coded(_halved(colour), table), colour.shape)


def tables(quality: Array | float) -> tuple[Array, Array]:
    """The divisors [8, 8] of brightness and of colour at a quality.

    Args:
        quality: 1 to 100, a whole number.

    Raises:
        ValueError: a quality outside 1 to 100.

    >>> luma, chroma = tables(50)
    >>> float(luma[0, 0]), float(chroma[0, 0]), float(tables(100)[0].max())
    (16.0, 17.0, 1.0)
    """
    number = known(quality)
    if number and not 1 <= number[0] <= 100:
        raise ValueError(f"A JPEG quality lies between 1 and 100; got {number[0]}.")
    quality = jnp.asarray(quality, jnp.float32)
    low = jnp.floor(5000 / jnp.maximum(quality, 1.0))
    percent = jnp.where(quality < 50, low, 200 - 2 * quality)

    def at(table: tuple) -> Array:
        raised = jnp.floor((jnp.array(table, jnp.float32) * percent + 50) / 100)
        return jnp.clip(raised, 1.0, 255.0)

    return at(_LUMA), at(_CHROMA)


def _rounded(v: Array) -> Array:
    """The nearest whole number; halves go away from zero, by a margin for rounding."""
    return jnp.sign(v) * jnp.floor(jnp.abs(v) + (0.5 + 1e-4))


def _mixed(v: Array, matrix: tuple) -> Array:
    """The channels mixed, and rounded."""
    high = jax.lax.Precision.HIGHEST
    return _rounded(
        jnp.einsum("hwc,dc->hwd", v, jnp.array(matrix, v.dtype), precision=high)
    )


def _continued(v: Array, size: int) -> Array:
    """The image continued by its edge, to multiples of `size` pixels."""
    more = [(0, -n % size) for n in v.shape[:2]]
    return jnp.pad(v, [*more, (0, 0)], mode="edge")


def _coded(v: Array, table: Array) -> Array:
    """Channels of values 0 to 255 after the transform, rounding, and all of it back."""
    eight = jnp.arange(8, dtype=v.dtype)
    n, k = eight[None, :], eight[:, None]
    size = jnp.where(k == 0, math.sqrt(1 / 8), math.sqrt(1 / 4))
    cosines = size * jnp.cos(math.pi / 8 * (n + 0.5) * k)
    high = jax.lax.Precision.HIGHEST

    whole = _continued(v, 8) - 128.0
    rows, columns, channels = whole.shape
    blocks = whole.reshape(rows // 8, 8, columns // 8, 8, channels)
    waves = jnp.einsum("ki,aibjc,lj->akblc", cosines, blocks, cosines, precision=high)
    steps = table[None, :, None, :, None]
    kept = _rounded(waves / steps) * steps
    back = jnp.einsum("ki,akblc,lj->aibjc", cosines, kept, cosines, precision=high)
    back = jnp.clip(_rounded(back + 128.0), 0.0, 255.0)
    return back.reshape(whole.shape)[: v.shape[0], : v.shape[1]]


def _halved(v: Array) -> Array:
    """Means of 2 x 2 pixels, to whole blocks; halves go up in every other column."""
    whole = _continued(v, 16)
    rows, columns, channels = whole.shape
    total = whole.reshape(rows // 2, 2, columns // 2, 2, channels).sum((1, 3))
    odd = (jnp.arange(columns // 2) % 2).astype(v.dtype)[None, :, None]
    return jnp.floor((total + 1.0 + odd) / 4)


def _wide(v: Array, shape: tuple[int, ...]) -> Array:
    """Twice as large by weights 3/4 and 1/4, cut to `shape`."""
    v = v[: -(-shape[0] // 2), : -(-shape[1] // 2)]
    total = _tripled(_tripled(v, 0), 1)
    odd = (jnp.arange(total.shape[1]) % 2).astype(v.dtype)[None, :, None]
    return jnp.floor((total + 8.0 - odd) / 16)[: shape[0], : shape[1]]


def _tripled(v: Array, axis: int) -> Array:
    """Three times each value plus its neighbour before, and after; alternating."""
    at = jnp.arange(v.shape[axis])
    before = v.take(jnp.maximum(at - 1, 0), axis)
    after = v.take(jnp.minimum(at + 1, v.shape[axis] - 1), axis)
    both = jnp.stack([3 * v + before, 3 * v + after], axis + 1)
    return both.reshape(*v.shape[:axis], 2 * v.shape[axis], *v.shape[axis + 1 :])


@dataclass(frozen=True)
@typed
class JPEG:
    """JPEG compression, a purifier without a network or randomness.

    Attributes:
        quality: of the encoder, from 1 to 100.
        subsampled: whether colour has half the resolution (4:2:0).
    """

    quality: int = 75
    subsampled: bool = True
    needs = ()

    def __post_init__(self) -> None:
        recipe.within(self, "quality", 1, 100)

    def build(self, prior: Prior) -> Purifier:
        """The purifier."""
        del prior
        coder = jpeg_420 if self.subsampled else jpeg_444
        return Partial(coder, quality=float(self.quality))

    def calls(self) -> int:
        """Network evaluations of one run: none."""
        return 0

    def words(self) -> str:
        """What it does to an image."""
        chroma = "4:2:0" if self.subsampled else "4:4:4"
        return f"JPEG of quality {self.quality}, {chroma}"


@dataclass(frozen=True)
@typed
class BitDepth:
    """Fewer grey levels, a purifier without a network or randomness.

    Attributes:
        bits: that are left of each channel, from 1 to 8.
    """

    bits: int = 3
    needs = ()

    def __post_init__(self) -> None:
        recipe.within(self, "bits", 1, 8)

    def build(self, prior: Prior) -> Purifier:
        """The purifier."""
        del prior
        return Partial(bit_depth, bits=float(self.bits))

    def calls(self) -> int:
        """Network evaluations of one run: none."""
        return 0

    def words(self) -> str:
        """What it does to an image."""
        return f"{self.bits} bits for each channel"
