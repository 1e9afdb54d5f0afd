"""Tiny-ImageNet: labels are lines of wnids.txt, test is the validation set."""

import numpy as np
import pytest
from data import writers

from purifax import data

WNIDS = ("n02124075", "n04067472", "n01443537")


@pytest.fixture
def world():
    images, _ = writers.pictures(20, (64, 64, 3), 3)
    grey = images[:, :, :, :1]
    train = {WNIDS[0]: list(images[:12]), WNIDS[2]: [images[12], grey[13]]}
    validation = [
        (10, WNIDS[1], images[14]),
        (2, WNIDS[2], images[15]),
        (7, WNIDS[0], images[16]),
    ]
    return images, writers.tiny_imagenet_files(WNIDS, train, validation)


@pytest.fixture(params=["zip", "folder", "inner folder"])
def root(request, tmp_path, world):
    if request.param == "zip":
        path = tmp_path / "tiny-imagenet-200.zip"
        writers.zip_of(path, world[1], "tiny-imagenet-200/")
        return tmp_path
    place = writers.folder_of(tmp_path / "tiny-imagenet-200", world[1])
    return place if request.param == "inner folder" else tmp_path


def test_train_is_in_the_order_of_classes_then_numbers(root, world):
    images, _ = world
    found = data.load("tiny_imagenet", "train", root, download=False)
    np.testing.assert_array_equal(found.images[:13], images[:13])
    np.testing.assert_array_equal(found.images[13], images[13, :, :, :1].repeat(3, 2))
    assert found.labels.tolist() == [0] * 12 + [2] * 2
    assert found.index.tolist() == list(range(14))
    assert found.names[0] == "thing n02124075"


def test_test_is_the_published_validation_set(root, world):
    images, _ = world
    found = data.load("tiny_imagenet", "test", root, download=False)
    np.testing.assert_array_equal(found.images, images[[15, 16, 14]])
    assert found.labels.tolist() == [2, 0, 1]
    assert found.index.tolist() == [2, 7, 10]


def test_without_words_the_names_are_the_ids(tmp_path, world):
    del world[1]["words.txt"]
    writers.folder_of(tmp_path / "tiny-imagenet-200", world[1])
    assert data.load("tiny_imagenet", "test", tmp_path).names == WNIDS


@pytest.mark.parametrize("missing", ["wnids.txt", "val/val_annotations.txt"])
def test_missing_table_is_named(tmp_path, world, missing):
    del world[1][missing]
    writers.folder_of(tmp_path / "tiny-imagenet-200", world[1])
    with pytest.raises(data.DataError, match=f"lacks {missing}"):
        data.load("tiny_imagenet", "test", tmp_path)


def test_no_images_is_an_error(tmp_path):
    files = writers.tiny_imagenet_files(WNIDS, {}, [])
    writers.folder_of(tmp_path / "tiny-imagenet-200", files)
    with pytest.raises(data.DataError, match="holds no train images"):
        data.load("tiny_imagenet", "train", tmp_path)


def test_damaged_image_is_named(tmp_path, world):
    world[1]["val/images/val_7.JPEG"] = world[1]["val/images/val_7.JPEG"][:200]
    writers.folder_of(tmp_path / "tiny-imagenet-200", world[1])
    with pytest.raises(data.DataError, match="val/images/val_7.JPEG cannot be read"):
        data.load("tiny_imagenet", "test", tmp_path)


def test_truncated_zip_is_named(tmp_path, world):
    path = tmp_path / "tiny-imagenet-200.zip"
    writers.zip_of(path, world[1], "tiny-imagenet-200/")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(data.DataError, match=r"200.zip is truncated or damaged"):
        data.load("tiny_imagenet", "test", tmp_path)


def test_validation_images_may_be_sorted_into_classes(world, tmp_path):
    """By their owner, with or without a folder of images in each class."""
    root = writers.folder_of(tmp_path / "tiny-imagenet-200", world[1])
    right = data.load("tiny_imagenet", "test", root, download=False)
    for n, (number, label) in enumerate(zip(right.index, right.labels, strict=True)):
        name = f"val_{number}.JPEG"
        place = root / "val" / WNIDS[label] / ("images" if n % 2 else "")
        place.mkdir(parents=True, exist_ok=True)
        (root / "val/images" / name).rename(place / name)
    (root / "val/val_annotations.txt").unlink()
    found = data.load("tiny_imagenet", "test", root, download=False)
    for field in ("images", "labels", "index"):
        np.testing.assert_array_equal(getattr(found, field), getattr(right, field))
