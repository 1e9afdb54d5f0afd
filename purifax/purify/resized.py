"""An image brought to the size of a network, purified there, and brought back.

Resizing is linear along each axis: row i of a matrix [m, n] holds the weights of the n
old pixels in new pixel i, a kernel around its place. Where the image becomes smaller
the kernel widens by that factor (antialiasing); without that, pixels are sampled, as
torch's `interpolate(mode="bilinear")` does, which DiffPure uses: 224 -> 256 -> 224.
What lies beyond the image has no weight, and the others add up to one.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax import recipe
from purifax.purify import fitted
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["Resized", "matrix", "resized"]

METHODS = ("linear", "cubic", "lanczos3")


@functools.lru_cache(maxsize=8)
def matrix(
    old: int, new: int, method: str = "linear", antialias: bool = True
) -> tuple[tuple[float, ...], ...]:
    """The weights of `old` pixels in each of `new`, [new, old].

    >>> [[round(w, 3) for w in row] for row in matrix(4, 2)]
    [[0.429, 0.429, 0.143, 0.0], [0.0, 0.143, 0.429, 0.429]]
    """
    kernel, reach = _KERNELS[method]
    scale = old / new
    wide = max(scale, 1.0) if antialias else 1.0
    rows = []
    for n in range(new):
        place = (n + 0.5) * scale - 0.5
        first = max(0, math.ceil(place - reach * wide))
        last = min(old - 1, math.floor(place + reach * wide))
        near = [kernel(abs(place - m) / wide) for m in range(first, last + 1)]
        total = sum(near)
        row = [0.0] * old
        row[first : last + 1] = [weight / total for weight in near]
        rows.append(tuple(row))
    return tuple(rows)


def _triangle(d: float) -> float:
    return max(0.0, 1.0 - d)


def _keys(d: float) -> float:
    """Keys 1981, "Cubic convolution interpolation", equation 4 with a = -1/2."""
    if d < 1:
        return (1.5 * d - 2.5) * d * d + 1.0
    return ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0 if d < 2 else 0.0


def _lanczos(d: float) -> float:
    if d < 1e-9:
        return 1.0
    at = math.pi * d
    return 3 * math.sin(at) * math.sin(at / 3) / at**2 if d < 3 else 0.0


_KERNELS: dict[str, tuple[Callable[[float], float], int]] = {
    "linear": (_triangle, 1),
    "cubic": (_keys, 2),
    "lanczos3": (_lanczos, 3),
}
"""Each with the distance beyond which it is zero."""


@checks.checked(x=checks.image)
def resized(
    key: Array,
    x: Array,
    purifier: Purifier,
    size: tuple[int, int],
    *,
    method: str = "linear",
    antialias: bool = True,
) -> Array:
    """Purify the image at another size.

    Args:
        x: [H, W, C].
        size: (h, w) of what is purified, 0 being that of the image.
        method: "linear", "cubic" or "lanczos3". The last two overshoot at edges, and
            are cut off at 0 and 1.
        antialias: whether the kernel widens where an image becomes smaller.

    Returns:
        The image, [H, W, C].

    >>> import jax
    >>> x = jnp.full((5, 7, 1), 0.25)
    >>> darker = resized(jax.random.key(0), x, lambda key, x: x / 2, (8, 8))
    >>> darker.shape, bool(jnp.allclose(darker, 0.125))
    ((5, 7, 1), True)
    """
    sides = tuple(t or n for n, t in zip(x.shape[:2], size, strict=True))
    small = _to(x, sides, method, antialias)
    return _to(purifier(key, small), x.shape[:2], method, antialias)


def _to(x: Array, size: tuple[int, ...], method: str, antialias: bool) -> Array:
    """The image at another size."""
    if tuple(x.shape[:2]) == tuple(size):
        return x
    down, across = (
        jnp.array(matrix(n, m, method, antialias), x.dtype)
        for n, m in zip(x.shape[:2], size, strict=True)
    )
    found = jnp.einsum("ri,cj,ijk->rck", down, across, x, precision="highest")
    return found if method == "linear" else jnp.clip(found, 0, 1)


@dataclass(frozen=True)
@typed
class Resized(fitted.Fitted):
    """Another purifier on the image at another size, which is then brought back.

    Attributes:
        purifier: the purifier of the resized image.
        height: at which the image is purified, in pixels; 0 is its own.
        width: at which the image is purified; 0 is its own.
        method: linear, cubic or lanczos3.
        antialias: whether the kernel widens where an image becomes smaller.
    """

    height: int = 0
    width: int = 0
    method: str = "linear"
    antialias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "height", 0)
        recipe.at_least(self, "width", 0)
        recipe.one_of(self, "method", METHODS)

    def around(self, purifier: Purifier) -> Purifier:
        """The purifier of any image, of that of the resized one."""
        how = {"method": self.method, "antialias": self.antialias}
        return fitted.bound(resized, purifier, size=(self.height, self.width), **how)

    def parts(self, x: Array) -> Array:
        """The resized image, [1, h, w, C]."""
        return _to(x, self.seen(x.shape)[:2], self.method, self.antialias)[None]

    def seen(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(h, w, C) of the resized image."""
        return (self.height or shape[0], self.width or shape[1], *shape[2:])

    def words(self) -> str:
        """The size in words."""
        size = f"{self.height or 'own'} x {self.width or 'own'}"
        return f"resized to {size} ({self.method}): {self.purifier.words()}"
