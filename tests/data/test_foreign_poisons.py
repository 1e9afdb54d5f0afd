"""Poisons in other people's files."""

import pickle

import numpy as np
import pytest

from purifax import poison
from purifax.data.foreign_poisons import deltas, poisoned_images, read_array
from purifax.data.images import DataError, Images
from purifax.threat import Linf

RNG = np.random.default_rng(3)
PIXELS = RNG.integers(60, 190, (6, 3, 4, 2)).astype(np.uint8)
CLEAN = Images(
    PIXELS, np.array([0, 1, 2, 0, 1, 1], np.int32), np.arange(6), ("a", "b", "c"), "six"
)
BALL = Linf(8 / 255)
LEVELS = RNG.integers(-8, 9, PIXELS.shape)


def test_perturbations_of_every_image_in_levels_and_channels_first(tmp_path):
    np.save(tmp_path / "noise.npy", np.moveaxis(LEVELS, -1, 1).astype(np.int8))
    found = deltas(tmp_path / "noise.npy", CLEAN, BALL, units="levels")
    np.testing.assert_allclose(found.delta, LEVELS / 255, atol=1e-7)
    assert found.name == "noise" and found.index.tolist() == list(range(6))


def test_one_pattern_for_each_class_from_a_pickle_of_a_dictionary(tmp_path):
    patterns = RNG.uniform(-8 / 255, 8 / 255, (3, 3, 4, 2))
    state = {"epoch": 7, "noise": patterns}
    (tmp_path / "state.pth").write_bytes(pickle.dumps(state, 2))
    found = deltas(tmp_path / "state.pth", CLEAN, BALL, units="unit")
    np.testing.assert_allclose(found.delta, patterns[CLEAN.labels], atol=1e-7)


def test_a_trigger_for_images_in_minus_one_to_one_goes_to_one_class(tmp_path):
    pattern = np.full((1, 2, 3, 4), 16 / 255)
    np.save(tmp_path / "trigger.npy", pattern)
    args = tmp_path / "trigger.npy", CLEAN, BALL
    found = deltas(*args, units="signed", target=1)
    assert found.index.tolist() == [1, 4, 5]
    np.testing.assert_allclose(found.delta, 8 / 255, atol=1e-7)


def test_a_part_of_a_split_takes_its_own_perturbations(tmp_path):
    np.savez(tmp_path / "all.npz", delta=LEVELS, labels=CLEAN.labels)
    part = CLEAN.take(np.array([1, 4]))
    args = tmp_path / "all.npz", part, BALL
    found = deltas(*args, units="levels", name="delta")
    np.testing.assert_allclose(found.delta, LEVELS[[1, 4]] / 255, atol=1e-7)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_poisoned_images_give_the_poison_that_makes_them(tmp_path, kind):
    spoilt = PIXELS + LEVELS
    spoilt[2] = PIXELS[2]
    np.save(
        tmp_path / "x.npy", (spoilt / 255 if kind != np.uint8 else spoilt).astype(kind)
    )
    found = poisoned_images(tmp_path / "x.npy", CLEAN, BALL)
    assert found.index.tolist() == [0, 1, 3, 4, 5]
    again, _ = poison.inject(PIXELS, CLEAN.labels, found)
    np.testing.assert_array_equal(again, spoilt)


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    np.save(tmp_path / "x.npy", (PIXELS + LEVELS).astype(np.uint8)[::-1])
    with pytest.raises(ValueError, match="'x' promises .* but moves image"):
        poisoned_images(tmp_path / "x.npy", CLEAN, BALL)
    np.save(tmp_path / "wide.npy", np.full((6, 3, 4, 2), 9 / 255))
    with pytest.raises(ValueError, match="'wide' promises"):
        deltas(tmp_path / "wide.npy", CLEAN, BALL, units="unit")
    with pytest.raises(DataError, match="Are they perturbations"):
        np.save(tmp_path / "d.npy", LEVELS)
        poisoned_images(tmp_path / "d.npy", CLEAN, BALL)
    with pytest.raises(DataError, match="units='percent' is unknown"):
        deltas(tmp_path / "wide.npy", CLEAN, BALL, units="percent")
    np.save(tmp_path / "five.npy", LEVELS[:5])
    with pytest.raises(DataError, match="holds 5 perturbations; 6 images are poisoned"):
        deltas(tmp_path / "five.npy", CLEAN, BALL, units="levels")
    np.save(tmp_path / "shape.npy", np.zeros((6, 4, 4, 2)))
    with pytest.raises(DataError, match=r"so it must be \[N, 3, 4, 2\] or"):
        deltas(tmp_path / "shape.npy", CLEAN, BALL, units="unit")
    np.savez(tmp_path / "two.npz", a=LEVELS, b=LEVELS)
    with pytest.raises(DataError, match="it holds a, b; name one of them"):
        read_array(tmp_path / "two.npz")


def test_a_pickle_that_names_code_is_refused_and_not_run(tmp_path):
    class Bad:
        def __reduce__(self):
            return (open, (str(tmp_path / "made"), "w"))

    (tmp_path / "bad.pth").write_bytes(pickle.dumps(Bad()))
    with pytest.raises(DataError, match="no tensor and no plain container"):
        read_array(tmp_path / "bad.pth")
    assert not (tmp_path / "made").exists()
