"""CIFAR-10 and CIFAR-100, Python and binary, packed and unpacked."""

import pickle

import numpy as np
import pytest
from data import writers

from purifax import data


@pytest.fixture
def cifar10():
    return writers.pictures(50, (32, 32, 3), 10)


def both(name, root):
    return [data.load(name, split, root, download=False) for split in ("train", "test")]


def check(parts, images, labels):
    train, test = parts
    np.testing.assert_array_equal(np.concatenate([train.images, test.images]), images)
    np.testing.assert_array_equal(np.concatenate([train.labels, test.labels]), labels)
    for part in parts:
        assert (part.images.dtype, part.labels.dtype) == (np.uint8, np.int32)
        assert part.images.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(part.index, np.arange(len(part)))


@pytest.mark.parametrize("inside", ["", "cifar10"])
def test_python_archive(tmp_path, cifar10, inside):
    files = writers.cifar10_files(*cifar10, writers.cifar_python)
    (tmp_path / inside).mkdir(exist_ok=True)
    archive = tmp_path / inside / "cifar-10-python.tar.gz"
    writers.tar_of(archive, files, "cifar-10-batches-py/")
    parts = both("cifar10", tmp_path)
    check(parts, *cifar10)
    assert parts[0].names[:2] == ("airplane", "automobile")
    assert parts[0].source == str(archive)


def test_python_folder_at_two_levels(tmp_path, cifar10):
    place = tmp_path / "cifar-10-batches-py"
    files = writers.cifar10_files(*cifar10, writers.cifar_python)
    writers.folder_of(place, files)
    check(both("cifar10", tmp_path), *cifar10)
    check(both("cifar10", place), *cifar10)


def test_binary_archive_and_folder(tmp_path, cifar10):
    files = writers.cifar10_files(*cifar10, writers.cifar_binary, ".bin")
    archive = tmp_path / "cifar-10-binary.tar.gz"
    writers.tar_of(archive, files, "cifar-10-batches-bin/")
    check(both("cifar10", tmp_path), *cifar10)
    archive.unlink()
    writers.folder_of(tmp_path / "cifar-10-batches-bin", files)
    check(both("cifar10", tmp_path), *cifar10)


def test_cifar100_takes_the_fine_labels(tmp_path):
    images, labels = writers.pictures(40, (32, 32, 3), 40)
    train, test = slice(30), slice(30, None)
    python = {
        "train": writers.cifar_python(images[train], labels[train], "fine_labels"),
        "test": writers.cifar_python(images[test], labels[test], "fine_labels"),
    }
    coarse = labels // 5
    binary = {
        "train.bin": writers.cifar_binary(images[train], labels[train], coarse[train]),
        "test.bin": writers.cifar_binary(images[test], labels[test], coarse[test]),
    }
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    path = tmp_path / "one" / "cifar-100-python.tar.gz"
    writers.tar_of(path, python, "cifar-100-python/")
    path = tmp_path / "two" / "cifar-100-binary.tar.gz"
    writers.tar_of(path, binary, "cifar-100-binary/")
    for place in ("one", "two"):
        parts = both("cifar100", tmp_path / place)
        check(parts, images, labels)
        assert len(parts[0].names) == 100 and parts[0].names[90] == "train"


def test_a_pickle_that_calls_is_refused_and_not_called(tmp_path, cifar10):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    files = writers.cifar10_files(*cifar10, writers.cifar_python)
    files["test_batch"] = pickle.dumps({"data": Harm(), "labels": []})
    writers.folder_of(tmp_path / "cifar-10-batches-py", files)
    with pytest.raises(data.DataError, match="test_batch asks for .*open.*refused"):
        data.load("cifar10", "test", tmp_path)
    assert not (tmp_path / "harm").exists()


def test_today_s_numpy_pickles_are_read_too(tmp_path, cifar10):
    def write(images, labels):
        batch = {"data": writers.planes(images), "labels": labels.tolist()}
        return pickle.dumps(batch, protocol=2)

    files = writers.cifar10_files(*cifar10, write)
    writers.folder_of(tmp_path / "cifar-10-batches-py", files)
    check(both("cifar10", tmp_path), *cifar10)


def test_missing_batch_is_named(tmp_path, cifar10):
    files = writers.cifar10_files(*cifar10, writers.cifar_python)
    del files["data_batch_3"]
    writers.folder_of(tmp_path / "a" / "cifar-10-batches-py", files)
    with pytest.raises(data.DataError, match="lacks data_batch_3"):
        data.load("cifar10", "train", tmp_path / "a")
    (tmp_path / "b").mkdir()
    writers.tar_of(tmp_path / "b" / "cifar-10-python.tar.gz", files, "x/")
    with pytest.raises(data.DataError, match="does not hold data_batch_3"):
        data.load("cifar10", "train", tmp_path / "b")


def test_truncation_is_named(tmp_path, cifar10):
    files = writers.cifar10_files(*cifar10, writers.cifar_python)
    archive = writers.tar_of(tmp_path / "cifar-10-python.tar.gz", files, "x/")
    archive.write_bytes(archive.read_bytes()[:40_000])
    with pytest.raises(data.DataError, match=r"cifar-10-python.tar.gz is truncated"):
        data.load("cifar10", "train", tmp_path)
    archive.unlink()
    content = files["test_batch"]
    for damaged in (content[:-2000], b"not a pickle", b""):
        files["test_batch"] = damaged
        writers.folder_of(tmp_path / "cifar-10-batches-py", files)
        with pytest.raises(data.DataError, match="test_batch is not a CIFAR batch"):
            data.load("cifar10", "test", tmp_path)


def test_wrong_contents_are_named(tmp_path, cifar10):
    place = tmp_path / "cifar-10-batches-bin"
    files = writers.cifar10_files(*cifar10, writers.cifar_binary, ".bin")
    files["test_batch.bin"] = files["test_batch.bin"][:-1]
    writers.folder_of(place, files)
    with pytest.raises(data.DataError, match="no multiple of 3073"):
        data.load("cifar10", "test", tmp_path)
    images, labels = cifar10
    content = writers.cifar_binary(images[:5], labels[:5] + 40)
    (place / "test_batch.bin").write_bytes(content)
    with pytest.raises(data.DataError, match="labels from 4. to 4., but 10 classes"):
        data.load("cifar10", "test", tmp_path)


def test_pixels_of_another_shape_are_named(tmp_path):
    content = writers.cifar_python(*writers.pictures(4, (16, 16, 3), 4))
    writers.folder_of(tmp_path / "cifar-10-batches-py", {"test_batch": content})
    with pytest.raises(data.DataError, match=r"\(4, 768\) pixels for 4 labels"):
        data.load("cifar10", "test", tmp_path)
