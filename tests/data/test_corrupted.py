"""CIFAR-10-C, one corruption and severity at a time."""

import numpy as np
import pytest
from data import writers

from purifax import data


@pytest.fixture
def world():
    images, _ = writers.pictures(100, (32, 32, 3), 10)
    labels = np.arange(20) % 10
    files = writers.corrupted_files("fog", images.reshape(5, 20, 32, 32, 3), labels)
    return images.reshape(5, 20, 32, 32, 3), labels, files


@pytest.fixture(params=["tar", "folder", "inner folder"])
def root(request, tmp_path, world):
    if request.param == "tar":
        path = tmp_path / "CIFAR-10-C.tar"
        writers.tar_of(path, world[2], "CIFAR-10-C/", mode="w")
        return tmp_path
    place = writers.folder_of(tmp_path / "CIFAR-10-C", world[2])
    return place if request.param == "inner folder" else tmp_path


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_rows_of_the_severity(root, world, severity):
    images, labels, _ = world
    found = data.load(f"cifar10_c:fog:{severity}", "test", root, download=False)
    np.testing.assert_array_equal(found.images, images[severity - 1])
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.index, np.arange(20))
    assert found.names[9] == "truck" and f"severity {severity}" in found.source


def test_only_the_rows_asked_for_are_read(root, monkeypatch):
    opened = []
    memmap = np.memmap

    def watch(*args, **kwargs):
        opened.append(kwargs.get("mode", args[2:3]))
        return memmap(*args, **kwargs)

    monkeypatch.setattr(np, "memmap", watch)
    monkeypatch.setattr("numpy.lib._format_impl.numpy.memmap", watch)
    found = data.load("cifar10_c:fog:2", "test", root)
    assert len(opened) == 2
    assert type(found.images) is np.ndarray and found.images.base is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar10_c", "must name a corruption and a severity.*gaussian_noise"),
        ("cifar10_c:fog", "must name a corruption and a severity"),
        ("cifar10_c:gausian_noise:1", "Did you mean 'gaussian_noise'"),
        ("cifar10_c:fog:6", "must be 1, 2, 3, 4 or 5"),
        ("cifar10_c:fog:x", "must be 1, 2, 3, 4 or 5"),
    ],
)
def test_names_are_checked(tmp_path, name, message):
    with pytest.raises(data.DataError, match=message):
        data.load(name, "test", tmp_path)


def test_an_npz_of_a_corruption_is_found(tmp_path, world):
    images, labels, _ = world
    path = tmp_path / "cifar10_c" / "cifar10_c_fog_2_test.npz"
    path.parent.mkdir()
    np.savez(path, images=images[1], labels=labels)
    with pytest.raises(data.DataError, match="was found in none of"):
        data.load("cifar10_c:fog:2", "test", tmp_path, download=False)
    path.rename(tmp_path / path.name)
    found = data.load("cifar10_c:fog:2", "test", tmp_path, download=False)
    np.testing.assert_array_equal(found.images, images[1])


def test_there_is_no_training_set(root):
    with pytest.raises(data.DataError, match="ask for split 'test'"):
        data.load("cifar10_c:fog:1", "train", root)


def test_absent_corruption_is_not_another(tmp_path, world):
    writers.folder_of(tmp_path / "CIFAR-10-C", world[2])
    with pytest.raises(data.DataError, match="snow:1 .test. was found in none of"):
        data.load("cifar10_c:snow:1", "test", tmp_path, download=False)
    (tmp_path / "tar").mkdir()
    path = tmp_path / "tar" / "CIFAR-10-C.tar"
    writers.tar_of(path, world[2], "CIFAR-10-C/", mode="w")
    with pytest.raises(data.DataError, match=r"does not hold 'snow.npy'"):
        data.load("cifar10_c:snow:1", "test", path.parent)


def test_damage_is_named(tmp_path, world):
    place = writers.folder_of(tmp_path / "CIFAR-10-C", world[2])
    content = world[2]["fog.npy"]
    (place / "fog.npy").write_bytes(content[:-1000])
    with pytest.raises(data.DataError, match=r"fog.npy is truncated"):
        data.load("cifar10_c:fog:1", "test", tmp_path)
    (place / "fog.npy").write_bytes(writers.npy(np.zeros((7, 4, 4, 3), np.uint8)))
    with pytest.raises(data.DataError, match=r"\[5 N, H, W, C\]"):
        data.load("cifar10_c:fog:1", "test", tmp_path)


def test_truncated_archive_is_named(tmp_path, world):
    files = dict(reversed(world[2].items()))
    path = tmp_path / "CIFAR-10-C.tar"
    writers.tar_of(path, files, "CIFAR-10-C/", mode="w")
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(data.DataError, match=r"CIFAR-10-C.tar is truncated"):
        data.load("cifar10_c:fog:1", "test", tmp_path)
