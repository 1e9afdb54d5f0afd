"""Outcomes of poisons, against counting."""

import numpy as np
import pytest

from purifax import record
from purifax.record.poisons import natural_accuracy, over_classes

pytestmark = pytest.mark.usefixtures("strict")


def test_every_target_has_one_outcome():
    said = np.array([8, 6, 1, 8, 6])
    own, wanted = np.array([6, 6, 6, 8, 0]), np.array([8, 8, 8, 1, 6])
    found = record.targeted(said, own, wanted)
    assert found.reached.tolist() == [True, False, False, False, True]
    assert found.right.tolist() == [False, True, False, True, False]
    assert found.missed.tolist() == [False, False, True, False, False]
    np.testing.assert_allclose(found.success, 2 / 5)


def test_targets_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one entry per target.*\(2,\) and \(3,\)"):
        record.targeted(np.zeros(2, int), np.zeros(2, int), np.zeros(3, int))
    with pytest.raises(ValueError, match="must be"):
        record.targeted(np.array(1), np.array(1), np.array(1))


def test_a_trigger_is_judged_on_images_of_other_classes():
    rng = np.random.default_rng(0)
    said, own = rng.integers(0, 4, (2, 200))
    for target in range(4):
        want = np.mean(said[own != target] == target)
        np.testing.assert_allclose(
            record.trigger_success(said, own, target), want, rtol=1e-6
        )
    assert record.trigger_success(said, 0 * own + 2, 2) == 0


def test_success_over_classes_has_its_mean_spread_and_worst():
    rates = np.array([0.1, 0.7, 0.3, 0.25])
    found = over_classes(rates)
    np.testing.assert_allclose(found.mean, rates.mean(), rtol=1e-6)
    np.testing.assert_allclose(found.deviation, rates.std(ddof=1), rtol=1e-6)
    np.testing.assert_allclose(found.worst, 0.7, rtol=1e-6)
    assert found.worst_class == 1
    assert over_classes(rates[:1]).deviation == 0


def test_accuracy_is_a_rate_of_counts():
    said, own = np.array([3, 1, 2, 2, 0]), np.array([3, 1, 0, 2, 2])
    np.testing.assert_allclose(natural_accuracy(said, own), 0.6)
