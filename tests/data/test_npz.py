"""Plain .npz files, of named sets and of one's own."""

import numpy as np
import pytest
from data import writers

from purifax import data


@pytest.mark.parametrize("keys", [("images", "labels"), ("image", "label"), ("x", "y")])
def test_names_of_the_arrays(tmp_path, keys):
    images, labels = writers.pictures(10, (32, 32, 3), 10)
    arrays = dict(zip(keys, (images, labels), strict=True))
    np.savez(tmp_path / "cifar10_train.npz", **arrays)
    found = data.load("cifar10", "train", tmp_path, download=False)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.names[0] == "airplane" and found.index.tolist() == list(range(10))


def test_both_splits_in_one_file(tmp_path):
    images, labels = writers.pictures(12, (28, 28), 10)
    arrays = {"x_train": images[:9], "y_train": labels[:9]}
    arrays |= {"x_test": images[9:], "y_test": labels[9:]}
    np.savez(tmp_path / "mnist.npz", **arrays)
    train, test = (data.load("mnist", split, tmp_path) for split in ("train", "test"))
    assert train.images.shape == (9, 28, 28, 1) and len(test) == 3
    np.testing.assert_array_equal(test.labels, labels[9:])
    assert len(data.load("npz", "test", tmp_path / "mnist.npz")) == 3


@pytest.mark.parametrize("marks", ["ab", "12", ["0", "1", "2"]])
def test_parts_are_joined_in_order(tmp_path, marks):
    images, labels = writers.pictures(30, (32, 32, 3), 10)
    pieces = np.array_split(np.arange(30), len(marks))
    for mark, piece in zip(marks, pieces, strict=True):
        path = tmp_path / f"cifar10_train_{mark}.npz"
        np.savez(path, images=images[piece], labels=labels[piece])
    found = data.load("cifar10", "train", tmp_path, download=False)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.index, np.arange(30))
    assert found.source.index(f"_{marks[0]}.npz") < found.source.index(" + ")


def test_ten_numbered_parts_are_in_numeric_order(tmp_path):
    images, labels = writers.pictures(11, (4, 4, 3), 11)
    for n in range(11):
        path = tmp_path / f"train_{n}.npz"
        np.savez(path, images=images[n : n + 1], labels=labels[n : n + 1])
    found = data.load("npz", "train", tmp_path)
    np.testing.assert_array_equal(found.images, images)


def test_incomplete_parts_are_an_error(tmp_path):
    images, labels = writers.pictures(10, (32, 32, 3), 10)
    np.savez(tmp_path / "cifar10_train_b.npz", images=images, labels=labels)
    with pytest.raises(data.DataError, match="not the consecutive parts"):
        data.load("cifar10", "train", tmp_path)


def test_two_subsets_are_an_error(tmp_path):
    images, labels = writers.pictures(10, (32, 32, 3), 10)
    for count in (5, 8):
        path = tmp_path / f"cifar10_test_{count}.npz"
        np.savez(path, images=images[:count], labels=labels[:count])
    with pytest.raises(data.DataError, match="complete them or keep one"):
        data.load("cifar10", "test", tmp_path)


def test_whole_is_preferred_to_subset(tmp_path):
    images, labels = writers.pictures(10, (32, 32, 3), 10)
    np.savez(tmp_path / "cifar10_test.npz", images=images, labels=labels)
    np.savez(tmp_path / "cifar10_test_4.npz", images=images[:4], labels=labels[:4])
    assert len(data.load("cifar10", "test", tmp_path)) == 10


def test_stated_positions_are_kept(tmp_path):
    images, labels = writers.pictures(4, (32, 32, 3), 4)
    where = np.array([5, 900, 7, 0])
    path = tmp_path / "cifar10_test_4.npz"
    np.savez(path, images=images, labels=labels, test_index=where)
    found = data.load("cifar10", "test", tmp_path)
    assert found.index.tolist() == where.tolist() and found.index.dtype == np.int64


def test_positions_of_some_parts_only_are_an_error(tmp_path):
    images, labels = writers.pictures(4, (32, 32, 3), 4)
    np.savez(tmp_path / "cifar10_test_a.npz", x=images, y=labels, index=np.arange(4))
    np.savez(tmp_path / "cifar10_test_b.npz", x=images, y=labels)
    with pytest.raises(data.DataError, match="some parts state an `index`"):
        data.load("cifar10", "test", tmp_path)


def test_own_file_is_divided_in_proportion(tmp_path):
    images, labels = writers.pictures(50, (4, 4, 3), 2)
    path = tmp_path / "mine.npz"
    np.savez(path, x=images, y=np.sort(labels), names=np.array(["no", "yes"]))
    train, test = (data.load("npz", split, path) for split in ("train", "test"))
    assert (np.bincount(train.labels).tolist(), len(test)) == ([20, 20], 10)
    assert not set(train.index) & set(test.index)
    assert train.names == ("no", "yes") and type(train.names[0]) is str
    np.testing.assert_array_equal(test.images, images[test.index])
    np.testing.assert_array_equal(data.load("npz", "all", path).images, images)


def test_own_labels_may_be_absent_or_a_column(tmp_path):
    images, labels = writers.pictures(6, (4, 4, 3), 3)
    path = tmp_path / "mine.npz"
    np.savez(path, images=images)
    assert not data.load("npz", "all", path).labels.any()
    np.savez(path, images=images, labels=labels[:, None])
    found = data.load("npz", "all", path)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pixels": np.zeros(3)}, "holds pixels; arrays `images` and `labels`"),
        ({"x": np.zeros((2, 4, 4, 3))}, "holds float64 images; store uint8"),
        ({"x": np.zeros((2, 3, 8, 8), np.uint8)}, "channels come last"),
        (
            {"x": np.zeros((2, 8, 8), np.uint8), "y": np.eye(2)},
            r"labels float64 \(2, 2\); integers",
        ),
        (
            {"x": np.zeros((2, 8, 8), np.uint8), "y": np.zeros(3, int)},
            "2 images but 3 labels",
        ),
        (
            {"x": np.zeros((2, 8, 8), np.uint8), "y": np.array([0, -1])},
            "labels from -1 to 0",
        ),
        ({"x": np.array([{}, {}])}, "truncated or damaged"),
    ],
)
def test_wrong_arrays_are_named(tmp_path, arrays, message):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)
    with pytest.raises(data.DataError, match=message):
        data.load("npz", "all", path)


def test_parts_of_two_shapes_are_an_error(tmp_path):
    for mark, size in (("a", 4), ("b", 5)):
        images, labels = writers.pictures(2, (size, size, 3), 2)
        np.savez(tmp_path / f"train_{mark}.npz", x=images, y=labels)
    with pytest.raises(data.DataError, match="different shapes"):
        data.load("npz", "train", tmp_path)


def test_damaged_file_is_named(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(data.DataError, match=r"mine.npz is not a readable"):
        data.load("npz", "all", path)
    images, labels = writers.pictures(10, (8, 8, 3), 10)
    np.savez(path, x=images, y=labels)
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=r"mine.npz is truncated or damaged"):
        data.load("npz", "all", path)
    path.write_bytes(writers.npy(images))
    with pytest.raises(data.DataError, match="is a single array"):
        data.load("npz", "all", path)


def test_absent_file_is_named(tmp_path):
    with pytest.raises(data.DataError, match="does not exist"):
        data.load("npz", "train", tmp_path / "none.npz")
    with pytest.raises(data.DataError, match=r"holds no train.npz"):
        data.load("npz", "train", tmp_path)
