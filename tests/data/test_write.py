"""Sets written by purifax, read back by TFDS and by purifax, bit for bit."""

import errno
import os
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from data import stores, writers

from purifax import data
from purifax.data import files, write

NAMES = ("ant", "bee", "cow")


def pictures(count=23, shape=(6, 5, 3)):
    images, labels = writers.pictures(count, shape, 3)
    return data.Images(images, labels, np.arange(count) * 7 + 3, NAMES, "test")


def further(count=23):
    random = np.random.default_rng(1)
    return {
        "flag": random.random(count) < 0.5,
        "small": random.integers(-100, 100, count).astype(np.int16),
        "large": random.integers(0, 2**64 - 1, count, np.uint64),
        "single": random.normal(size=count).astype(np.float32),
        "double": random.normal(size=count),
        "half": random.normal(size=count).astype(np.float16),
        "delta": random.normal(size=(count, 6, 5, 3)).astype(np.float32),
        "file": [f"dir/{n}.png".encode() + b"\xff\0" for n in range(count)],
    }


def assert_rows(source, images, more):
    """Every row of a TFDS data source is the row that was written."""
    assert len(source) == len(images)
    for row, found in enumerate(source):
        assert set(found) == {"image", "label", "id", *more}
        np.testing.assert_array_equal(found["image"], images.images[row])
        assert found["image"].dtype == np.uint8
        assert (found["label"], found["id"]) == (images.labels[row], images.index[row])
        for key, column in more.items():
            np.testing.assert_array_equal(found[key], column[row])


@pytest.mark.parametrize("shape", [(6, 5, 3), (4, 7, 1)])
def test_tfds_reads_every_bit_back(tmp_path, shape):
    images, more = pictures(shape=shape), further()
    words = {"purifier": {"steps": [1, 2.5]}, "weights": "ab12"}
    folder = data.write_set(
        tmp_path,
        "copied",
        {"train": images},
        {"train": more},
        shard_size=10,
        description="clean",
        metadata=words,
    )
    assert len(list(folder.glob("copied-train.array_record-0000?-of-00003"))) == 3
    builder = tfds.builder_from_directory(folder)
    assert_rows(builder.as_data_source("train"), images, more)
    named = tfds.data_source("copied", split="train", data_dir=tmp_path, download=False)
    assert_rows(named, images, more)
    assert builder.info.metadata == words
    assert builder.info.description == "clean"
    assert tuple(builder.info.features["label"].names) == NAMES
    assert builder.info.splits["train"].shard_lengths == [8, 8, 7]
    assert "tensorflow" not in sys.modules


def test_purifax_reads_it_too(tmp_path):
    parts = {"train": pictures(), "test": pictures(5)}
    folder = data.write_set(tmp_path, "copied", parts)
    for split, images in parts.items():
        found = data.load("tfds", split, folder)
        np.testing.assert_array_equal(found.images, images.images)
        np.testing.assert_array_equal(found.labels, images.labels)
        np.testing.assert_array_equal(found.index, images.index)
        assert found.names == NAMES


LAYOUT = data.Layout("copied", (6, 5, 3), NAMES, text_ids=True)


def shard(folder, number, images, ids, shards=3, layout=LAYOUT):
    rows = (images.images, images.labels, ids)
    write.write_shard(folder, layout, "train", number, shards, *rows)


def test_shards_may_come_in_any_order_twice_and_empty(tmp_path):
    images = pictures()
    ids = [f"train_{n:05d}" for n in range(23)]
    parts = (range(0, 10), range(10, 10), range(10, 23))
    for number in (2, 0, 1, 2):
        part = np.array(parts[number], int)
        shard(tmp_path, number, images.take(part), [ids[n] for n in part])
    write.write_info(tmp_path, LAYOUT, {"train": [10, 0, 13]})
    source = tfds.builder_from_directory(tmp_path).as_data_source("train")
    assert [row["id"].decode() for row in source] == ids
    for row, found in enumerate(source):
        np.testing.assert_array_equal(found["image"], images.images[row])


def test_a_description_needs_all_shards(tmp_path):
    shard(tmp_path, 0, pictures(4), list("abcd"), shards=2)
    with pytest.raises(data.DataError, match="00001-of-00002 is missing"):
        write.write_info(tmp_path, LAYOUT, {"train": [4, 4]})
    assert not (tmp_path / "dataset_info.json").exists()


def test_classes_of_one_name_stay_apart(tmp_path):
    twice = data.Images(
        *writers.pictures(4, (6, 5, 3), 2), np.arange(4), ("x",) * 2, ""
    )
    folder = data.write_set(tmp_path, "copied", {"train": twice})
    names = tfds.builder_from_directory(folder).info.features["label"].names
    assert names == ["x", "x (1)"]


def test_an_object_store_will_do(monkeypatch):
    root, images = stores.open_store(monkeypatch), pictures(4)
    folder = files.place(root) / "set"
    shard(folder, 0, images, list("abcd"), shards=1)
    write.write_info(folder, LAYOUT, {"train": [4]})
    names = {path.name for path in folder.iterdir()}
    assert {"dataset_info.json", "copied-train.array_record-00000-of-00001"} <= names
    assert not [name for name in names if name.startswith(files.TEMPORARY)]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, call):
    shard(tmp_path, 0, pictures(4), list("abcd"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    for number in (0, 1):
        with pytest.raises(OSError, match="No space left"):
            shard(tmp_path, number, pictures(5), list("abcde"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_set_is_not_overwritten(tmp_path):
    data.write_set(tmp_path, "copied", {"train": pictures(4)})
    with pytest.raises(FileExistsError, match="holds a set already"):
        data.write_set(tmp_path, "copied", {"train": pictures(5)})
    assert len(data.load("tfds", "train", tmp_path / "copied")) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Copied-1"}, "cannot be called 'Copied-1'"),
        ({"shape": (6, 5, 4)}, r"\(6, 5, 4\) cannot be written"),
        ({"extras": {"label": ((), "int64")}}, "cannot be called 'label'"),
        ({"extras": {"z": ((), "complex64")}}, "dtype complex64 cannot be written"),
        ({"extras": {"z": ((3,), "bytes")}}, "one for each example"),
    ],
)
def test_a_layout_that_cannot_be_written_is_refused(change, words):
    given = {"name": "copied", "shape": (6, 5, 3), "classes": NAMES} | change
    with pytest.raises(data.DataError, match=words):
        data.Layout(**given)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": np.zeros((4, 6, 5, 3))}, "Images are float64"),
        ({"images": np.zeros((4, 5, 6, 3), np.uint8)}, "the layout says uint8"),
        ({"labels": np.zeros(3, int)}, "differ in length"),
        ({"labels": np.full(4, 3)}, "from 3 to 3, but there are 3 classes"),
        ({"extras": {}}, "the layout says .*'z'"),
        ({"extras": {"z": np.zeros((4, 2))}}, "'z' is float64"),
    ],
)
def test_rows_unlike_the_layout_are_refused(tmp_path, change, words):
    layout = data.Layout("copied", (6, 5, 3), NAMES, extras={"z": ((2,), "float32")})
    rows = {
        "images": np.zeros((4, 6, 5, 3), np.uint8),
        "labels": np.zeros(4, int),
        "ids": np.arange(4),
        "extras": {"z": np.zeros((4, 2), np.float32)},
    }
    with pytest.raises(data.DataError, match=words):
        write.write_shard(tmp_path, layout, "train", 0, 1, **rows | change)
    assert not list(tmp_path.iterdir())
