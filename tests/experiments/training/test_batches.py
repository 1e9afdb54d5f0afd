"""Batches are a function of (seed, step) and leave no image out."""

import numpy as np
import pytest

from purifax.data import Images
from purifax.evaluation.batches import Batches, padded


def numbered(count):
    """Images whose one pixel is their number."""
    number = np.arange(count)
    pixels = number.astype(np.uint8).reshape(-1, 1, 1, 1)
    labels = (number % 3).astype(np.int32)
    return Images(pixels, labels, number, ("a", "b", "c"), "numbers")


def read(batches, steps):
    return [batches(step)[0].ravel() for step in steps]


@pytest.mark.parametrize("batch", [3, 4, 10, 25])
def test_each_epoch_holds_every_image_once(batch):
    batches = Batches(numbered(10), batch, seed=1)
    seen = np.concatenate(read(batches, range(20)))
    for epoch in seen[: len(seen) // 10 * 10].reshape(-1, 10):
        assert sorted(epoch) == list(range(10))


def test_epochs_have_different_orders():
    first, second = read(Batches(numbered(50), 50, seed=1), range(2))
    assert not np.array_equal(first, second)


def test_a_step_does_not_depend_on_those_before():
    through = read(Batches(numbered(10), 4, seed=1), range(12))
    alone = read(Batches(numbered(10), 4, seed=1), [11])
    assert np.array_equal(through[11], alone[0])


def test_the_seed_matters():
    one, two = (read(Batches(numbered(50), 50, seed), [0])[0] for seed in (1, 2))
    assert not np.array_equal(one, two)


def test_labels_go_with_their_images():
    images, labels = Batches(numbered(10), 7, seed=1)(5)
    assert np.array_equal(images.ravel() % 3, labels)


def test_padding_repeats_the_last_row():
    assert padded(np.arange(5), 3, 4).tolist() == [3, 4, 4, 4]
    assert padded(np.arange(5), 0, 4).tolist() == [0, 1, 2, 3]
