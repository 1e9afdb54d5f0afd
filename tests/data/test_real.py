"""The published images themselves, from the folder beside the checkout."""

import numpy as np
import pytest
import shared_data

from purifax import data

pytestmark = pytest.mark.realdata


@pytest.fixture
def plain(tmp_path):
    """Writes packed files of the shared folder as plain .npz and gives the folder."""

    def unpack(*names):
        for name in names:
            np.savez(tmp_path / f"{name}.npz", **shared_data.load(name))
        return tmp_path

    return unpack


@shared_data.needed
def test_cifar10_test_images(plain):
    found = data.load("cifar10", "test", plain("cifar10_test_5000"), download=False)
    assert found.images.shape == (5000, 32, 32, 3)
    assert found.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    np.testing.assert_array_equal(found.index, np.arange(5000))
    assert np.bincount(found.labels).tolist() == (
        [488, 505, 512, 497, 507, 488, 491, 495, 504, 513]
    )
    means = found.images.mean((0, 1, 2)) / 255
    np.testing.assert_allclose(means, [0.494, 0.485, 0.450], atol=0.005)


@shared_data.needed
def test_mnist_test_images(plain):
    found = data.load("mnist", "test", plain("mnist_test_5000"), download=False)
    assert found.images.shape == (5000, 28, 28, 1)
    assert found.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@shared_data.needed
def test_fashion_mnist_test_images(plain):
    folder = plain("fashion_mnist_test_5000")
    found = data.load("fashion_mnist", "test", folder, download=False)
    assert found.images.shape == (5000, 28, 28, 1)
    assert found.labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert found.names[found.labels[0]] == "Ankle boot"


@shared_data.needed
def test_tiny_imagenet_validation_images(plain):
    folder = plain("tiny_imagenet_val64_1000")
    found = data.load("tiny_imagenet", "test", folder, download=False)
    assert found.images.shape == (1000, 64, 64, 3) and len(found.names) == 200
    assert found.index[:3].tolist() == [9, 11, 14]
    assert found.names[0] == "n02124075"


@pytest.mark.slow
@shared_data.needed
@pytest.mark.parametrize(
    ("name", "files", "counts", "first"),
    [
        (
            "cifar10",
            ("cifar10_train_a", "cifar10_train_b"),
            [5000] * 10,
            [6, 9, 9, 4, 1],
        ),
        (
            "mnist",
            ("mnist_train",),
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            [5, 0, 4, 1, 9],
        ),
    ],
)
def test_whole_training_sets(plain, name, files, counts, first):
    found = data.load(name, "train", plain(*files), download=False)
    assert np.bincount(found.labels).tolist() == counts
    assert found.labels[:5].tolist() == first
    np.testing.assert_array_equal(found.index, np.arange(sum(counts)))


@shared_data.needed
def test_real_images_survive_every_official_form(tmp_path):
    """Real pixels through the archive, the binary and the prepared form and back."""
    from data import writers

    real = shared_data.load("cifar10_test_5000")
    images, labels = real["images"][:200], real["labels"][:200]
    one = tmp_path / "archive"
    one.mkdir()
    files = writers.cifar10_files(images, labels, writers.cifar_python)
    writers.tar_of(one / "cifar-10-python.tar.gz", files, "cifar-10-batches-py/")
    two = tmp_path / "binary" / "cifar-10-batches-bin"
    writers.folder_of(
        two, writers.cifar10_files(images, labels, writers.cifar_binary, ".bin")
    )
    ids = [f"test_{n:05d}" for n in range(180, 200)]
    parts = {"test": (images[180:], labels[180:], ids)}
    three = tmp_path / "prepared"
    classes = data.load("cifar10", "test", one).names
    writers.tfds_directory(three, "cifar10", parts, classes, file_format="tfrecord")
    for place in (one, two, three):
        found = data.load("cifar10", "test", place, download=False)
        np.testing.assert_array_equal(found.images, images[180:])
        np.testing.assert_array_equal(found.labels, labels[180:])
        assert found.names == classes
