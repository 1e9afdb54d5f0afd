"""Configs: the JSON round trip, and what differs between two."""

import dataclasses
import importlib
import json

import pytest

from experiments.configs import cifar10_classifier, digits_dsm
from experiments.training.config import ScoreTraining
from purifax.command import flags
from purifax.run import config as configlib


def named(name):
    return importlib.import_module(f"experiments.configs.{name}").config()


@pytest.mark.parametrize("name", flags.names())
def test_every_config_survives_json(name):
    config = named(name)
    text = json.dumps(configlib.encode(config))
    back = configlib.decode(json.loads(text), [type(config)])
    assert back == config and hash(back) == hash(config)
    assert configlib.differences(config, back) == []


@pytest.mark.parametrize("name", flags.names())
def test_every_config_says_how_to_run_it(name):
    doc = importlib.import_module(f"experiments.configs.{name}").__doc__
    assert doc is not None and "python -m experiments." in doc
    assert "@" not in doc


def test_differences_are_named_by_their_path():
    old = digits_dsm.config()
    train = dataclasses.replace(old.train, seed=3)
    new = dataclasses.replace(old, train=train)
    assert configlib.differences(old, new) == [("train.seed", 0, 3)]


def test_another_type_is_the_difference():
    found = configlib.differences(digits_dsm.config(), cifar10_classifier.config())
    assert found == [("kind", "score_training", "classifier_training")]


def test_a_field_absent_from_an_old_file_takes_its_default():
    words = configlib.encode(digits_dsm.config())
    del words["train"]["keep"]
    assert configlib.decode(words, [ScoreTraining]) == digits_dsm.config()


def test_unknown_kinds_and_fields_are_named():
    words = configlib.encode(digits_dsm.config())
    with pytest.raises(ValueError, match="unknown kind of config 'x'"):
        configlib.decode({**words, "kind": "x"}, [ScoreTraining])
    with pytest.raises(ValueError, match="ScoreTraining has no field extra"):
        configlib.decode({**words, "extra": 1}, [ScoreTraining])
    with pytest.raises(ValueError, match="int is not a config type"):
        configlib.encode(3)
