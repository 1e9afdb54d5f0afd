"""Where the patches of one axis lie, and with what weight each pixel of them counts.

An axis of n pixels is covered by K patches of t pixels. Patches may reach beyond the
image, which is then continued by reflection: pixel -1 is pixel 1, as `numpy.pad` with
"reflect" has it. The weights of all patches at a pixel of the image add up to one, and
are zero beyond it, so that patches cut out and joined again are the image itself.

Positions depend on sizes alone: they are NumPy arrays, known when a program is
compiled, and the same functions cut and join NumPy arrays on a host.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import numpy as jnp

__all__ = ["Axis", "cut", "join", "multiples", "tiles"]


@dataclass(frozen=True)
class Axis:
    """The patches of one axis.

    Attributes:
        place: int [K, t], the pixel of the image at each place of a patch.
        weight: float32 [K, t], with which it counts.
    """

    place: np.ndarray
    weight: np.ndarray


def tiles(length: int, size: int, overlap: int, margin: int) -> Axis:
    """Tiles of `size` pixels that overlap by `overlap` or more, evenly spread.

    Between two neighbours the weight goes over linearly, in the middle of their
    overlap; the outer `margin` pixels of a tile count only at the border of the image.
    A shorter axis is one tile, continued evenly at both ends.

    >>> tiles(6, 4, 2, 1).place.tolist(), tiles(6, 4, 2, 1).weight[0].tolist()
    ([[0, 1, 2, 3], [2, 3, 4, 5]], [1.0, 1.0, 1.0, 0.0])
    """
    if length <= size:
        return _one(length, size)
    count = -(-(length - overlap) // (size - overlap))
    starts = np.rint(np.linspace(0, length - size, count)).astype(np.int64)
    place = starts[:, None] + np.arange(size)
    width = overlap - 2 * margin
    centre = (starts[1:] + starts[:-1] + size) / 2
    rise = np.ones(place.shape)
    fall = np.ones(place.shape)
    rise[1:] = _ramp(place[1:] + 0.5 - centre[:, None], width)
    fall[:-1] = 1 - _ramp(place[:-1] + 0.5 - centre[:, None], width)
    weight = rise * fall
    total = np.zeros(length)
    np.add.at(total, place, weight)
    return Axis(place, (weight / total[place]).astype(np.float32))


def multiples(length: int, factor: int) -> Axis:
    """One patch, of the next multiple of `factor` pixels.

    >>> multiples(5, 4).place.tolist()
    [[1, 0, 1, 2, 3, 4, 3, 2]]
    """
    return _one(length, -(-length // factor) * factor)


def cut(x: Any, rows: Axis, columns: Axis) -> Any:
    """The patches of an image [H, W, C], of the same kind: [K, h, w, C], row by row."""
    found = x[rows.place[:, None, :, None], columns.place[None, :, None, :]]
    return found.reshape(-1, *found.shape[2:])


def join(parts: Any, rows: Axis, columns: Axis, shape: tuple[int, ...]) -> Any:
    """The image of purified patches, with their weights.

    Args:
        parts: [K, h, w, C], as `cut` orders them.
        shape: (H, W, C) of the image.
    """
    grid = (len(rows.place), len(columns.place))
    parts = parts.reshape(*grid, *parts.shape[1:])
    if isinstance(parts, np.ndarray):
        return _added(parts, rows, columns, shape)
    where = rows.place[:, None, :, None], columns.place[None, :, None, :]
    down, across = rows.weight[:, None, :, None], columns.weight[None, :, None, :]
    weight = jnp.asarray((down * across)[..., None], parts.dtype)
    return jnp.zeros(shape, parts.dtype).at[where].add(parts * weight)


def _added(
    parts: np.ndarray, rows: Axis, columns: Axis, shape: tuple[int, ...]
) -> np.ndarray:
    """The sum of weighted patches on the host, one by one: a small copy at a time."""
    whole = np.zeros(shape, np.float32)
    for i, down in enumerate(rows.weight):
        for j, across in enumerate(columns.weight):
            inside = np.ix_(down > 0, across > 0)
            where = np.ix_(rows.place[i][down > 0], columns.place[j][across > 0])
            scale = np.outer(down, across)[inside][..., None]
            whole[where] += parts[i, j][inside] * scale
    return whole


def _one(length: int, size: int) -> Axis:
    """One patch around the whole axis."""
    at = np.arange(size) - (size - length) // 2
    inside = (at >= 0) & (at < length)
    return Axis(_reflected(at, length)[None], inside[None].astype(np.float32))


def _reflected(at: np.ndarray, length: int) -> np.ndarray:
    """The pixel that stands at a place beyond the image."""
    if length == 1:
        return np.zeros_like(at)
    turned = np.mod(at, 2 * (length - 1))
    return np.minimum(turned, 2 * (length - 1) - turned)


def _ramp(distance: np.ndarray, width: int) -> np.ndarray:
    """From 0 to 1 over `width` pixels around distance 0; a step where that is 0."""
    if width == 0:
        return (distance >= 0).astype(float)
    return np.clip(distance / width + 0.5, 0, 1)
