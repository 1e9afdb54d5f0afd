"""Poisoned sets on disk: the same bits again, and refused by name when they are not."""

import dataclasses

import numpy as np
import pytest

from purifax import data
from purifax.data import poisoned
from purifax.data.images import DataError, Images

RNG = np.random.default_rng(0)
TRAIN = Images(
    RNG.integers(0, 256, (6, 4, 3, 1), np.uint8),
    np.array([0, 1, 2, 0, 1, 2], np.int32),
    np.array([3, 5, 8, 13, 21, 34]),
    ("a", "b", "c"),
    "drawn",
)
DELTA = {"index": np.array([1, 4]), "delta": RNG.random((2, 4, 3, 1), np.float32)}


@pytest.fixture
def place(tmp_path):
    poisoned.write(tmp_path / "set", TRAIN, TRAIN.take(np.arange(2)), DELTA, {"m": 1})
    return tmp_path / "set"


def changed(place, **fields):
    poisoned.store_images(place / "train.npz", dataclasses.replace(TRAIN, **fields))


def refused(place, words):
    with pytest.raises(DataError, match=words):
        data.load("poisoned", "train", place)


def test_a_stored_set_comes_back_bit_for_bit(place):
    found = data.load("poisoned", "train", place)
    for name in ("images", "labels", "index"):
        stored, given = getattr(found, name), getattr(TRAIN, name)
        np.testing.assert_array_equal(stored, given)
        assert stored.dtype == given.dtype
    assert found.names == TRAIN.names
    back = poisoned.perturbation(place)
    for name, given in DELTA.items():
        np.testing.assert_array_equal(back[name], given)
    assert poisoned.record(place)["m"] == 1
    assert len(data.load("poisoned", "test", place)) == 2


def test_the_set_of_tfds_is_the_same_bits(place):
    """Read by TensorFlow Datasets itself, and by this package."""
    folder = place / "tfds" / "poisoned" / "1.0.0"
    found = data.load("tfds", "train", folder)
    for name in ("images", "labels", "index"):
        np.testing.assert_array_equal(getattr(found, name), getattr(TRAIN, name))
    import tensorflow_datasets as tfds

    rows = tfds.builder_from_directory(folder).as_data_source("train")
    flags = [bool(rows[i]["poisoned"]) for i in range(6)]
    assert flags == [False, True, False, False, True, False]


def test_shuffled_images_are_refused_by_name(place):
    order = np.array([0, 1, 3, 2, 4, 5])
    poisoned.store_images(place / "train.npz", TRAIN.take(order))
    refused(place, "index 8 follows 13: the images are shuffled")


def test_missing_images_are_refused_by_name(place):
    poisoned.store_images(place / "train.npz", TRAIN.take(np.array([0, 1, 3, 4])))
    refused(place, "missing 2 images of the set, of index 8, 34")


def test_images_twice_are_refused_by_name(place):
    order = np.array([0, 1, 2, 2, 3, 4, 5])
    poisoned.store_images(place / "train.npz", TRAIN.take(order))
    refused(place, "index 8 is there twice")


def test_images_of_other_sets_are_refused_by_name(place):
    index = np.array([*TRAIN.index, 55])
    more = TRAIN.take(np.array([0, 1, 2, 3, 4, 5, 5]))
    poisoned.store_images(place / "train.npz", dataclasses.replace(more, index=index))
    refused(place, "other index: 55")


def test_altered_images_and_labels_are_refused(place):
    changed(place, labels=TRAIN.labels[::-1].copy())
    refused(place, "altered")
    images = TRAIN.images.copy()
    images[2, 1, 1, 0] ^= 1
    changed(place, images=images)
    refused(place, "altered")
    changed(place)
    assert len(data.load("poisoned", "train", place)) == 6


@pytest.mark.parametrize(
    ("index", "rows", "words"),
    [
        ([4, 1], 2, "index 1 follows 4"),
        ([1, 1], 2, "there twice"),
        ([1, 6], 2, "outside of the 6"),
        ([1, 4], 1, "1 perturbations for 2 images"),
    ],
)
def test_perturbations_that_fit_nothing_are_refused(tmp_path, index, rows, words):
    delta = {"index": np.array(index), "delta": DELTA["delta"][:rows]}
    poisoned.write(tmp_path, TRAIN, None, delta, {})
    refused(tmp_path, words)


def test_what_is_not_there_is_named(tmp_path, place):
    refused(tmp_path, "no finished poisoned set")
    (place / "test.npz").unlink()
    with pytest.raises(DataError, match="without test images"):
        data.load("poisoned", "test", place)
    with pytest.raises(DataError, match="'train' or 'test'"):
        data.load("poisoned", "all", place)
    (place / "poison.json").write_text("{")
    refused(place, "not valid JSON")
    (place / "poison.npz").write_text("")
    with pytest.raises(DataError, match="damaged .File is not a zip"):
        poisoned.perturbation(place)
