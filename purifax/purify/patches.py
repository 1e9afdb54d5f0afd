"""Where the patches of one axis lie, and with what weight each pixel of them counts.

An axis of n pixels is covered by K patches of t pixels. Patches may reach beyond the
image, which is then continued by reflection: pixel -1 is pixel 1, as `numpy.pad` with
"reflect" has it. The weights of all patches at a pixel of the image add up to one, and
are zero beyond it, so that patches cut out and joined again are the image itself.

Positions depend on sizes alone: they are tuples, known when a program is compiled, and
those who work on a host's arrays take the same.
"""

import functools
from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp

__all__ = ["Axis", "cut", "join", "multiples", "tiles"]


@dataclass(frozen=True)
class Axis:
    """The patches of one axis.

    Attributes:
        place: [K, t], the pixel of the image at each place of a patch.
        weight: [K, t], with which it counts.
    """

    place: tuple[tuple[int, ...], ...]
    weight: tuple[tuple[float, ...], ...]


@functools.lru_cache(maxsize=128)
def tiles(length: int, size: int, overlap: int, margin: int) -> Axis:
    """Tiles of `size` pixels that overlap by `overlap` or more, evenly spread.

    Between two neighbours the weight goes over linearly, in the middle of their
    overlap; the outer `margin` pixels of a tile count only at the border of the image.
    A shorter axis is one tile, continued evenly at both ends.

    >>> tiles(6, 4, 2, 1).place, tiles(6, 4, 2, 1).weight[0]
    (((0, 1, 2, 3), (2, 3, 4, 5)), (1.0, 1.0, 1.0, 0.0))
    """
    if length <= size:
        return _one(length, size)
    count = -(-(length - overlap) // (size - overlap))
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    centres = [(a + b + size) / 2 for a, b in zip(starts, starts[1:], strict=False)]
    width, raw = overlap - 2 * margin, []
    for i, start in enumerate(starts):
        row = [1.0] * size
        for n in range(size):
            at = start + n + 0.5
            if i:
                row[n] *= _ramp(at - centres[i - 1], width)
            if i < count - 1:
                row[n] *= 1 - _ramp(at - centres[i], width)
        raw.append(row)
    total = [0.0] * length
    for start, row in zip(starts, raw, strict=True):
        for n, weight in enumerate(row):
            total[start + n] += weight
    return Axis(
        tuple(tuple(range(start, start + size)) for start in starts),
        tuple(
            tuple(w / total[start + n] for n, w in enumerate(row))
            for start, row in zip(starts, raw, strict=True)
        ),
    )


def multiples(length: int, factor: int) -> Axis:
    """One patch, of the next multiple of `factor` pixels.

    >>> multiples(5, 4).place
    ((1, 0, 1, 2, 3, 4, 3, 2),)
    """
    return _one(length, -(-length // factor) * factor)


def cut(x: Array, rows: Axis, columns: Axis) -> Array:
    """The patches of an image [H, W, C], row by row: [K, h, w, C]."""
    down, across = jnp.array(rows.place), jnp.array(columns.place)
    found = x[down[:, None, :, None], across[None, :, None, :]]
    return found.reshape(-1, *found.shape[2:])


def join(parts: Array, rows: Axis, columns: Axis, shape: tuple[int, ...]) -> Array:
    """The image of purified patches, with their weights.

    Args:
        parts: [K, h, w, C], as `cut` orders them.
        shape: (H, W, C) of the image.
    """
    parts = parts.reshape(len(rows.place), len(columns.place), *parts.shape[1:])
    down, across = (jnp.array(axis.weight, parts.dtype) for axis in (rows, columns))
    weight = down[:, None, :, None] * across[None, :, None, :]
    where = (
        jnp.array(rows.place)[:, None, :, None],
        jnp.array(columns.place)[None, :, None, :],
    )
    return jnp.zeros(shape, parts.dtype).at[where].add(parts * weight[..., None])


@functools.lru_cache(maxsize=128)
def _one(length: int, size: int) -> Axis:
    """One patch around the whole axis."""
    at = [n - (size - length) // 2 for n in range(size)]
    inside = tuple(float(0 <= n < length) for n in at)
    return Axis((tuple(_reflected(n, length) for n in at),), (inside,))


def _reflected(at: int, length: int) -> int:
    """The pixel that stands at a place beyond the image."""
    if length == 1:
        return 0
    turned = at % (2 * (length - 1))
    return min(turned, 2 * (length - 1) - turned)


def _ramp(distance: float, width: int) -> float:
    """From 0 to 1 over `width` pixels around distance 0; a step where that is 0."""
    if width == 0:
        return float(distance >= 0)
    return min(max(distance / width + 0.5, 0.0), 1.0)
