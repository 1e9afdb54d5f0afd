"""An image brought to the size of a network, purified there, and brought back.

Resizing is linear along each axis: row i of a matrix [m, n] holds the weights of the n
old pixels in new pixel i, a kernel around its place. Where the image becomes smaller
the kernel widens by that factor (antialiasing); without that, pixels are sampled, as
torch's `interpolate(mode="bilinear")` does, which DiffPure uses: 224 -> 256 -> 224.
What lies beyond the image has no weight, and the others add up to one.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax import recipe
from purifax.purify import fitted
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["Resized", "matrix", "resized"]

METHODS = ("linear", "cubic", "lanczos3")


@functools.lru_cache(maxsize=256)
def matrix(old: int, new: int, method: str = "linear", antialias: bool = True) -> Any:
    """The weights of `old` pixels in each of `new`, float64 [new, old].

    >>> matrix(4, 2)
    array([[0.42857143, 0.42857143, 0.14285714, 0.        ],
           [0.        , 0.14285714, 0.42857143, 0.42857143]])
    """
    scale = old / new
    wide = max(scale, 1.0) if antialias else 1.0
    place = (np.arange(new) + 0.5) * scale - 0.5
    weight = _KERNELS[method](np.abs(place[:, None] - np.arange(old)) / wide)
    found = weight / weight.sum(1, keepdims=True)
    found.flags.writeable = False
    return found


def _triangle(d: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1.0 - d)


def _keys(d: np.ndarray) -> np.ndarray:
    """Keys 1981, "Cubic convolution interpolation", equation 4 with a = -1/2."""
    near = (1.5 * d - 2.5) * d * d + 1.0
    far = ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))


def _lanczos(d: np.ndarray) -> np.ndarray:
    return np.where(d < 3, np.sinc(d) * np.sinc(d / 3), 0.0)


_KERNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": _triangle,
    "cubic": _keys,
    "lanczos3": _lanczos,
}


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

    >>> x = jnp.full((5, 7, 1), 0.25)
    >>> darker = resized(jax.random.key(0), x, lambda key, x: x / 2, (8, 8))
    >>> darker.shape, bool(jnp.allclose(darker, 0.125))
    ((5, 7, 1), True)
    """
    sides = tuple(t or n for n, t in zip(x.shape[:2], size, strict=True))
    small = _to(x, sides, method, antialias)
    return _to(purifier(key, small), x.shape[:2], method, antialias)


def _to(x: Any, size: tuple[int, ...], method: str, antialias: bool) -> Any:
    """The image at another size, of the same kind of array."""
    if tuple(x.shape[:2]) == tuple(size):
        return x
    down, across = (
        matrix(n, m, method, antialias) for n, m in zip(x.shape[:2], size, strict=True)
    )
    if isinstance(x, np.ndarray):
        found = np.tensordot(down, np.asarray(x, np.float32), 1)
        return np.einsum("cj,rjk->rck", across, found).astype(np.float32)
    down, across = (jnp.asarray(m, x.dtype) for m in (down, across))
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

    def parts(self, x: Any) -> Any:
        """The resized image, [1, h, w, C], in the range of the given one."""
        return self._to(x, self.seen(x.shape)[:2])[None]

    def whole(self, parts: Any, shape: tuple[int, ...]) -> Any:
        """The image in its own size."""
        return self._to(parts[0], shape[:2])

    def _to(self, x: Any, size: tuple[int, ...]) -> Any:
        return _to(x, size, self.method, self.antialias)

    def seen(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(h, w, C) of the resized image."""
        return (self.height or shape[0], self.width or shape[1], *shape[2:])

    def words(self) -> str:
        """The size in words."""
        size = f"{self.height or 'own'} x {self.width or 'own'}"
        return f"resized to {size} ({self.method}): {self.purifier.words()}"
