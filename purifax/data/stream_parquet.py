"""Examples in parquet files, read row group by row group."""

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from purifax.data.examples import Example, Unreadable
from purifax.data.form_parquet import arrow
from purifax.data.images import DataError
from purifax.data.stream_huggingface import (
    Columns,
    Table,
    columns,
    example,
    numbered,
)
from purifax.run import json_text
from purifax.run.budget import afford, unpacks

__all__ = ["table"]


def table(files: Sequence[Path]) -> Table:
    """The rows of some files, one file after another.

    Raises:
        DataError: a file is damaged, or they differ in their columns.
        ModuleNotFoundError: pyarrow is not installed.
    """
    opened = [_opened(path) for path in files]
    schema = opened[0].schema_arrow
    for path, one in zip(files, opened, strict=True):
        if one.schema_arrow.names != schema.names:
            raise DataError(f"{path} has other columns than {files[0]}.")
    kinds = {column.name: str(column.type) for column in schema}
    known = columns(kinds, _features(schema), files[0])
    counts = [one.metadata.num_rows for one in opened]
    names = known.names or _numbered(files[0], opened, known)
    groups = [
        (n, g, one.metadata.row_group(g).num_rows)
        for n, one in enumerate(opened)
        for g in range(one.metadata.num_row_groups)
    ]
    ends = list(accumulate(rows for *_, rows in groups))
    wanted = [known.image, *filter(None, (known.label, known.id)), *known.extras]
    last: dict[int, Any] = {}

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        for n in positions:
            place = bisect_right(ends, n)
            file, group, count = groups[place]
            if place not in last:
                last.clear()
                last[place] = _read(files[file], opened[file], group, wanted)
            at = n - (ends[place] - count)
            row = {name: last[place][name][at].as_py() for name in wanted}
            yield example(n, row, known, f"{files[file]}, row {n}")

    sizes = tuple((path.name, os.path.getsize(path)) for path in files)
    identity = (sizes, counts)
    return Table(sum(counts), names, identity, rows, known.text, known.extras)


def _opened(path: Path) -> Any:
    pa = arrow()
    try:
        return pa.parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is truncated or damaged ({reason}).") from error


def _read(path: Path, opened: Any, group: int, wanted: Sequence[str]) -> Any:
    """The wanted columns of a row group.

    Raises:
        DataError: it is damaged, or unpacks to more than images would.
    """
    size = opened.metadata.row_group(group).total_byte_size
    unpacks(path, os.path.getsize(path), size)
    afford(path, size)
    try:
        return opened.read_row_group(group, columns=wanted)
    except (arrow().ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is truncated or damaged ({reason}).") from error


def _features(schema: Any) -> Mapping[str, Any]:
    """What `datasets` stored of the columns; nothing where it did not."""
    packed = (schema.metadata or {}).get(b"huggingface")
    try:
        return json_text.parsed(packed, "columns")["info"]["features"] if packed else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _numbered(where: Path, opened: Sequence[Any], known: Columns) -> tuple[str, ...]:
    """Names of classes that are known by number alone."""
    if known.label is None:
        return ("unlabelled",)
    found = (one.read(columns=[known.label])[known.label].to_pylist() for one in opened)
    return numbered(where, [label for some in found for label in some])
