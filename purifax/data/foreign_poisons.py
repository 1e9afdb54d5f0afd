"""Published poisons of other authors, read from their files.

    .npy, .npz         arrays: perturbations, or poisoned images
    .pth, .pt, .pkl    tensors of PyTorch, pickles: the same, alone or by name

No code in a file is run: pickles are read by `purifax.weights`, which refuses
everything but tensors, numbers and plain containers. Pickled PIL images, which some
benchmarks store, are not plain data: save them as arrays first.

The shape of the array says whether it has one entry per image, per class, or one for
all; the caller gives the units and the poisoned images. The result is a `Poison`, whose
budget is verified on the 8-bit images that it produces.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jax import numpy as jnp

from purifax import poison
from purifax.data.images import DataError, Images
from purifax.poison import Poison
from purifax.poison.budget import Budget
from purifax.run.budget import afford
from purifax.run.npz import FAULTS
from purifax.weights import containers

__all__ = ["array_of", "deltas", "poisoned_images", "read_array"]

_LEVELS = {"unit": 1.0, "levels": 255.0, "signed": 2.0}
"""The size of a perturbation over the whole pixel range, by units."""


def deltas(
    path: Path | str,
    images: Images,
    threat: Budget | None,
    *,
    units: str,
    name: str = "",
    index: np.ndarray | None = None,
    target: int | None = None,
) -> Poison:
    """The poison of a file of perturbations.

    Args:
        path: a file with an array [P, H, W, C] or [P, C, H, W], with one entry per
            poisoned image, or per image of the published split, of which `images` may
            be a part; [K, ...], one per class; or one for all, [H, W, C], [C, H, W] or
            [1, ...], such as the trigger of Narcissus.
        images: the clean set that is poisoned.
        threat: the claimed budget, verified here; None verifies nothing.
        units: of the perturbations: "unit" (images are in [0, 1]), "levels" (0 to 255)
            or "signed" (-1 to 1, as Narcissus stores its triggers).
        name: name of the array, where a file has several.
        index: int [P], increasing positions of the poisoned images; by default all, or
            all of the class `target`.
        target: the poisoned class; None for all classes.

    Raises:
        DataError: an unreadable file, unknown units, or shapes that do not fit.
        ValueError: the budget is exceeded, or positions do not increase.
    """
    if units not in _LEVELS:
        raise DataError(f"units={units!r} is unknown; known: {', '.join(_LEVELS)}.")
    array = read_array(path, name).astype(np.float32) / np.float32(_LEVELS[units])
    place = _places(images, index, target)
    shape = images.images.shape[1:]
    rows = _channels_last(path, array if array.ndim == 4 else array[None], shape)
    count, classes = len(place), len(images.names)
    if len(rows) == 1:
        rows = np.repeat(rows, count, axis=0)
    elif len(rows) == classes and count != classes:
        rows = rows[images.labels[place]]
    else:
        rows = _of_split(rows, images, place)
    if len(rows) != count:
        raise DataError(
            f"{path} holds {len(rows)} perturbations; {count} images are poisoned, of "
            f"{len(images)} in {classes} classes."
        )
    return _verified(path, images, place, rows, threat)


def poisoned_images(
    path: Path | str,
    images: Images,
    threat: Budget | None,
    *,
    name: str = "",
    index: np.ndarray | None = None,
    target: int | None = None,
) -> Poison:
    """The poison of a file of poisoned images: their differences from the clean ones.

    Args:
        path: a file with an array [P, H, W, C] or [P, C, H, W] of 8-bit images, or of
            floats in [0, 1] or [0, 255].
        images: the clean set; the file has its order, or that of the split.
        threat, name, index, target: as in `deltas`.

    Returns:
        The poison of the images that differ.

    Raises:
        DataError, ValueError: as `deltas`; images in another order than the clean set
            exceed the budget.
    """
    array, place = read_array(path, name), _places(images, index, target)
    rows = _channels_last(path, array, images.images.shape[1:])
    rows = _of_split(rows, images, place)
    if len(rows) != len(place):
        raise DataError(
            f"{path} holds {len(rows)} images; {len(place)} are poisoned of a set of "
            f"{len(images)}. They must be in its order."
        )
    level = rows.astype(np.float32)
    if rows.dtype != np.uint8 and level.max(initial=0.0) <= 1.0:
        level = 255 * level
    if not -0.5 < level.min(initial=0.0) <= level.max(initial=0.0) < 255.5:
        raise DataError(
            f"{path} holds values from {level.min():.4g} to {level.max():.4g}; images "
            "are in [0, 1] or from 0 to 255. Are they perturbations?"
        )
    apart = np.rint(level) - images.images[place]
    changed = np.flatnonzero(apart.any(axis=(1, 2, 3)))
    rows = (apart[changed] / 255).astype(np.float32)
    return _verified(path, images, place[changed], rows, threat)


def read_array(path: Path | str, name: str = "") -> np.ndarray:
    """The array in a file, by name where it holds several.

    Raises:
        DataError: the file is unreadable, holds no array, or several without that name.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "delta.npy")
    >>> np.save(path, np.zeros((2, 3)))
    >>> read_array(path).shape
    (2, 3)
    """
    path = Path(path)
    try:
        if path.suffix == ".npy":
            afford(path, path.stat().st_size)
            return array_of(np.array(np.load(path, mmap_mode="r", allow_pickle=False)))
        return array_of(containers.read(path, room=_ROOM), name)
    except FAULTS as error:
        raise DataError(f"{path} gives no poison: {error}") from error


_ROOM = 2**30
"""Bytes that a compressed file of poisons may take: a sparse trigger for the 50,000
images of CIFAR-10 is 614 MB of zeros."""


def array_of(value: Any, name: str = "") -> np.ndarray:
    """The only array in plain containers, or the one with a name; lists are stacked.

    Raises:
        ValueError: there is no array, or several, which the message names.

    >>> array_of({"epoch": 3, "noise": np.ones(2)}).tolist()
    [1.0, 1.0]
    """
    if isinstance(value, Mapping):
        arrays = {
            str(key): item
            for key, item in value.items()
            if isinstance(item, np.ndarray | list | tuple | Mapping)
        }
        if name and name not in arrays:
            raise ValueError(f"it has no {name!r}, only {', '.join(arrays)}.")
        if not name and len(arrays) != 1:
            raise ValueError(
                f"it holds {', '.join(arrays) or 'no array'}; name one of them."
            )
        return array_of(arrays[name] if name else next(iter(arrays.values())))
    if isinstance(value, list | tuple):
        rows = [np.asarray(item) for item in value]
        if not rows or len({row.shape for row in rows}) > 1 or rows[0].ndim < 2:
            raise ValueError("it holds a list that is not one of arrays of one shape.")
        return np.stack(rows)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise ValueError(f"it holds a {type(value).__name__}, not an array of numbers.")
    if not np.isfinite(value).all():
        raise ValueError("it holds numbers that are not finite.")
    return value


def _places(images: Images, index: np.ndarray | None, target: int | None) -> np.ndarray:
    """Positions of the poisoned images."""
    if index is not None and target is not None:
        raise DataError("give `index` or `target`, not both.")
    if index is not None:
        return np.asarray(index)
    if target is None:
        return np.arange(len(images))
    return np.flatnonzero(images.labels == target)


def _of_split(rows: np.ndarray, images: Images, place: np.ndarray) -> np.ndarray:
    """The rows of the poisoned images, where there is one per image of a split."""
    split = len(rows) != len(place) and len(rows) > images.index.max(initial=-1)
    return rows[images.index[place]] if split else rows


def _channels_last(
    path: Path | str, rows: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    height, width, channels = shape
    if rows.shape[1:] == shape:
        return rows
    if rows.shape[1:] == (channels, height, width):
        return np.moveaxis(rows, 1, -1)
    raise DataError(
        f"{path} holds an array {rows.shape}; images are {shape}, so it must be "
        f"[N, {height}, {width}, {channels}] or [N, {channels}, {height}, {width}]."
    )


def _verified(
    path: Path | str,
    images: Images,
    place: np.ndarray,
    rows: np.ndarray,
    threat: Budget | None,
) -> Poison:
    index = jnp.asarray(place, jnp.int32)
    read = Poison(index, jnp.asarray(rows), threat, name=Path(path).stem)
    poison.verify(jnp.asarray(images.images), read)
    return read
