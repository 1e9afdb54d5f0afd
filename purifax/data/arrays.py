"""Arrays of images and labels from elsewhere: what is certain is read, the rest asked.

Images are uint8, or floats in [0, 1] where a caller's arrays are taken, and channels
come last. Labels are integers from 0 to K - 1. Whatever could be meant in two ways, or
would be changed by a narrower dtype, is refused with what to do.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from purifax.data.images import DataError

__all__ = [
    "check_bytes",
    "check_layout",
    "check_pixels",
    "class_names",
    "label_numbers",
    "shape_of",
]

CHANNELS = (1, 3, 4)
LARGEST = np.iinfo(np.int32).max


def check_pixels(images: Any) -> None:
    """Refuse a caller's images that are neither uint8 nor floats in [0, 1].

    Raises:
        DataError: another dtype or range; the message says what would be right.

    >>> check_pixels(np.array([0.0, 1.0]))
    >>> check_pixels(np.array([0.0, 255.0]))
    Traceback (most recent call last):
        ...
    purifax.run.errors.DataError: images must lie in [0, 1]; these reach from 0 to \
255. If they are in [0, 255], give images / 255, or uint8.
    """
    if images.dtype == np.uint8:
        return
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise DataError(
            f"images are {images.dtype}; give uint8, or floating numbers in [0, 1]: of "
            "values from 0 to 255, x.astype('uint8') is uint8, or floats x / 255."
        )
    if not images.size:
        return
    low, high = float(images.min()), float(images.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DataError("images must lie in [0, 1]; these have values not finite.")
    if not 0 <= low <= high <= 1:
        raise DataError(
            f"images must lie in [0, 1]; these reach from {_number(low)} to "
            f"{_number(high)}. {_advice(low, high)}"
        )


def _number(value: float) -> str:
    """All digits of a number, so that 1.0000001 does not read as 1."""
    return repr(value).removesuffix(".0")


def _advice(low: float, high: float) -> str:
    """What to do with images of this range."""
    if -1e-3 <= low and high <= 1 + 1e-3:
        return "If that is rounding, give numpy.clip(images, 0, 1)."
    if -1 <= low and high <= 1:
        return "If they are in [-1, 1], give (images + 1) / 2."
    if low < 0:
        return "Undo the normalisation, as in images * std + mean."
    if high <= 255:
        return "If they are in [0, 255], give images / 255, or uint8."
    if high <= 65535:
        return "If they are of 16 bits, give images / 65535."
    return "Scale them to it."


def check_layout(shape: Sequence[int]) -> None:
    """Refuse a batch [N, H, W, C] whose channels stand first, or may.

    Raises:
        DataError: the second axis is of channels, and the last one is not.

    >>> check_layout((5, 8, 8, 3))
    >>> check_layout((5, 3, 8, 8))
    Traceback (most recent call last):
        ...
    purifax.run.errors.DataError: images of shape (5, 3, 8, 8) have their channels \
first; channels come last here: images.transpose(0, 2, 3, 1).
    """
    if shape[1] in (1, 3) and shape[-1] > max(CHANNELS):
        raise DataError(
            f"images of shape {tuple(shape)} have their channels first; channels come "
            "last here: images.transpose(0, 2, 3, 1)."
        )


def shape_of(what: Any, shape: Sequence[int], count: int | None) -> tuple[int, ...]:
    """The shape [N, H, W, C] of stored images, [N, H, W, C] or grey [N, H, W].

    Args:
        what: the file, as the message names it.
        count: number of labels; None if there are none.

    Raises:
        DataError: channels do not come last, or the shape has two readings.

    >>> shape_of("a.npz", (5, 8, 8), None)
    (5, 8, 8, 1)
    """
    shape = tuple(shape)
    if len(shape) == 3 and count in (None, 1) and shape[0] > 1:
        if shape[-1] in (1, 3):
            raise _two(what, shape, "one image", "images[None]")
        if shape[0] == 3:
            raise _two(
                what,
                shape,
                "one image, channels first",
                "images.transpose(1, 2, 0)[None]",
            )
    if len(shape) == 3:
        shape = (*shape, 1)
    if len(shape) == 2:
        raise DataError(
            f"{what} holds images of shape {shape}, flat rows, which do not say their "
            "height, width and order; reshape them, for example "
            "x.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)."
        )
    if len(shape) == 4 and shape[1] in (1, 3) and shape[-1] in (1, 3) and shape[2] > 4:
        raise DataError(
            f"{what} holds images of shape {shape}, in which channels may come first "
            "or last; store them by purifax.data.write_set, which says where they are."
        )
    if len(shape) != 4 or shape[-1] not in CHANNELS:
        raise DataError(
            f"{what} holds images of shape {shape}; channels come last, "
            "[N, H, W, C] with C = 1 or 3, for example x.transpose(0, 2, 3, 1)."
        )
    return shape


def _two(what: Any, shape: tuple[int, ...], other: str, give: str) -> DataError:
    return DataError(
        f"{what} holds images of shape {shape}, which may be {shape[0]} grey images or "
        f"{other}; give images[..., None] or {give}."
    )


def check_bytes(what: Any, dtype: np.dtype) -> None:
    """Refuse stored images of another dtype than uint8.

    Raises:
        DataError: the message says how to convert them.
    """
    if dtype == np.uint8:
        return
    how = "for example (255 * x).round().astype('uint8') if they are in [0, 1]"
    if dtype.kind in "iu":
        how = "x.astype('uint8') if they are that"
    if dtype.kind == "b":
        how = "255 * x.astype('uint8')"
    if dtype.kind == "O":
        how = "one array of one shape, not Python objects"
    raise DataError(f"{what} holds {dtype} images; store uint8 from 0 to 255, {how}.")


def label_numbers(what: Any, labels: np.ndarray) -> np.ndarray:
    """Labels int32 [N] from integers [N] or [N, 1].

    Raises:
        DataError: another dtype or shape, or numbers that are no labels.

    >>> label_numbers("a.npz", np.array([[3], [1]])).tolist()
    [3, 1]
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        how = {"f": "y.astype(int) of whole numbers", "b": "y.astype(int)"}
        how |= dict.fromkeys("USO", "numpy.unique(y, return_inverse=True)[1] of names")
        hint = how.get(labels.dtype.kind) if labels.ndim == 1 else None
        raise DataError(
            f"{what} holds labels {labels.dtype} {labels.shape}; integers [N] are "
            f"needed, for example {hint or 'y.argmax(-1) of one-hot rows'}."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() <= LARGEST:
        raise DataError(
            f"{what} has labels from {labels.min()} to {labels.max()}; they are 0 or "
            "more, and one for each class."
        )
    return labels.astype(np.int32)


def class_names(what: Any, labels: np.ndarray) -> tuple[str, ...]:
    """Names of classes without names: their numbers, 0 to the largest label.

    Raises:
        DataError: the labels are not numbered from 0, or fewer than half of the numbers
            occur, so that the number of classes is unclear.

    >>> class_names("a.npz", np.array([2, 0]))
    ('0', '1', '2')
    """
    present = np.unique(labels)
    count = int(present[-1]) + 1 if len(present) else 1
    shifted = count > 2 and len(present) == count - 1 and present[0] == 1
    if shifted or (count > 2 and 2 * len(present) < count):
        raise DataError(
            f"{what} has {len(present)} different labels from {present[0]} to "
            f"{present[-1]}, and no names of classes: number them from 0 without gaps, "
            "or add `names`, one for each class."
        )
    return tuple(map(str, range(count)))
