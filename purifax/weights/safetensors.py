"""Hugging Face's safetensors: a header in JSON, and the arrays one after the other.

Every byte behind the header belongs to exactly one array, as the format demands.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from purifax.run import json_text
from purifax.run.budget import Budget, Refused, left

__all__ = ["read"]

_DTYPES = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(jnp.bfloat16),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}

_LONGEST = 100_000_000
"""Bytes of a header, by the format."""

_FORMATS = ("pt", "np")
"""Metadata "format": whose layout the arrays have."""

_WITHOUT_EFFECT = {
    "author",
    "date",
    "description",
    "epoch",
    "license",
    "name",
    "step",
    "tags",
    "title",
    "total_parameters",
    "total_size",
    "version",
}
"""Fields of the metadata that do not change what a network computes."""


def read(file: Any, budget: Budget) -> dict[str, np.ndarray]:
    """The arrays by name.

    Raises:
        Refused: there is less memory, or the metadata has a field that is unknown here.
        ValueError: a header that does not describe the bytes behind it.
    """
    whole = left(file)
    (length,) = struct.unpack("<Q", file.read(8))
    if not 2 <= length <= min(_LONGEST, whole - 8):
        raise ValueError(f"a header of {length} bytes is promised in {whole} bytes.")
    budget.take(8 * length)
    header = json_text.parsed(file.read(length), "its header", dict)
    _understood(header.pop("__metadata__", {}))
    entries = {name: _entry(name, entry) for name, entry in header.items()}
    arrays, at = {}, 0
    for name, (dtype, shape, start, end) in sorted(
        entries.items(), key=lambda item: item[1][2:]
    ):
        if start != at:
            what = "overlaps" if start < at else "leaves a hole behind"
            raise ValueError(f"{name} {what} the array before it.")
        budget.take(end - start)
        content = file.read(end - start)
        if len(content) != end - start:
            raise EOFError(f"{name} {shape} is not all there.")
        arrays[name] = np.frombuffer(content, dtype).reshape(shape)
        at = end
    if at != whole - 8 - length:
        raise ValueError(f"{whole - 8 - length - at} bytes belong to no array.")
    return {name: arrays[name] for name in entries}


def _entry(name: str, entry: Any) -> tuple[np.dtype, tuple[int, ...], int, int]:
    """The dtype and shape of an array, and where it begins and ends."""
    if not isinstance(entry, Mapping) or entry.keys() != _KEYS:
        raise ValueError(f"{name} has not just {', '.join(sorted(_KEYS))}.")
    if entry["dtype"] not in tuple(_DTYPES):
        known = ", ".join(_DTYPES)
        raise ValueError(
            f"{name} has the dtype {entry['dtype']!r:.40}; known: {known}."
        )
    dtype, shape, ends = _DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    for what, numbers in (("shape", shape), ("data_offsets", ends)):
        if not isinstance(numbers, list) or not all(map(_counts, numbers)):
            raise ValueError(f"{name} has the {what} {numbers!r:.60}; it takes counts.")
    if len(ends) != 2 or ends[1] - ends[0] != math.prod(shape) * dtype.itemsize:
        raise ValueError(
            f"{name} {entry['dtype']} {tuple(shape)} is at {ends}, which is no place "
            "of its size."
        )
    return dtype, tuple(shape), ends[0], ends[1]


_KEYS = {"dtype", "shape", "data_offsets"}


def _counts(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _understood(metadata: Any) -> None:
    """Refuse metadata that may mean another arithmetic than the arrays alone."""
    if not isinstance(metadata, Mapping):
        raise ValueError("its __metadata__ is no dictionary.")
    if metadata.get("format", "pt") not in _FORMATS:
        raise Refused(
            f"its metadata `format` is {metadata['format']!r:.40}; known: "
            f"{', '.join(_FORMATS)}."
        )
    for name in metadata:
        if name != "format" and name not in _WITHOUT_EFFECT:
            raise Refused(
                f"its metadata has a field {name!r:.60}, which is not known here and "
                "may change what the arrays mean."
            )
