"""MNIST and Fashion-MNIST in IDX files."""

import gzip

import numpy as np
import pytest
from data import writers

from purifax import data


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


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("inside", ["", "mnist", "MNIST/raw"])
def test_mnist(tmp_path, zipped, inside):
    images, labels = writers.pictures(30, (28, 28, 1), 10)
    files = writers.idx_files(images[:20], labels[:20], "train", zipped)
    files |= writers.idx_files(images[20:], labels[20:], "t10k", zipped)
    writers.folder_of(tmp_path / inside, files)
    parts = both("mnist", tmp_path)
    check(parts, images, labels)
    assert parts[0].names == tuple("0123456789")


def test_fashion_is_never_taken_for_mnist(tmp_path):
    fashion = writers.pictures(20, (28, 28, 1), 10, seed=1)
    digits = writers.pictures(20, (28, 28, 1), 10, seed=2)
    tmp_path = tmp_path / "sets"
    writers.folder_of(tmp_path, writers.idx_files(*digits))
    with pytest.raises(
        data.DataError, match="fashion_mnist .train. was found in none of"
    ):
        data.load("fashion_mnist", "train", tmp_path, download=False)
    place = tmp_path / "FashionMNIST" / "raw"
    writers.folder_of(place, writers.idx_files(*fashion))
    for root in (tmp_path, place):
        found = data.load("fashion_mnist", "train", root)
        np.testing.assert_array_equal(found.images, fashion[0])
        assert found.names[0] == "T-shirt/top"
    np.testing.assert_array_equal(
        data.load("mnist", "train", tmp_path).images, digits[0]
    )
    with pytest.raises(data.DataError, match="mnist .train. was found in none of"):
        data.load("mnist", "train", place, download=False)


def test_dotted_names_are_read(tmp_path):
    files = writers.idx_files(*writers.pictures(10, (28, 28, 1), 10), zipped=False)
    files = {name.replace("-idx", ".idx"): content for name, content in files.items()}
    writers.folder_of(tmp_path, files)
    assert len(data.load("mnist", "train", tmp_path)) == 10


def test_labels_alone_are_an_error(tmp_path):
    files = writers.idx_files(*writers.pictures(10, (28, 28, 1), 10))
    del files["train-images-idx3-ubyte.gz"]
    writers.folder_of(tmp_path, files)
    with pytest.raises(data.DataError, match="lacks train-images-idx3-ubyte"):
        data.load("mnist", "train", tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: gzip.compress(c)[:-30], "train-images.*truncated"),
        (lambda c: gzip.compress(c[:-1]), "holds 7839 bytes of data where"),
        (lambda c: gzip.compress(c[:9]), "truncated within its header"),
        (lambda c: gzip.compress(b"\1" + c), "is not an IDX file"),
        (lambda c: c, "train-images.*damaged"),
    ],
)
def test_damage_is_named(tmp_path, damage, message):
    images, labels = writers.pictures(10, (28, 28, 1), 10)
    files = writers.idx_files(images, labels)
    files["train-images-idx3-ubyte.gz"] = damage(writers.idx(images[..., 0]))
    writers.folder_of(tmp_path, files)
    with pytest.raises(data.DataError, match=message):
        data.load("mnist", "train", tmp_path)


def test_counts_must_agree(tmp_path):
    images, labels = writers.pictures(10, (28, 28, 1), 10)
    files = writers.idx_files(images, labels[:9])
    writers.folder_of(tmp_path, files)
    with pytest.raises(data.DataError, match="10 images but 9 labels"):
        data.load("mnist", "train", tmp_path)


def test_images_without_rows_are_refused(tmp_path):
    files = writers.idx_files(*writers.pictures(4, (28, 28, 1), 4))
    files["train-images-idx3-ubyte.gz"] = files["train-labels-idx1-ubyte.gz"]
    writers.folder_of(tmp_path, files)
    with pytest.raises(data.DataError, match="holds 1 dimensions"):
        data.load("mnist", "train", tmp_path)
