"""How far two images are apart: what guides a purifier towards its input.

Each is `distance(x, y) -> []`, zero for equal images, of images [H, W, C] in [0, 1]
units (noised ones may leave them).
"""

import math
from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks

__all__ = [
    "DISTANCES",
    "Distance",
    "dissimilarity",
    "manhattan",
    "mean_square",
    "ssim",
]

Distance = Callable[[Array, Array], Array]
"""`distance(x, y) -> []`, as a `Partial`."""


@checks.checked()
def mean_square(x: Array, y: Array) -> Array:
    """The mean of (x - y)^2 over all values.

    >>> float(mean_square(jnp.zeros((2, 2, 1)), jnp.full((2, 2, 1), 0.5)))
    0.25
    """
    return jnp.mean(jnp.square(x - y))


@checks.checked()
def manhattan(x: Array, y: Array) -> Array:
    """|x - y| summed over channels, its mean over pixels.

    Its gradient in x is the sign of x - y over the number of pixels, whose own
    gradient is zero almost everywhere.

    >>> float(manhattan(jnp.zeros((2, 2, 3)), jnp.full((2, 2, 3), 0.5)))
    1.5
    """
    return jnp.sum(jnp.abs(x - y)) / (x.shape[0] * x.shape[1])


@checks.checked()
def dissimilarity(x: Array, y: Array) -> Array:
    """1 - `ssim`.

    >>> float(dissimilarity(jnp.ones((2, 2, 1)), jnp.ones((2, 2, 1))))
    0.0
    """
    return 1.0 - ssim(x, y)


@checks.checked(spread=checks.positive, peak=checks.positive)
def ssim(
    x: Array,
    y: Array,
    *,
    window: int = 11,
    spread: float = 1.5,
    peak: float = 1.0,
) -> Array:
    """Structural similarity, the mean over pixels and channels, at most 1.

    With means, variances and the covariance under a Gaussian window,

        (2 mx my + c1) (2 cov + c2) / ((mx^2 + my^2 + c1) (vx + vy + c2)),

    c1 = (0.01 peak)^2, c2 = (0.03 peak)^2. Beyond the border images are zero, so that
    every pixel has a value however small the image; the paper leaves them out.

    Args:
        window: pixels across.
        spread: standard deviation of the window, in pixels.
        peak: the range of the values.

    Source: Wang et al. 2004, "Image quality assessment: from error visibility to
    structural similarity", eq. 13 to 16.

    >>> x = jnp.eye(4)[:, :, None]
    >>> float(ssim(x, x)), float(ssim(x, 1 - x)) < 0
    (1.0, True)
    """
    rows, columns = (_blurring(n, window, spread, x.dtype) for n in x.shape[:2])

    def blur(v: Array) -> Array:
        high = jax.lax.Precision.HIGHEST
        return jnp.einsum("ih,hwc,jw->ijc", rows, v, columns, precision=high)

    mx, my = blur(x), blur(y)
    vx, vy = blur(x * x) - mx * mx, blur(y * y) - my * my
    covariance = blur(x * y) - mx * my
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    light = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return jnp.mean(light * (2 * covariance + c2) / (vx + vy + c2))


def _blurring(size: int, window: int, spread: float, dtype: jnp.dtype) -> Array:
    """[size, size], a Gaussian window about each row, cut off at the border."""
    apart = jnp.arange(size)[:, None] - jnp.arange(size)[None, :]
    reach = range(-(window // 2), window // 2 + 1)
    total = sum(math.exp(-0.5 * (i / spread) ** 2) for i in reach)
    weight = jnp.exp(-0.5 * jnp.square(apart.astype(dtype) / spread)) / total
    return jnp.where(jnp.abs(apart) <= window // 2, weight, 0.0)


DISTANCES = {"square": mean_square, "ssim": dissimilarity, "manhattan": manhattan}
"""Distances by name, as recipes write them."""
