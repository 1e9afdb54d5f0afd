"""Values of another type than a recipe or a config declares are one clear line."""

import dataclasses

import numpy as np
import pytest

from experiments.poisoning.config import SET_DEFENCE
from purifax.evaluation import Evaluation
from purifax.evaluation.settings import Subjects
from purifax.recipe.kinds import ATTACK, POISON, PURIFIER
from purifax.run import recipes

RECIPES = [
    cls
    for kind in (PURIFIER, ATTACK, POISON, SET_DEFENCE)
    for cls in recipes.known(kind).values()
]
WRONG = {
    int: (None, "3", 2.5, True, float("nan")),
    float: (None, "0.5", True, float("nan")),
    str: (None, 3),
    bool: (None, "no", 1),
}


@pytest.mark.parametrize("cls", RECIPES, ids=recipes.place)
def test_every_field_of_every_recipe_refuses_other_types(cls):
    for field in dataclasses.fields(cls):
        for value in WRONG.get(field.type, ()):
            with pytest.raises(ValueError):
                cls(**{field.name: value})


def _evaluation(**fields):
    return Evaluation(images=Subjects(name="digits"), classifier="net", **fields)


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"samples": 2.5}, "Evaluation.samples is 2.5, which is not of type int"),
        ({"samples": None}, "Evaluation.samples is None"),
        ({"keys": "3"}, "Evaluation.keys is '3'"),
        ({"seed": 1.5}, "Evaluation.seed is 1.5"),
        ({"chunk": 1.5}, "Evaluation.chunk is 1.5"),
        ({"skip_wrong": "no"}, "Evaluation.skip_wrong is 'no'"),
        ({"radius": True}, "Evaluation.radius is True"),
    ],
)
def test_settings_of_an_evaluation_refuse_other_types(fields, words):
    with pytest.raises(ValueError, match=words):
        _evaluation(**fields)


def test_numbers_of_numpy_and_whole_numbers_for_real_ones_pass():
    made = _evaluation(samples=np.int64(3), radius=np.float32(0.5))
    assert (made.samples, made.radius) == (3, 0.5)
    assert _evaluation(radius=1).radius == 1
