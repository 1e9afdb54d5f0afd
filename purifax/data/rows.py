"""The rows of one written shard, whether or not its data set is complete."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from purifax.data.files import is_remote, place
from purifax.data.images import DataError
from purifax.data.layout import Layout, features

__all__ = ["count_rows", "read_rows"]


def count_rows(path: Any) -> int:
    """The number of examples in a shard.

    Raises:
        DataError: the shard cannot be read.
    """
    with _opened(path) as reader:
        return reader.num_records()


def read_rows(path: Any, layout: Layout) -> Iterator[dict[str, Any]]:
    """The decoded examples of a shard, one after another.

    Raises:
        DataError: the shard cannot be read.

    >>> import numpy as np
    >>> from purifax import data
    >>> from purifax.data.write import shard_path, write_shard
    >>> layout = data.Layout("purified", (8, 8, 1), ("a", "b"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = np.full((1, 8, 8, 1), 9, np.uint8), [1], [7]
    ...     write_shard(folder, layout, "train", 0, 1, *rows)
    ...     path = shard_path(folder, layout, "train", 0, 1)
    ...     [(row["id"], row["label"]) for row in read_rows(path, layout)]
    [(7, 1)]
    """
    from tensorflow_datasets.core import example_parser

    kinds = features(layout)
    parser = example_parser.ExampleParserNp(kinds.get_serialized_info())
    with _opened(path) as reader:
        for record in range(reader.num_records()):
            parsed = parser.parse_example(reader.read([record])[0])
            yield kinds.decode_example_np(parsed)


@contextmanager
def _opened(path: Any) -> Iterator[Any]:
    """A reader; a shard in a store is copied first."""
    from array_record.python.array_record_module import ArrayRecordReader

    with tempfile.TemporaryDirectory() as scratch:
        local = os.fspath(path)
        if is_remote(path):
            local = os.path.join(scratch, "shard")
            place(local).write_bytes(place(path).read_bytes())
        try:
            reader = ArrayRecordReader(local)
            yield reader
            reader.close()  # some damage is reported only here
        except (RuntimeError, IndexError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise DataError(f"{path} is truncated or damaged ({reason}).") from error
