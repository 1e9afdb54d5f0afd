"""The layout of a written set: names, shapes and dtypes of its features; checks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from purifax.data.images import DataError, Images

__all__ = ["Layout", "check_rows", "features", "layout_of"]

OWN = ("image", "label", "id")


@dataclass(frozen=True)
class Layout:
    """The name of a written set, and the features of each example.

    Attributes:
        name: lower-case letters, digits and `_`, a letter first.
        shape: (H, W, C) of every image, C = 1 or 3.
        classes: names of the classes in the order of the labels.
        text_ids: whether `id` is text (or bytes) rather than an integer.
        extras: further features by name: the shape of a row and its dtype, any of
            NumPy's integers, floats and bool, or "bytes" with the shape ().

    Raises:
        DataError: a name, shape or dtype that cannot be written.

    >>> radius = {"radius": ((), "float32")}
    >>> Layout("purified", (8, 8, 1), ("a", "b"), extras=radius).name
    'purified'
    """

    name: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    text_ids: bool = False
    extras: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise DataError(
                f"A set cannot be called '{self.name}'; use lower-case letters, digits "
                "and _, a letter first."
            )
        if len(self.shape) != 3 or self.shape[-1] not in (1, 3):
            raise DataError(
                f"Images of shape {tuple(self.shape)} cannot be written; "
                "(H, W, C) with C = 1 or 3 is needed."
            )
        for name in self.classes:
            _check_class(name)
        for name, (shape, dtype) in self.extras.items():
            _check_extra(name, tuple(shape), dtype)


def _check_class(name: str) -> None:
    """Refuse a class name that would not be read as it was written, a line of text."""
    written = name.encode("utf-8", "ignore").decode().strip()
    if written != name or not name or "\n" in name or "\r" in name:
        raise DataError(
            f"A class cannot be called {name!r}: names are lines of UTF-8 text, "
            "without space at the ends; rename it."
        )


def features(layout: Layout) -> Any:
    """The TFDS features, which encode an example.

    >>> sorted(features(Layout("purified", (8, 8, 1), ("a", "b"))))
    ['id', 'image', 'label']
    """
    from tensorflow_datasets import features as kinds

    return kinds.FeaturesDict(
        {
            "image": kinds.Image(shape=tuple(layout.shape), encoding_format="png"),
            "label": kinds.ClassLabel(names=_distinct(layout.classes)),
            "id": kinds.Text() if layout.text_ids else kinds.Scalar(np.int64),
            **{key: _feature(*what) for key, what in layout.extras.items()},
        }
    )


def _distinct(classes: Sequence[str]) -> list[str]:
    """Distinct class names, as TFDS requires: its label is added to a repeated name."""
    distinct: list[str] = []
    for label, name in enumerate(classes):
        new = name
        while new in distinct or (new != name and new in classes):
            new = f"{new} ({label})"
        distinct.append(new)
    return distinct


def _feature(shape: tuple[int, ...], dtype: str) -> Any:
    """The TFDS feature: a number where that keeps its bits, else raw bytes."""
    from tensorflow_datasets import features as kinds

    if dtype == "bytes":
        return kinds.Text()
    number = np.dtype(dtype)
    if not shape and number not in (np.uint64, np.float64, np.float16):
        return kinds.Scalar(number)
    raw = kinds.Encoding.BYTES
    return kinds.Tensor(shape=tuple(shape), dtype=number, encoding=raw)


def check_rows(layout: Layout, columns: Mapping[str, Any]) -> None:
    """Check rows against the layout, before anything is written.

    Args:
        columns: "image", "label", "id" and the extras, each of length n.

    Raises:
        DataError: a column is missing, unknown, or has a wrong shape or dtype.

    >>> digits = Layout("purified", (8, 8, 1), ("a", "b"))
    >>> empty = np.zeros((0, 8, 8, 1), np.uint8)
    >>> check_rows(digits, {"image": empty, "label": [], "id": []})
    """
    names, wanted = set(columns), {*OWN, *layout.extras}
    if names != wanted:
        raise DataError(f"Rows have {sorted(names)}; the layout says {sorted(wanted)}.")
    images, labels = columns["image"], np.asarray(columns["label"])
    if images.dtype != np.uint8 or images.shape[1:] != tuple(layout.shape):
        raise DataError(
            f"Images are {images.dtype} {images.shape}; the layout says uint8 "
            f"[n, {', '.join(map(str, layout.shape))}]."
        )
    sizes = {key: len(column) for key, column in columns.items()}
    if len(set(sizes.values())) != 1:
        raise DataError(f"Columns differ in length: {sizes}.")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(layout.classes):
        raise DataError(
            f"Labels go from {labels.min()} to {labels.max()}, but there are "
            f"{len(layout.classes)} classes."
        )
    for key, (shape, dtype) in layout.extras.items():
        if dtype == "bytes" or not len(columns[key]):
            continue
        array = np.asarray(columns[key])
        if array.shape[1:] != tuple(shape) or array.dtype != dtype:
            raise DataError(
                f"'{key}' is {array.dtype} {array.shape[1:]} an example; the layout "
                f"says {dtype} {tuple(shape)}."
            )


def layout_of(name: str, images: Images, extras: Mapping[str, Any] | None) -> Layout:
    """The layout that fits one split in memory.

    >>> from purifax import data
    >>> layout_of("copied", data.load("digits", "test"), {"hit": [True] * 500}).extras
    {'hit': ((), 'bool')}
    """
    kinds = {}
    for key, values in (extras or {}).items():
        array = np.asarray(values)
        kind = "bytes" if array.dtype.kind in "SUO" else array.dtype.name
        kinds[key] = (array.shape[1:], kind)
    _, height, width, channels = images.images.shape
    return Layout(name, (height, width, channels), images.names, extras=kinds)


def _check_extra(name: str, shape: tuple[int, ...], dtype: str) -> None:
    if name in OWN:
        raise DataError(f"An extra feature cannot be called '{name}'.")
    if dtype == "bytes":
        if shape:
            raise DataError(f"'{name}' is bytes, one for each example, not {shape}.")
        return
    try:
        kind = np.dtype(dtype).kind
    except TypeError:
        kind = "?"
    if kind not in "biuf":
        raise DataError(
            f"'{name}' of dtype {dtype} cannot be written; integers, floats, bool "
            "and 'bytes' can."
        )
