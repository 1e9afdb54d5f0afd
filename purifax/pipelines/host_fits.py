"""Photos brought to a purifier's size and back on the host, as the recipes say.

`Tiled`, `Padded` and `Resized` do this within a compiled program, one for each size of
photo. Here the parts of many photos come together in one program of the parts' size.
"""

import functools
from typing import Any

import numpy as np

from purifax.purify import Resized, patches, resized

__all__ = ["parts", "whole"]


def parts(fit: Any, x: np.ndarray) -> np.ndarray:
    """What the purifier within is given of an image [H, W, C]: [K, h, w, C]."""
    if isinstance(fit, Resized):
        return _resized(fit, x, fit.seen(x.shape)[:2])[None]
    down, across = (_places(axis) for axis in fit.axes(x.shape))
    found = x[down[:, None, :, None], across[None, :, None, :]]
    return found.reshape(-1, *found.shape[2:])


def whole(fit: Any, purified: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The image of shape (H, W, C) that the purified parts are, float32."""
    if isinstance(fit, Resized):
        return _resized(fit, purified[0], shape[:2])
    rows, columns = fit.axes(shape)
    grid = len(rows.place), len(columns.place)
    purified = purified.reshape(*grid, *purified.shape[1:])
    found = np.zeros(shape, np.float32)
    for i, down in enumerate(_weights(rows)):
        for j, across in enumerate(_weights(columns)):
            counted = np.ix_(down > 0, across > 0)
            to = _places(rows)[i][down > 0], _places(columns)[j][across > 0]
            scale = np.outer(down, across)[counted][..., None]
            found[np.ix_(*to)] += purified[i, j][counted] * scale
    return found


@functools.lru_cache(maxsize=128)
def _places(axis: patches.Axis) -> np.ndarray:
    return np.array(axis.place)


@functools.lru_cache(maxsize=128)
def _weights(axis: patches.Axis) -> np.ndarray:
    return np.array(axis.weight, np.float32)


@functools.lru_cache(maxsize=16)
def _matrix(old: int, new: int, method: str, antialias: bool) -> np.ndarray:
    return np.array(resized.matrix(old, new, method, antialias), np.float32)


def _resized(fit: Resized, x: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    if x.shape[:2] == tuple(size):
        return np.asarray(x, np.float32)
    down, across = (
        _matrix(n, m, fit.method, fit.antialias)
        for n, m in zip(x.shape[:2], size, strict=True)
    )
    found = np.tensordot(down, np.asarray(x, np.float32), 1)
    return np.clip(np.einsum("cj,rjk->rck", across, found), 0, 255)
