"""Splits: disjoint, complete, stratified, shuffled, repeatable, recorded."""

import json

import numpy as np
import pytest

from purifax import data
from purifax.data import split
from purifax.data.split import parts_record

FIRST, HASH = [855, 921, 269, 11, 850], "da770a48d1622355"
LABELS = np.repeat(np.arange(7), [100, 90, 80, 35, 21, 9, 1])


def test_parts_are_disjoint_and_complete():
    parts = data.splits(LABELS, 0.2)
    assert (len(parts["train"]), len(parts["validation"])) == (269, 67)
    together = np.sort(np.concatenate(list(parts.values())))
    np.testing.assert_array_equal(together, np.arange(336))
    assert {part.dtype for part in parts.values()} == {np.dtype(np.int64)}


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.37, 0.99])
def test_each_class_gives_its_share_to_within_one(fraction):
    held = data.splits(LABELS, fraction, seed=3)["validation"]
    got = np.bincount(LABELS[held], minlength=7)
    share = np.bincount(LABELS) * len(held) / len(LABELS)
    assert len(held) == round(fraction * len(LABELS))
    assert np.abs(got - share).max() < 1


def test_class_sorted_labels_come_out_shuffled():
    parts = data.splits(np.repeat(np.arange(10), 100), 0.2)
    for part in parts.values():
        # Of a shuffled order, half the neighbours go up; 4 standard errors of n / 12.
        rising = np.mean(np.diff(part) > 0)
        assert abs(rising - 0.5) < 4 * np.sqrt(1 / (12 * len(part)))
        assert len(set(part[: len(part) // 4] // 100)) == 10


def test_seed_decides_and_repeats():
    one, again = data.splits(LABELS, seed=1), data.splits(LABELS, seed=1)
    other = data.splits(LABELS, seed=2)
    assert parts_record(one) == parts_record(again) != parts_record(other)
    held = set(one["validation"]), set(other["validation"])
    assert held[0] != held[1]


def test_split_never_changes():
    """A part chosen today is the same next year and on another machine."""
    parts = data.splits(np.arange(1000) % 10, 0.1)
    assert parts["validation"][:5].tolist() == FIRST
    assert parts_record(parts)["validation"]["sha256"].startswith(HASH)


def test_no_part_moves_when_labels_are_renamed():
    np.testing.assert_array_equal(
        data.splits(LABELS)["validation"], data.splits(LABELS * 3 + 2)["validation"]
    )


def test_record_is_json_and_sees_the_order():
    record = parts_record({"train": np.array([3, 1, 2]), "test": np.array([1, 2, 3])})
    assert json.loads(json.dumps(record)) == record
    assert record["train"]["count"] == 3
    assert record["train"]["sha256"] != record["test"]["sha256"]
    narrow = parts_record({"train": np.array([3, 1, 2], np.int32)})
    assert narrow["train"] == record["train"]


def test_exact_count_is_held_out():
    rest, held = split.hold_out(LABELS, 50)
    assert (len(rest), len(held)) == (286, 50)
    rest, held = split.hold_out(np.zeros(0, int), 0)
    assert len(rest) == len(held) == 0


@pytest.mark.parametrize("fraction", [1.0, -0.1, 10])
def test_wrong_fraction_is_refused(fraction):
    with pytest.raises(data.DataError, match=r"in \[0, 1\); got"):
        data.splits(LABELS, fraction)


def test_wrong_labels_are_refused():
    with pytest.raises(data.DataError, match=r"integers \[N\]; got float64 \(3, 2\)"):
        data.splits(np.zeros((3, 2)))
    with pytest.raises(data.DataError, match="Cannot hold out 337 of 336"):
        split.hold_out(LABELS, 337)


def test_images_can_be_taken_by_position():
    images = data.load("digits", "train")
    parts = data.splits(images.labels)
    held = images.take(parts["validation"])
    assert len(held) == 130 and held.names == images.names
    np.testing.assert_array_equal(held.images, images.images[parts["validation"]])
    np.testing.assert_array_equal(held.index, images.index[parts["validation"]])
    assert len(images.take(np.zeros(0, int))) == 0


def test_images_are_checked():
    pixels, labels = np.zeros((2, 4, 4, 3), np.uint8), np.zeros(2, np.int32)
    index, names = np.arange(2), ("a",)
    with pytest.raises(data.DataError, match=r"here gave float64 images of shape"):
        data.Images(pixels / 255, labels, index, names, "here")
    with pytest.raises(data.DataError, match=r"\[N, H, W, C\]"):
        data.Images(pixels[0], labels, index, names, "here")
    with pytest.raises(data.DataError, match="2 images but 2 labels and 1 positions"):
        data.Images(pixels, labels, index[:1], names, "here")
    with pytest.raises(data.DataError, match="labels from 1 to 1, but 1 classes"):
        data.Images(pixels, labels + 1, index, names, "here")
