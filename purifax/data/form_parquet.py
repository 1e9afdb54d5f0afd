"""Parquet shards in the layout of Hugging Face's `datasets`, which it needs not.

A row has `image` (bytes of a PNG, and a path), `label`, `id` and the extras; the schema
says which are images and class names, as `datasets` stores it.
"""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from purifax.data.decode import in_channels, picture
from purifax.data.files import place
from purifax.data.images import DataError
from purifax.data.layout import Layout, check_rows
from purifax.data.write import png

__all__ = ["arrow", "encode", "rows"]

GROUP = 100
"""Rows that are stored, and read, together."""


def arrow() -> Any:
    """pyarrow, with its parquet.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "parquet needs pyarrow: pip install 'purifax[huggingface]'."
        ) from error
    return pyarrow


def encode(layout: Layout, columns: Mapping[str, Any]) -> bytes:
    """The content of one parquet file.

    Raises:
        DataError: rows do not fit the layout.
    """
    check_rows(layout, columns)
    pa = arrow()
    images = [
        {"bytes": png(image).getvalue(), "path": f"{n:06d}.png"}
        for n, image in enumerate(columns["image"])
    ]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    arrays = {
        "image": pa.array(images, kind),
        "label": pa.array([int(label) for label in columns["label"]], pa.int64()),
        "id": _ids(pa, columns["id"], layout.text_ids),
        **{name: _extra(pa, columns[name], what) for name, what in _extras(layout)},
    }
    table = pa.table(arrays)
    table = table.replace_schema_metadata(
        {"huggingface": json.dumps(_info(layout, pa))}
    )
    stream = io.BytesIO()
    pa.parquet.write_table(table, stream, row_group_size=GROUP)
    return stream.getvalue()


def _extras(layout: Layout) -> Iterator[tuple[str, tuple[tuple[int, ...], str]]]:
    yield from layout.extras.items()


def _ids(pa: Any, ids: Any, text: bool) -> Any:
    if text:
        return pa.array([_bytes(one) for one in ids], pa.binary())
    return pa.array([int(one) for one in ids], pa.int64())


def _bytes(one: Any) -> bytes:
    return one.encode() if isinstance(one, str) else bytes(one)


def _extra(pa: Any, values: Any, what: tuple[tuple[int, ...], str]) -> Any:
    """A column of numbers, of lists of numbers, or of bytes."""
    shape, dtype = what
    if dtype == "bytes":
        return pa.array([_bytes(one) for one in values], pa.binary())
    kind = pa.from_numpy_dtype(np.dtype(dtype))
    for _ in shape:
        kind = pa.list_(kind)
    return pa.array([np.asarray(one, dtype).tolist() for one in values], kind)


def _info(layout: Layout, pa: Any) -> dict[str, Any]:
    """The features as `datasets` writes them into a schema."""

    def value(shape: tuple[int, ...], dtype: str) -> Any:
        if dtype == "bytes":
            return {"dtype": "binary", "_type": "Value"}
        found: Any = {
            "dtype": str(pa.from_numpy_dtype(np.dtype(dtype))),
            "_type": "Value",
        }
        for _ in shape:
            found = {"feature": found, "_type": "List"}
        return found

    kinds = {name: value(shape, dtype) for name, (shape, dtype) in _extras(layout)}
    return {
        "info": {
            "features": {
                "image": {"_type": "Image"},
                "label": {"names": list(layout.classes), "_type": "ClassLabel"},
                "id": value((), "bytes" if layout.text_ids else "int64"),
                **kinds,
            }
        }
    }


def rows(path: Any, layout: Layout) -> Iterator[dict[str, Any]]:
    """The decoded examples of a shard, one after another.

    Raises:
        DataError: the shard cannot be read.
    """
    pa = arrow()
    try:
        with place(path).open("rb") as file:
            table = pa.parquet.read_table(io.BytesIO(file.read()))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is truncated or damaged ({reason}).") from error
    for n in range(table.num_rows):
        row = {name: table[name][n].as_py() for name in table.column_names}
        packed = row["image"]["bytes"]
        image = picture(f"{path}, row {n}", lambda _, packed=packed: packed)
        row["image"] = in_channels(str(path), image, layout.shape[-1])
        yield row
