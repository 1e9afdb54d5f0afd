"""The ROC of detection by the length of the score."""

import json

import numpy as np
import pytest
from PIL import Image

from purifax.report import plots_detection


def test_the_area_is_the_chance_that_the_attacked_one_is_longer():
    rng = np.random.default_rng(0)
    clean, attacked = rng.normal(size=40), rng.normal(0.7, 1, size=30)
    wins = (attacked[:, None] > clean[None]).mean()
    assert plots_detection.area(clean, attacked) == pytest.approx(wins)


def test_ties_count_half_and_order_matters():
    low, high = np.array([1.0, 1.0, 2.0]), np.array([1.0, 3.0])
    wins = ((high[:, None] > low) + 0.5 * (high[:, None] == low)).mean()
    assert plots_detection.area(low, high) == pytest.approx(wins)
    assert plots_detection.area(high, low) == pytest.approx(1 - wins)


def test_the_curve_goes_from_nothing_to_everything():
    false, true = plots_detection.roc(np.arange(5.0), np.arange(3.0))
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert (np.diff(false) >= 0).all() and (np.diff(true) >= 0).all()


def test_files_are_written(tmp_path):
    norms = {"no attack": np.arange(4.0), "exact": np.arange(4.0) + 9}
    plots_detection.write(tmp_path, norms)
    found = json.loads((tmp_path / "detection.json").read_text())
    assert found["exact"]["area_under_roc"] == 1.0
    assert found["no attack"]["area_under_roc"] == 0.5
    assert len(found["exact"]["norms"]) == found["exact"]["images"] == 4
    with Image.open(tmp_path / "detection.png") as image:
        assert image.size[0] > 1000
