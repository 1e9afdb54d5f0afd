"""Examples in WebDataset tars: the files of one key, read where they lie.

The image is the file of a key whose ending is that of an image; the label is `.cls` or
`.index`, or "label" or "cls" in its `.json`. The id is "id" of the `.json`, else the
key; its other numbers and texts are kept. A compressed tar cannot be read in parts and
is refused.
"""

import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from purifax.data.decode import SUFFIXES, picture
from purifax.data.examples import Example, Unreadable
from purifax.data.images import DataError
from purifax.data.stream_huggingface import Table, numbered
from purifax.run import json_text

__all__ = ["table"]

LABELS = ("cls", "index", "cls.txt")
IN_JSON = ("label", "cls", "class_id", "target")
_DIGITS = 12
"""Characters of a label in a file, at most."""

KINDS = {bool: "bool", int: "int64", float: "float64", str: "bytes"}
"""Values of a `.json` that are kept, as `Layout` calls them."""


class _Sample(NamedTuple):
    """The files of a key, as (start, size) by their endings."""

    path: Path
    key: str
    parts: Mapping[str, tuple[int, int]]


def table(files: Sequence[Path]) -> Table:
    """The examples of some tars, one tar after another.

    Raises:
        DataError: a tar is damaged, or holds no image.
    """
    samples = [sample for path in files for sample in _samples(path)]
    if not samples:
        raise DataError(f"{files[0]} holds no image of the endings that are known.")
    labels = [_label(sample) for sample in samples]
    known = [label for label in labels if label is not None]
    words = _words(samples[0])
    whole = isinstance(words.get("id"), int)
    names = _names(samples, labels) if known else ("unlabelled",)
    extras = {
        name: ((), KINDS[type(value)])
        for name, value in words.items()
        if type(value) in KINDS and name not in ("image", "id", "class", *IN_JSON)
    }

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        for n in positions:
            yield _example(n, samples[n], labels[n] if known else 0, whole, extras)

    sizes = tuple((path.name, os.path.getsize(path)) for path in files)
    return Table(len(samples), names, sizes, rows, not whole, extras)


def _samples(path: Path) -> list[_Sample]:
    """The keys of a tar that have an image, in their order."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(path, "r:") as packed:
            for member in packed:
                folder, _, name = member.name.rpartition("/")
                stem, _, end = name.partition(".")
                if member.isfile() and stem:
                    key = f"{folder}/{stem}" if folder else stem
                    parts = found.setdefault(key, {})
                    if end.lower() in parts:
                        raise DataError(f"{path} holds {member.name} twice.")
                    parts[end.lower()] = member.offset_data, member.size
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(
            f"{path} cannot be read ({error}); unpack it if it is compressed, or fetch "
            "it again."
        ) from error
    return [_Sample(path, key, p) for key, p in found.items() if _images(p)]


def _images(parts: Mapping[str, Any]) -> list[str]:
    """The endings of images among the files of a key."""
    return [end for end in parts if f".{end.rpartition('.')[2]}" in SUFFIXES]


def _content(sample: _Sample, end: str) -> bytes:
    start, size = sample.parts[end]
    with sample.path.open("rb") as file:
        file.seek(start)
        return file.read(size)


def _words(sample: _Sample) -> dict[str, Any]:
    """The `.json` of a key; empty where there is none."""
    if "json" not in sample.parts:
        return {}
    return json_text.parsed(_content(sample, "json"), f"{sample.key}.json", dict)


def _label(sample: _Sample) -> int | None:
    """The label of a key, or None; -1 where it is no number."""
    for end in LABELS:
        if end in sample.parts:
            text = _content(sample, end)[:_DIGITS].strip()
            return int(text) if text.isdigit() and len(text) < _DIGITS else -1
    words = _words(sample) if "json" in sample.parts else {}
    found = next((words[name] for name in IN_JSON if name in words), None)
    return found if isinstance(found, int) else None


def _names(samples: Sequence[_Sample], labels: Sequence[int | None]) -> tuple[str, ...]:
    """Names of the classes: "class" of a `.json`, else numbers."""
    known: dict[int, str] = {}
    numbers = numbered(samples[0].path, labels)
    for sample, label in zip(samples, labels, strict=True):
        if label is not None and label not in known and label >= 0:
            known[label] = str(_words(sample).get("class", label))
    return tuple(known.get(n, number) for n, number in enumerate(numbers))


def _example(
    n: int,
    sample: _Sample,
    label: int | None,
    whole: bool,
    extras: Mapping[str, tuple[tuple[int, ...], str]],
) -> Example | Unreadable:
    where = f"{sample.path}: {sample.key}"
    end, *others = _images(sample.parts)
    if others:
        return Unreadable(n, where, f"it has the images .{end} and .{others[0]}")
    try:
        image = picture(where, lambda _: _content(sample, end))
        words = _words(sample)
    except (DataError, ValueError, OSError) as error:
        return Unreadable(n, where, str(error))
    one = words.get("id", sample.key)
    if whole and not isinstance(one, int):
        return Unreadable(n, where, "its id is no whole number, as the others are")
    given = one if whole else str(one).encode("utf-8", "surrogateescape")
    more = {}
    for name, (_, kind) in extras.items():
        value = words.get(name)
        if KINDS.get(type(value)) != kind:
            return Unreadable(n, where, f"'{name}' is missing, or of another kind")
        text = isinstance(value, str)
        more[name] = value.encode("utf-8", "surrogateescape") if text else value
    return Example(n, image, -1 if label is None else label, given, more)
