"""Poisons that other people have published, read from their files.

    .npy, .npz         arrays: perturbations, or poisoned images
    .pth, .pt, .pkl    tensors of PyTorch, pickles: the same, alone or by name

Nothing in a file is run: pickles are read by `purifax.weights`, and what is no tensor,
number or plain container is refused. Pickled PIL images, which some benchmarks store,
are no plain data: save them as arrays first.

A file says what it holds (perturbations or images, one for each image, for each class
or for all) by the shape of its array, the caller in which units and where. The result
is a `Poison`, whose budget is verified on the 8-bit images that it gives.
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
from purifax.weights import containers

__all__ = ["array_of", "deltas", "poisoned_images", "read_array"]

_LEVELS = {"unit": 1.0, "levels": 255.0, "signed": 2.0}
"""What a perturbation over the whole range is in each kind of units."""


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
        path: the array in it is [P, H, W, C] or [P, C, H, W], one for each poisoned
            image, or one for each image of the published split, of which `images` may
            be a part; [K, ...], one for each class; or one for all, [H, W, C],
            [C, H, W] or [1, ...], such as the trigger of Narcissus.
        images: the clean set that is poisoned.
        threat: what was promised, verified here; None promises nothing.
        units: of the perturbations: "unit" (images are in [0, 1]), "levels" (0 to 255)
            or "signed" (-1 to 1, as Narcissus stores its triggers).
        name: of the array, where a file has several.
        index: int [P], increasing positions of the poisoned images; all by default, or
            all of the class `target`.
        target: the class that is poisoned; None is all of them.

    Raises:
        DataError: unreadable, unknown units, or shapes that do not fit.
        ValueError: the budget is exceeded, or positions do not increase.
    """
    if units not in _LEVELS:
        raise DataError(f"units={units!r} is unknown; known: {', '.join(_LEVELS)}.")
    found = read_array(path, name).astype(np.float32) / np.float32(_LEVELS[units])
    place = _places(images, index, target)
    shape = images.images.shape[1:]
    rows = _channels_last(path, found if found.ndim == 4 else found[None], shape)
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
        path: the array in it is [P, H, W, C] or [P, C, H, W], of 8-bit images, or of
            floats in [0, 1] or [0, 255].
        images: the clean set; the file has its order, or that of the split.
        threat, name, index, target: as in `deltas`.

    Returns:
        The poison of the images that differ.

    Raises:
        DataError, ValueError: as `deltas`; an exceeded budget is how images in another
            order than those of the clean set are found out.
    """
    found, place = read_array(path, name), _places(images, index, target)
    rows = _channels_last(path, found, images.images.shape[1:])
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
    """The array of a file, by its name where it holds several.

    Raises:
        DataError: unreadable, or no array, or several and none of that name.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "delta.npy")
    >>> np.save(path, np.zeros((2, 3)))
    >>> read_array(path).shape
    (2, 3)
    """
    path = Path(path)
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return array_of(containers.read(path), name)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} gives no poison: {error}") from error


def array_of(value: Any, name: str = "") -> np.ndarray:
    """The one array among plain containers, or that of a name; lists are stacked.

    Raises:
        ValueError: there is none, or there are several; it names them.

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
    """Those of the poisoned images, where there is one for each image of a split."""
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
    found = Poison(index, jnp.asarray(rows), threat, name=Path(path).stem)
    poison.verify(jnp.asarray(images.images), found)
    return found
