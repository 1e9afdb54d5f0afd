"""Sets of Hugging Face's `datasets`, and what its layout says of columns.

The image is the column with the feature Image, or else one called so; the label is the
column with the feature ClassLabel, or else one called so. `id` is kept as the id, if it
is a whole number or bytes, and the other numbers and bytes are kept as they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from purifax.data import roles
from purifax.data.arrays import class_names, label_numbers
from purifax.data.decode import content, picture
from purifax.data.examples import Example, Unreadable
from purifax.data.images import DataError
from purifax.data.layout import OWN

__all__ = [
    "Columns",
    "Table",
    "columns",
    "example",
    "from_dataset",
    "numbered",
    "saved",
]

IMAGES = ("image", "img", "images", "png", "jpg", "jpeg", "webp", "picture")
LABELS = ("label", "labels", "fine_label", "target", "class", "cls", "y")
NUMBERS = {
    **{kind: kind for kind in ("int8", "int16", "int32", "int64")},
    **{kind: kind for kind in ("uint8", "uint16", "uint32", "uint64")},
    **{"float16": "float16", "float32": "float32", "float64": "float64"},
    **{"double": "float64", "float": "float32", "halffloat": "float16", "bool": "bool"},
    **{"binary": "bytes", "large_binary": "bytes", "string": "bytes"},
}
"""Kinds of columns that are kept, as `Layout` calls them."""


@dataclass(frozen=True)
class Table:
    """Examples that are read by position.

    Attributes:
        count: how many.
        names: of the classes.
        identity: what tells the source from others.
        read: `read(positions)` yields one row for each.
        text_ids: whether ids are text.
        extras: further features, as in `Layout`.
    """

    count: int
    names: tuple[str, ...]
    identity: Any
    read: Callable[[range], Iterator[Example | Unreadable]]
    text_ids: bool = False
    extras: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """Which columns are what.

    Attributes:
        image: holds the images.
        label: holds the labels; None where there are none.
        names: of the classes; () where the features do not say.
        id: holds ids; None for positions.
        text: whether the ids are bytes.
        extras: further columns, as in `Layout`.
    """

    image: str
    label: str | None
    names: tuple[str, ...]
    id: str | None
    text: bool
    extras: Mapping[str, tuple[tuple[int, ...], str]]


def columns(
    kinds: Mapping[str, str], features: Mapping[str, Any], where: Any
) -> Columns:
    """Which columns of a set are what.

    Args:
        kinds: of the columns by name: "int64", "binary", "struct<...>".
        features: as `datasets` stores them in a schema; empty where it did not.

    Raises:
        DataError: no column holds images, or several may.
    """

    def one(kind: str, words: Sequence[str], test: Callable[[str], bool]) -> str | None:
        found = [n for n, f in features.items() if _type(f) == kind and n in kinds]
        found = found or [n for n in kinds if n.lower() in words and test(kinds[n])]
        if len(found) > 1:
            raise DataError(
                f"{where} has {' and '.join(found)}, each of which may be the "
                f"{words[0]}; keep one."
            )
        return found[0] if found else None

    image = one(
        "Image", IMAGES, lambda k: k.startswith(("struct", "binary", "large_b"))
    )
    if image is None:
        raise DataError(
            f"{where} has the columns {', '.join(kinds)}; one of images, as encoded "
            f"bytes, is needed: {', '.join(IMAGES[:3])}."
        )
    label = one("ClassLabel", LABELS, lambda k: "int" in k)
    names = tuple(_names(features.get(label, {}))) if label else ("unlabelled",)
    key = NUMBERS.get(kinds.get("id", ""), "")
    own_id = "id" if "int" in key or key == "bytes" else None
    extras = {
        name: ((), NUMBERS[kind])
        for name, kind in kinds.items()
        if kind in NUMBERS and name not in (*OWN, image, label)
    }
    return Columns(image, label, names, own_id, key == "bytes", extras)


def _type(feature: Any) -> str:
    return feature.get("_type", "") if isinstance(feature, Mapping) else ""


def _names(feature: Any) -> Sequence[str]:
    return feature.get("names") or () if isinstance(feature, Mapping) else ()


def example(
    n: int, row: Mapping[str, Any], known: Columns, where: str
) -> Example | Unreadable:
    """One row of a set as an example.

    Args:
        row: the values of its columns; the image as bytes, or {"bytes", "path"}.
    """
    try:
        given = row[known.image]
        given = {"bytes": given} if isinstance(given, bytes) else given or {}
        packed = given.get("bytes") or content(given.get("path") or where)
        image = picture(where, lambda _: packed)
        extras = {name: _value(row[name], name) for name in known.extras}
    except DataError as error:
        return Unreadable(n, where, str(error))
    label = 0 if known.label is None else row[known.label]
    label = -1 if label is None else int(label)
    one = n if known.id is None else row[known.id]
    one = one.encode() if isinstance(one, str) else one
    return Example(n, image, label, n if one is None else one, extras)


def _value(value: Any, name: str) -> Any:
    if value is None:
        raise DataError(f"its '{name}' is missing")
    return value.encode() if isinstance(value, str) else value


def numbered(where: Any, labels: Sequence[int | None]) -> tuple[str, ...]:
    """Names of classes that are known by number alone.

    Raises:
        DataError: it is unclear from the labels how many classes there are.
    """
    known = [label for label in labels if label is not None and label >= 0]
    return class_names(where, label_numbers(where, np.array(known, np.int64)))


def from_dataset(dataset: Any, where: str = "a dataset") -> Table:
    """A `datasets.Dataset`, whose images are decoded by the rules of this package."""
    from datasets import Image  # pyright: ignore[reportMissingImports]

    described = dataset.features.to_dict()
    kinds = {column.name: str(column.type) for column in dataset.features.arrow_schema}
    known = columns(kinds, described, where)
    plain = dataset.cast_column(known.image, Image(decode=False))
    names = known.names
    if known.label is not None and not names:
        names = numbered(where, dataset[known.label])

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        for n in positions:
            yield example(n, plain[n], known, f"{where}, row {n}")

    identity = dataset._fingerprint
    return Table(len(dataset), names, identity, rows, known.text, known.extras)


def saved(path: Path, split: str) -> Table:
    """A split of what `datasets.save_to_disk` wrote.

    Raises:
        DataError: there is no such split.
        ModuleNotFoundError: `datasets` is not installed.
    """
    try:
        import datasets  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} needs datasets: pip install 'purifax[huggingface]'."
        ) from error
    found = datasets.load_from_disk(str(path))
    if not isinstance(found, datasets.DatasetDict):
        return from_dataset(found, str(path))
    parts = {role: found[name] for role, name in roles.named(found, path).items()}
    wanted = roles.chosen(split, parts)
    if wanted is None:
        raise DataError(
            f"{path} has {' and '.join(found)} but nothing for the split '{split}'."
        )
    return from_dataset(parts[wanted], str(path))
