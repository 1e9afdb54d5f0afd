"""Configs: the JSON round trip, and what differs between two."""

import dataclasses
import json

import pytest

from experiments import configs
from experiments.configs.cifar10 import classifiers
from experiments.configs.digits import training
from experiments.training.config import ScoreTraining
from purifax.run import config as configlib


@pytest.mark.parametrize("name", configs.names())
def test_every_config_survives_json(name):
    config = configs.find(name)
    text = json.dumps(configlib.encode(config))
    back = configlib.decode(json.loads(text), [type(config)])
    assert back == config and hash(back) == hash(config)
    assert configlib.differences(config, back) == []


def test_differences_are_named_by_their_path():
    old = training.dsm()
    train = dataclasses.replace(old.train, seed=3)
    new = dataclasses.replace(old, train=train)
    assert configlib.differences(old, new) == [("train.seed", 0, 3)]


def test_another_type_is_the_difference():
    found = configlib.differences(training.dsm(), classifiers.classifier())
    assert found == [("kind", "score_training", "classifier_training")]


def test_a_field_absent_from_an_old_file_takes_its_default():
    words = configlib.encode(training.dsm())
    del words["train"]["keep"]
    assert configlib.decode(words, [ScoreTraining]) == training.dsm()


def test_unknown_kinds_and_fields_are_named():
    words = configlib.encode(training.dsm())
    with pytest.raises(ValueError, match="unknown kind of config 'x'"):
        configlib.decode({**words, "kind": "x"}, [ScoreTraining])
    with pytest.raises(ValueError, match="ScoreTraining has no field extra"):
        configlib.decode({**words, "extra": 1}, [ScoreTraining])
    with pytest.raises(ValueError, match="int is not a config type"):
        configlib.encode(3)
