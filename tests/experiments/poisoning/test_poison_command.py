"""The command that poisons a set, and training on what it stored."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import small

from experiments.poisoning import craft
from experiments.poisoning.config import (
    Poisoning,
    Shares,
    Victim,
)
from experiments.training import loop
from experiments.training.config import (
    ClassifierNet,
    Data,
)
from purifax import data, poison
from purifax.data import poisoned
from purifax.run.errors import UsageError
from purifax.run.overrides import apply
from purifax.threat import Linf


def config(**changes):
    given = Poisoning(
        images=Shares(name="digits", train=400, sparse=20),
        victim=Victim(net=ClassifierNet(name="MLP", widths=(16,)), steps=2, batch=32),
        poison=poison.URP(radius=0.4),
    )
    return dataclasses.replace(given, **changes)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("poisoned") / "set"
    said = craft.run(config(), folder, None)
    assert "urp on 380 of 380 images" in said and "already" not in said
    return folder


def test_the_stored_images_keep_the_budget_and_fit_their_perturbations(place):
    stored, words = data.load("poisoned", "train", place), poisoned.record(place)
    clean = data.load("digits", "train")
    clean = clean.take(np.searchsorted(clean.index, stored.index))
    np.testing.assert_array_equal(clean.index, stored.index)
    np.testing.assert_array_equal(clean.labels, stored.labels)
    found = poisoned.perturbation(place)
    made = poison.Poison(found["index"], found["delta"], Linf(0.4), name="urp")
    far = float(poison.verify(clean.images, made, stored.images))
    assert far == words["largest_distance"] and 0.39 < far < 0.4 + 1e-6
    assert words["budget"] == {"norm": "Linf", "radius": pytest.approx(0.4)}
    assert words["source_sha256"] == poisoned.digest(clean)
    assert words["poisoned"] == 380 and words["seed"] == 0
    assert (place / "poison.png").stat().st_size > 500


def test_the_same_command_again_makes_nothing(place):
    before = (place / "train.npz").stat().st_mtime_ns
    assert "was there already" in craft.run(config(), place, None)
    assert before == (place / "train.npz").stat().st_mtime_ns


def test_another_config_in_the_same_folder_is_refused(place):
    with pytest.raises(ValueError, match="poison is URP there and LSP here"):
        craft.run(config(poison=poison.LSP()), place, None)


def test_a_set_of_other_images_is_refused(place, tmp_path):
    words = json.loads((place / "poison.json").read_text())
    del words["checksum"]
    (tmp_path / "poison.json").write_text(json.dumps(words | {"source_sha256": "0"}))
    with pytest.raises(ValueError, match="its source_sha256 is 0, not"):
        craft.run(config(), tmp_path, None)


def test_an_unknown_poison_is_refused_by_name():
    with pytest.raises(UsageError, match="no poison is named 'emm'; did you mean em"):
        apply(config(), [("poison", "emm")])


def test_the_folder_of_an_earlier_version_is_refused_in_a_line(tmp_path):
    earlier = {"kind": "poisoning", "method": "urp", "crafting": {"radius": 0.4}}
    (tmp_path / "config.json").write_text(json.dumps(earlier))
    with pytest.raises(ValueError, match="before 0.2, which had no recipes"):
        craft.run(config(), tmp_path, None)


def test_a_classifier_is_trained_on_the_stored_set(place, tmp_path):
    """It learns the poison, and less of the digits."""
    given = dataclasses.replace(
        small.classifier_training(), data=Data(name="poisoned", validation=0.1)
    )
    loop.train(given, tmp_path / "victim", str(place))
    told = json.loads((tmp_path / "victim" / "summary.json").read_text())
    assert told["images"] == {"train": 342, "validation": 38, "test": 500}
    assert told["validation"]["accuracy"] > 0.95
    assert told["test"]["accuracy"] < told["validation"]["accuracy"] - 0.05


def test_training_on_a_shuffled_set_is_refused(place, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(place, copy)
    stored = data.load("poisoned", "train", place)
    order = np.random.default_rng(0).permutation(len(stored))
    poisoned.store_images(copy / "train.npz", stored.take(order))
    given = dataclasses.replace(
        small.classifier_training(), data=Data(name="poisoned", validation=0.1)
    )
    with pytest.raises(ValueError, match="shuffled"):
        loop.train(given, tmp_path / "victim", str(copy))
    assert not (tmp_path / "victim").exists()
