"""A split of a prepared TFDS directory as a stream, in the order of its shards.

ArrayRecord is read record by record; of TFRecord, one shard at a time is in memory. A
damaged record is unreadable, the others are not affected. Of a truncated file, the
records after the cut are unreadable (TFRecord), or all of them (ArrayRecord, whose
index is at the end).

`id` is kept where it exists, as a number or text, and so are further features that are
numbers, arrays of a known shape, or text.
"""

import functools
import hashlib
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from etils import epath

from purifax.data import prepared, tfrecord
from purifax.data.decode import in_channels, picture
from purifax.data.examples import Example, Stream, Unreadable, checked
from purifax.data.files import is_remote, place, size
from purifax.data.images import DataError
from purifax.data.prepared import first_line

__all__ = ["is_prepared", "read"]

IDS = ("id", "index")
BLOCK = 64
"""Number of records read at once."""


def is_prepared(folder: Any) -> bool:
    """Whether a folder, or a version folder in it such as 1.0.0, is a TFDS directory.

    >>> is_prepared("/nowhere")
    False
    """
    return prepared.located(place(folder)) is not None


def read(folder: Any, split: str) -> Stream:
    """A split of a set with one uint8 image and one class label per example.

    Args:
        folder: on a disk or in a store; a shard in a store is copied before it is read.
        split: the name of the split in the set; "test" may be its "validation".

    Raises:
        DataError: there is no such set or split, or it is a set of another kind.
    """
    info, part = prepared.opened(place(folder), split)
    reader = _Reader.of(info, part)
    shape = reader.shape(part)
    names = tuple(info.features[reader.label].names)

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        return checked(reader.rows(positions), shape, len(names), reader.where)

    return Stream(
        sum(part.shard_lengths),
        shape,
        names,
        f"{folder} ({part.name})",
        _digest(info, part),
        rows,
        reader.id is not None and info.features[reader.id].np_dtype == np.object_,
        reader.extras,
    )


def _digest(info: Any, part: Any) -> str:
    """A hash of the description and the sizes of the shards, not of their content."""
    words = [part.name, info.features.to_json(), list(part.shard_lengths)]
    sizes = [_size(place(path)) for path in part.filepaths]
    return hashlib.sha256(repr([*words, sizes]).encode()).hexdigest()


def _size(path: epath.Path) -> int:
    return size(path) if path.exists() else -1


@dataclass
class _Reader:
    """Locates, parses and names the records of one split."""

    features: Any
    parser: Any
    file_format: str
    files: Sequence[epath.Path]
    lengths: Sequence[int]
    ends: Sequence[int]
    image: str
    label: str
    id: str | None
    extras: Mapping[str, tuple[tuple[int, ...], str]]

    @classmethod
    def of(cls, info: Any, part: Any) -> "_Reader":
        from tensorflow_datasets.core import example_parser

        features = info.features
        image, label = prepared.image_and_label(features, str(info.data_dir))
        number = next((name for name in IDS if name in features), None)
        rest = set(features) - {image, label, number, *IDS, "image", "label"}
        kinds = {name: _kept(features[name]) for name in sorted(rest)}
        return cls(
            features,
            example_parser.ExampleParserNp(features.get_serialized_info()),
            info.file_format.value,
            [place(path) for path in part.filepaths],
            list(part.shard_lengths),
            list(accumulate(part.shard_lengths)),
            image,
            label,
            number,
            {name: kind for name, kind in kinds.items() if kind},
        )

    def where(self, position: int) -> str:
        """A position in words: the file and the number of the record in it."""
        file = bisect_right(self.ends, position)
        record = position - self.ends[file] + self.lengths[file]
        return f"{self.files[file]} record {record}"

    def shape(self, part: Any) -> tuple[int, int, int]:
        """The shape of the images: as declared, else that of the first readable one."""
        height, width, channels = self.features[self.image].shape
        if None not in (height, width, channels):
            return height, width, channels
        for row in self.rows(range(self.ends[-1])):
            if isinstance(row, Example):
                height, width, own = row.image.shape
                return height, width, channels or own
        raise DataError(f"No image of {part.name} can be read.")

    def rows(self, positions: range) -> Iterator[Example | Unreadable]:
        for file, end in enumerate(self.ends):
            start = end - self.lengths[file]
            inside = range(max(positions.start, start), min(positions.stop, end))
            if not inside:
                continue
            records = self._records(file, inside.start - start, inside.stop - start)
            for position, record in zip(inside, records, strict=True):
                yield self._row(position, record)

    def _records(self, file: int, start: int, stop: int) -> Iterator[bytes | str]:
        """Records of one file; in place of an unreadable one, the reason."""
        read = {"tfrecord": _tfrecords, "array_record": _array_records}
        if self.file_format not in read:
            raise DataError(
                f"{self.files[file]} is in the format {self.file_format}; prepare the "
                "set again with file_format='array_record'."
            )
        local = _local(os.fspath(self.files[file]))
        yield from read[self.file_format](local, start, stop, self.lengths[file])

    def _row(self, position: int, record: bytes | str) -> Example | Unreadable:
        where = self.where(position)
        if isinstance(record, str):
            return Unreadable(position, where, record)
        try:
            return self._example(position, record, where)
        except Exception as error:  # a damaged record raises nearly anything
            return Unreadable(position, where, first_line(error))

    def _example(self, position: int, record: bytes, where: str) -> Example:
        raw = self.parser.parse_example(record)
        number = position if self.id is None else raw[self.id]
        extras = {
            name: self.features[name].decode_example_np(raw[name])
            for name in self.extras
        }
        return Example(
            position,
            self._pixels(raw[self.image], where),
            int(raw[self.label]),
            number if isinstance(number, bytes) else int(number),
            {name: _typed(extras[name], self.extras[name][1]) for name in extras},
        )

    def _pixels(self, value: Any, where: str) -> np.ndarray:
        from tensorflow_datasets import features as kinds

        feature = self.features[self.image]
        channels = feature.shape[-1]
        if not isinstance(feature, kinds.Image):
            return feature.decode_example_np(value)
        pixels = picture(where, lambda name: value)
        return in_channels(where, pixels, 1 if channels == 1 else 3)


def _kept(feature: Any) -> tuple[tuple[int, ...], str] | None:
    """Shape and dtype of a further feature, as in `Layout`; None if it is dropped."""
    from tensorflow_datasets import features as kinds

    plain = type(feature) in (kinds.Scalar, kinds.Tensor, kinds.Text, kinds.ClassLabel)
    if not plain or None in feature.shape:
        return None
    if feature.np_dtype == np.object_:
        return None if feature.shape else ((), "bytes")
    return tuple(feature.shape), np.dtype(feature.np_dtype).name


def _typed(value: Any, dtype: str) -> Any:
    return value if dtype == "bytes" else np.asarray(value, dtype)


def _array_records(
    path: str, start: int, stop: int, count: int
) -> Iterator[bytes | str]:
    """Records of an ArrayRecord file; in place of a damaged one, the reason."""
    from array_record.python.array_record_module import ArrayRecordReader

    try:
        reader = ArrayRecordReader(path)
        records = reader.num_records()
        reason = f"its file holds {records} records, not {count}"
    except Exception as error:  # errors of the reader in C++ have many types
        reader, records = None, -1
        reason = f"its file is missing, cut short or damaged ({first_line(error)})"
    if reader is None or records != count:
        yield from [reason] * (stop - start)
        return
    for first in range(start, stop, BLOCK):
        last = min(first + BLOCK, stop)
        try:
            block = reader.read(first, last)
        except Exception:
            block = [_one(reader, record) for record in range(first, last)]
        yield from block
    reader.close()


def _one(reader: Any, record: int) -> bytes | str:
    try:
        return reader.read([record])[0]
    except Exception as error:
        return f"it is damaged ({first_line(error)})"


def _tfrecords(path: str, start: int, stop: int, count: int) -> Iterator[bytes | str]:
    """Records of a TFRecord file; in place of a damaged or missing one, the reason."""
    records = _last_tfrecord(path, _stamp(path))
    lost = ["its file is cut short"] * (count - len(records))
    if len(records) > count:
        lost, records = [f"its file holds {len(records)} records, not {count}"], []
        lost *= count
    yield from (records + lost)[start:stop]


def _stamp(path: str) -> tuple[int, ...]:
    """What tells a file from one that took its place; () for a missing one."""
    try:
        now = os.stat(path)
    except OSError:
        return ()
    return now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


@functools.lru_cache(maxsize=1)
def _last_tfrecord(path: str, stamp: tuple[int, ...]) -> list[bytes | str]:
    del stamp
    try:
        return tfrecord.salvage(Path(path))
    except OSError as error:
        return [f"its file cannot be read ({first_line(error)})"]


@functools.lru_cache(maxsize=1)
def _copied(path: str) -> tempfile._TemporaryFileWrapper:
    """A local copy of a file in a store; only the last copy is kept."""
    copy = tempfile.NamedTemporaryFile()
    copy.write(place(path).read_bytes())
    copy.flush()
    return copy


def _local(path: str) -> str:
    return _copied(path).name if is_remote(path) else path
