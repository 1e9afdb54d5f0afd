"""Tiles: an image of any size, purified in overlapping parts of one size.

The image is cut into tiles of the size that a network was made for, each is purified
by itself, and they are blended where they overlap (`purifax.purify.patches` says how).
Where a purifier is deterministic and each pixel of its result depends on pixels nearer
than `margin` alone, the result is that of the whole image, without a seam.

Tiles have noise of their own. Where two of them are blended, a random purifier's
results are averaged and vary less than elsewhere; overlap = 2 margin blends nothing.
"""

from dataclasses import dataclass

import jax
from jax import Array

from purifax import _checks as checks
from purifax import recipe
from purifax.purify import fitted, patches
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["Tiled", "tiled"]

AT_ONCE = 16
"""Tiles that are purified at the same time, by default."""


@checks.checked(x=checks.image)
def tiled(
    key: Array,
    x: Array,
    purifier: Purifier,
    size: tuple[int, int],
    *,
    overlap: int,
    margin: int = 0,
    at_once: int = AT_ONCE,
) -> Array:
    """Purify overlapping tiles of an image, and blend them.

    Args:
        x: [H, W, C].
        size: (h, w) of a tile, 0 being that of the image; a smaller image is continued
            by reflection.
        overlap: pixels that two neighbours share, at least.
        margin: pixels along an inner border of a tile that do not count.
        at_once: tiles that are purified at the same time; bounds memory.

    Returns:
        The image, [H, W, C]; that of a purifier that changes nothing is x.

    >>> import jax.numpy as jnp
    >>> x = jnp.arange(30.0).reshape(5, 6, 1) / 30
    >>> same = tiled(jax.random.key(0), x, lambda key, x: x, (4, 4), overlap=2)
    >>> bool(jnp.allclose(same, x))
    True
    """
    rows, columns = _axes(x.shape, size, overlap, margin)
    parts = patches.cut(x, rows, columns)
    keys = fitted.numbered(key, len(parts))
    found = jax.lax.map(
        lambda row: purifier(*row), (keys, parts), batch_size=min(at_once, len(parts))
    )
    return patches.join(found, rows, columns, x.shape)


def _axes(
    shape: tuple[int, ...], size: tuple[int, int], overlap: int, margin: int
) -> tuple[patches.Axis, patches.Axis]:
    sides = (t or n for n, t in zip(shape[:2], size, strict=True))
    rows, columns = (
        patches.tiles(n, t, overlap, margin)
        for n, t in zip(shape[:2], sides, strict=True)
    )
    return rows, columns


@dataclass(frozen=True)
@typed
class Tiled(fitted.Fitted):
    """Another purifier on overlapping tiles, which are blended, for images of any size.

    Attributes:
        purifier: the purifier of a tile.
        height: of a tile, in pixels, as the network takes it; 0 is that of the image.
        width: of a tile; 0 is that of the image.
        overlap: pixels that two neighbours share, at least.
        margin: pixels along an inner border of a tile that do not count.
        at_once: tiles that are purified at the same time; bounds memory.
    """

    height: int = 0
    width: int = 0
    overlap: int = 4
    margin: int = 1
    at_once: int = AT_ONCE

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("height", "width", "margin"):
            recipe.at_least(self, field, 0)
        recipe.at_least(self, "at_once", 1)
        recipe.at_least(self, "overlap", 2 * self.margin)
        for side in (self.height, self.width):
            if side and self.overlap >= side:
                raise ValueError(
                    f"Tiled.overlap must be less than a tile's {side} pixels; got "
                    f"{self.overlap}."
                )

    def around(self, purifier: Purifier) -> Purifier:
        """The purifier of any image, of that of a tile."""
        settings = {"overlap": self.overlap, "margin": self.margin}
        size = (self.height, self.width)
        more = {"size": size, "at_once": self.at_once}
        return fitted.bound(tiled, purifier, **settings, **more)

    def axes(self, shape: tuple[int, ...]) -> tuple[patches.Axis, patches.Axis]:
        """Where the parts of an image of shape (H, W, C) lie."""
        return _axes(shape, (self.height, self.width), self.overlap, self.margin)

    def parts(self, x: Array) -> Array:
        """The tiles of an image, [K, h, w, C]."""
        return patches.cut(x, *self.axes(x.shape))

    def seen(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(h, w, C) of a tile."""
        return (self.height or shape[0], self.width or shape[1], *shape[2:])

    def count(self, shape: tuple[int, ...]) -> int:
        """The number of tiles."""
        rows, columns = self.axes(shape)
        return len(rows.place) * len(columns.place)

    def words(self) -> str:
        """The tiles in words."""
        size = f"{self.height or 'all'} x {self.width or 'all'}"
        return f"tiles of {size}, overlap {self.overlap}: {self.purifier.words()}"
