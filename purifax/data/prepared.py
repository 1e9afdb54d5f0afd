"""Directories prepared by TensorFlow Datasets, read without TensorFlow.

`<root>/<name>/[<config>/]<version>/` holds `dataset_info.json`, `features.json` and the
shards, ArrayRecord or TFRecord. Images are ordered by their `id` (or `index`) feature
where it numbers them ("train_00017"), which is the order of the official archive; else
they have the order of the shards, which TensorFlow Datasets shuffled when it wrote
them.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from purifax.data import tfrecord
from purifax.data.arrays import label_numbers
from purifax.data.decode import decode
from purifax.data.images import DataError, Images
from purifax.run import json_text

__all__ = ["find", "first_line", "image_and_label", "located", "opened", "read"]

SPLITS = {"train": ("train",), "test": ("test", "validation")}


def find(root: Path, name: str, split: str) -> Images | None:
    """The split of a set by its TFDS name ("cifar10", "cifar10_corrupted/fog_3").

    Returns:
        The split, or None where `root` neither is nor holds the set, or it lacks the
        split.
    """
    own, *config = name.split("/")
    if (root / "dataset_info.json").is_file():
        info = _info(root)
        same = [info.get("name"), *([info.get("configName")] if config else [])]
        return _split(root, split) if same == [own, *config] else None
    inside = root.joinpath(*config) if root.name == own else root / name
    newest = _newest(inside) or _newest(root / name)
    return _split(newest, split) if newest else None


def read(folder: Path, split: str) -> Images:
    """A split of any prepared set with one image and one label per example."""
    place = _existing(folder)
    images = _split(place, split)
    if images is None:
        raise _lacking(place, split)
    return images


def located(folder: Any) -> Any:
    """The folder or its newest version folder, whichever is a prepared set, or None."""
    itself = (folder / "dataset_info.json").exists()
    return folder if itself else _newest(folder)


def opened(folder: Any, split: str) -> tuple[Any, Any]:
    """The TFDS `info` of a prepared set and of one of its splits.

    Raises:
        DataError: there is no such set, or it lacks the split.
    """
    place = _existing(folder)
    info = _described(place)
    known = (*SPLITS.get(split, ()), split)
    name = next((name for name in known if name in info.splits), None)
    if name is None:
        raise _lacking(place, split)
    return info, info.splits[name]


def _existing(folder: Any) -> Any:
    place = located(folder)
    if place is None:
        raise DataError(
            f"{folder} is no prepared TFDS directory: neither it nor a version folder "
            "in it, such as 1.0.0, holds a dataset_info.json."
        )
    return place


def _lacking(place: Any, split: str) -> DataError:
    present = ", ".join(part["name"] for part in _info(place).get("splits", []))
    return DataError(f"{place} has no split '{split}'; it has: {present}.")


def _info(place: Any) -> dict[str, Any]:
    path = place / "dataset_info.json"
    try:
        return json_text.read(path, dict)
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is damaged ({first_line(error)}).") from error


def _newest(folder: Any) -> Any:
    """The folder of the highest version that was written completely."""
    versions = [
        (tuple(int(number) for number in path.name.split(".")), path)
        for path in folder.glob("*.*.*")
        if re.fullmatch(r"\d+\.\d+\.\d+", path.name)
        and (path / "dataset_info.json").exists()
    ]
    return max(versions)[1] if versions else None


def _described(place: Any) -> Any:
    """The TFDS `info` of a prepared set."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataError(
            f"{place} is a TFDS directory, and tensorflow-datasets is not installed; "
            "run: pip install tensorflow-datasets"
        ) from error
    _info(place)  # names the file, if that is damaged
    try:
        return tfds.builder_from_directory(place).info
    except Exception as error:  # a damaged description raises nearly anything
        raise DataError(
            f"{place} is no readable TFDS directory: its dataset_info.json or "
            f"features.json is damaged ({first_line(error)})."
        ) from error


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0]


def _split(place: Any, split: str) -> Images | None:
    info = _described(place)
    name = next((name for name in SPLITS[split] if name in info.splits), None)
    if name is None:
        return None
    part = info.splits[name]
    records = [
        record
        for path, count in zip(part.filepaths, part.shard_lengths, strict=True)
        for record in _records(Path(path), info.file_format.value, count)
    ]
    return _images(records, info.features, f"{place} ({name})")


def _records(path: Path, file_format: str, count: int) -> Sequence[bytes]:
    """The serialised examples of one shard, after a check of their number."""
    readers = {"tfrecord": tfrecord.read, "array_record": _array_records}
    if file_format not in readers:
        raise DataError(
            f"{path} is in the format {file_format}; prepare the set again with "
            "file_format='array_record'."
        )
    if not path.is_file():
        raise DataError(f"{path} is missing; prepare the set again.")
    records = readers[file_format](path)
    if len(records) != count:
        raise DataError(
            f"{path} holds {len(records)} examples where its dataset_info.json says "
            f"{count}; it is truncated or mixed up: prepare the set again."
        )
    return records


def _array_records(path: Path) -> Sequence[bytes]:
    from array_record.python.array_record_module import ArrayRecordReader

    try:
        reader = ArrayRecordReader(str(path))
        records = reader.read_all()
        reader.close()
    except (ValueError, RuntimeError, IndexError) as error:
        reason = first_line(error)
        raise DataError(f"{path} is truncated or damaged ({reason}).") from error
    return records


def _images(records: Sequence[bytes], features: Any, source: str) -> Images:  # noqa: ANN401
    from tensorflow_datasets.core import example_parser

    parser = example_parser.ExampleParserNp(features.get_serialized_info())
    image, label = image_and_label(features, source)
    pixels, labels, index = [], [], []
    for record in records:
        example: Any = parser.parse_example(record)
        pixels.append(example[image])
        labels.append(int(example[label]))
        index.append(_number(example))
    order = np.arange(len(records), dtype=np.int64)
    if len({number for number in index if number is not None}) == len(records):
        order = np.argsort(index)
        index = np.asarray(index, np.int64)[order]
    else:
        index = order.copy()
    return Images(
        _pixels(pixels, features[image], source)[order],
        label_numbers(source, np.asarray(labels, np.int64))[order],
        index,
        tuple(features[label].names),
        source,
    )


def image_and_label(features: Any, source: str) -> tuple[str, str]:
    """The names of the image feature and of the label feature.

    Raises:
        DataError: there are none, or several of which none is `image` or `label`.
    """
    import tensorflow_datasets as tfds

    images = [
        name
        for name, feature in features.items()
        if isinstance(feature, tfds.features.Image)
        or (feature.np_dtype == np.uint8 and len(feature.shape or ()) == 3)
    ]
    labels = [
        name
        for name, feature in features.items()
        if isinstance(feature, tfds.features.ClassLabel)
    ]
    image = "image" if "image" in images else images[0] if len(images) == 1 else None
    label = "label" if "label" in labels else labels[0] if len(labels) == 1 else None
    if image is None or label is None:
        raise DataError(
            f"{source} must have one uint8 image and one class label, or features "
            f"called `image` and `label`; it has {', '.join(features)}."
        )
    return image, label


def _number(example: Mapping[str, Any]) -> int | None:
    """The number in the `id` or `index` of an example, or None."""
    for key in ("id", "index"):
        value = example.get(key)
        if isinstance(value, bytes):
            match = re.search(rb"\d+$", value)
            return int(match[0]) if match else None
        if value is not None:
            return int(value)
    return None


def _pixels(values: Sequence[Any], feature: Any, source: str) -> np.ndarray:  # noqa: ANN401
    """uint8 [N, H, W, C] of encoded files or of stored tensors."""
    import tensorflow_datasets as tfds

    if not values:
        return np.zeros((0, *(n or 1 for n in feature.shape)), np.uint8)
    grey = feature.shape[-1] == 1
    if not isinstance(feature, tfds.features.Image):
        return np.stack([feature.decode_example_np(value) for value in values])
    files = {f"{source} example {n}": value for n, value in enumerate(values)}
    images, _ = decode(list(files), files.__getitem__)
    return images[..., :1] if grey else images
