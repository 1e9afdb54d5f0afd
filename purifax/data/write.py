"""Image sets written as TFDS ArrayRecord shards, without TensorFlow.

`<root>/<name>/1.0.0/` holds `<name>-<split>.array_record-00000-of-00008` and so on,
`features.json`, `dataset_info.json` and `metadata.json`. A shard depends on its own
rows only, so that many processes can write one set; the process that knows all lengths
writes the description. `tfds.builder_from_directory(folder)`, `tfds.data_source(name,
data_dir= root)` and `purifax.data.load("tfds", ...)` read it.

Each example has `image` (PNG), `label`, `id` and the features of `extras`. Decoded rows
have the bits that were written; the bytes of the files may differ from run to run.
"""

import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath

from purifax.data.files import place, size, write_whole
from purifax.data.images import DataError, Images
from purifax.data.layout import Layout, check_rows, features, layout_of

__all__ = [
    "Layout",
    "encode_shard",
    "png",
    "shard_path",
    "write_info",
    "write_set",
    "write_shard",
]

VERSION = "1.0.0"
"""Version of every written set; the name of its folder."""


def shard_path(
    folder: Any, layout: Layout, split: str, shard: int, shards: int
) -> epath.Path:
    """The path of shard number `shard` of `shards`.

    >>> digits = Layout("purified", (8, 8, 1), ("a", "b"))
    >>> shard_path("/sets", digits, "train", 3, 8).name
    'purified-train.array_record-00003-of-00008'
    """
    name = f"{layout.name}-{split}.array_record-{shard:05d}-of-{shards:05d}"
    return place(folder) / name


def write_shard(
    folder: Any,
    layout: Layout,
    split: str,
    shard: int,
    shards: int,
    images: np.ndarray,
    labels: np.ndarray,
    ids: np.ndarray | Sequence[str | bytes],
    extras: Mapping[str, Any] | None = None,
) -> None:
    """Write one shard: it appears whole or not at all, and replaces an older one.

    Args:
        folder: the existing folder of the set, on a disk or in a store (`gs://`).
        layout: the same for every shard.
        split: such as "train".
        shard: from 0 to shards - 1.
        images: uint8 [n, H, W, C]; n may be 0.
        labels: integers [n].
        ids: integers [n], or n texts if `layout.text_ids`.
        extras: by name, arrays [n, ...] or n bytes, as in `layout.extras`.

    Raises:
        DataError: rows do not fit the layout.
        OSError: no space, or no permission; no part of the shard is left behind.

    >>> layout = Layout("purified", (8, 8, 1), ("a", "b"))
    >>> rows = np.zeros((3, 8, 8, 1), np.uint8), np.array([0, 1, 1]), np.arange(3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_shard(folder, layout, "train", 0, 1, *rows)
    ...     write_info(folder, layout, {"train": [3]})
    ...     "dataset_info.json" in [path.name for path in place(folder).iterdir()]
    True
    """
    columns = {"image": images, "label": labels, "id": ids, **(extras or {})}
    path = shard_path(folder, layout, split, shard, shards)
    write_whole(path, encode_shard(layout, columns))


def encode_shard(layout: Layout, columns: Mapping[str, Any]) -> bytes:
    """The content of one ArrayRecord file.

    Args:
        layout: of the set.
        columns: "image": uint8 [n, H, W, C], "label": integers [n], "id", and the
            extras, as in `write_shard`.

    Raises:
        DataError: rows do not fit the layout.
        OSError: no space for temporary files on this machine.
    """
    check_rows(layout, columns)
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "shard")
        _encode(path, layout, columns)
        with open(path, "rb") as file:
            return file.read()


def write_info(
    folder: Any,
    layout: Layout,
    lengths: Mapping[str, Sequence[int]],
    description: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write the description that makes the shards of `folder` a data set.

    Call it once all shards are written.

    Args:
        lengths: examples in each shard, by split: {"train": [1000, 1000, 297]}.
        description: in words.
        metadata: any JSON values; `builder.info.metadata` returns them.

    Raises:
        DataError: a shard is missing.
        OSError: no space, or no permission.
    """
    info = _info(place(folder), layout, lengths, description, metadata)
    with tempfile.TemporaryDirectory() as scratch:
        info.write_to_directory(scratch)
        written = sorted(place(scratch).iterdir(), key=lambda p: p.name.startswith("d"))
        for path in written:  # dataset_info.json last: with it the set exists
            write_whole(place(folder) / path.name, path.read_bytes())


def write_set(
    root: Any,
    name: str,
    splits: Mapping[str, Images],
    extras: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    shard_size: int = 1000,
    description: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> epath.Path:
    """Write a whole set that is in memory; the `id` of an image is its `index`.

    Args:
        root: the set goes to `root/name/1.0.0`.
        splits: {"train": images, ...}, of one shape and with one list of classes.
        extras: for each split the same further features, NumPy arrays [N, ...] or
            lists of N bytes: {"train": {"poisoned": flags}}.
        shard_size: largest number of images in a shard.

    Returns:
        The folder of the set.

    Raises:
        DataError: splits differ in shape, classes or extras; nothing is written.
        FileExistsError: the set exists.
        OSError: no space, or no permission.

    >>> from purifax import data
    >>> with tempfile.TemporaryDirectory() as root:
    ...     folder = write_set(root, "copied", {"test": data.load("digits", "test")})
    ...     len(data.load("tfds", "test", folder))
    500
    """
    extras = extras or {}
    layouts = [layout_of(name, one, extras.get(key)) for key, one in splits.items()]
    if not layouts or any(layout != layouts[0] for layout in layouts):
        raise DataError(
            f"The splits of '{name}' must be some, and alike in shape, classes and "
            "extra features."
        )
    folder = place(root) / name / VERSION
    if (folder / "dataset_info.json").exists():
        raise FileExistsError(f"{folder} holds a set already; give another place.")
    folder.mkdir(parents=True, exist_ok=True)
    lengths = {
        split: _write_split(
            folder, layouts[0], split, images, extras.get(split) or {}, shard_size
        )
        for split, images in splits.items()
    }
    write_info(folder, layouts[0], lengths, description, metadata)
    return folder


def _write_split(
    folder: epath.Path,
    layout: Layout,
    split: str,
    images: Images,
    extras: Mapping[str, Any],
    shard_size: int,
) -> list[int]:
    """Write the shards of one split. Returns their numbers of examples."""
    shards = max(1, -(-len(images) // shard_size))
    parts = np.array_split(np.arange(len(images)), shards)
    for shard, part in enumerate(parts):
        rows = images.take(part)
        more = {key: [values[row] for row in part] for key, values in extras.items()}
        columns = (rows.images, rows.labels, rows.index, more)
        write_shard(folder, layout, split, shard, shards, *columns)
    return [len(part) for part in parts]


def _encode(path: str, layout: Layout, columns: Mapping[str, Any]) -> None:
    """Write one ArrayRecord file with all rows to the local disk."""
    from array_record.python.array_record_module import ArrayRecordWriter
    from tensorflow_datasets.core.example_serializer import ExampleSerializer

    kinds = features(layout)
    serializer = ExampleSerializer(kinds.get_serialized_info())
    try:
        writer = ArrayRecordWriter(path, "group_size:1")
        for row in range(len(columns["image"])):
            example = {key: column[row] for key, column in columns.items()}
            example["image"] = png(example["image"])
            encoded = kinds.encode_example(example)
            writer.write(serializer.serialize_example(encoded))
        writer.close()
    except RuntimeError as error:
        raise OSError(f"the shard could not be encoded: {error}") from error


def png(pixels: np.ndarray) -> io.BytesIO:
    """The file of an image, uint8 [H, W, C]."""
    from PIL import Image

    stream = io.BytesIO()
    grey = pixels.shape[-1] == 1
    Image.fromarray(pixels[..., 0] if grey else pixels).save(stream, "PNG")
    stream.seek(0)
    return stream


def _info(
    folder: epath.Path,
    layout: Layout,
    lengths: Mapping[str, Sequence[int]],
    description: str,
    metadata: Mapping[str, Any] | None,
) -> Any:
    """The TFDS description of the set."""
    import tensorflow_datasets as tfds

    core: Any = tfds.core
    identity = core.dataset_info.DatasetIdentity(
        name=layout.name,
        version=core.Version(VERSION),
        data_dir=os.fspath(folder),
        module_name="",
    )
    info = core.DatasetInfo(
        builder=identity,
        features=features(layout),
        description=description or layout.name,
        supervised_keys=("image", "label"),
        disable_shuffling=True,
        metadata=core.MetadataDict(metadata or {}),
    )
    info.set_file_format("array_record")
    splits = [_split(folder, layout, name, n) for name, n in lengths.items()]
    info.set_splits(core.splits.SplitDict(splits))
    return info


def _split(
    folder: epath.Path, layout: Layout, name: str, lengths: Sequence[int]
) -> Any:
    from tensorflow_datasets.core import naming, splits

    total = 0
    for shard in range(len(lengths)):
        path = shard_path(folder, layout, name, shard, len(lengths))
        if not path.exists():
            raise DataError(f"{path} is missing; write it before the description.")
        total += size(path)
    template = naming.ShardedFileTemplate(
        dataset_name=layout.name,
        data_dir=folder,
        split=name,
        filetype_suffix="array_record",
    )
    return splits.SplitInfo(
        name=name,
        shard_lengths=list(lengths),
        num_bytes=total,
        filename_template=template,
    )
