"""Fields that a method does not have: how they are refused."""

import pytest

from purifax.evaluation.settings import Evaluation, Subjects
from purifax.recipe.kinds import PURIFIER
from purifax.run.errors import UsageError
from purifax.run.overrides import apply
from purifax.run.recipes import place

__all__ = ["bare_config", "refused"]


def bare_config(**fields):
    """An evaluation of which only what is given matters."""
    return Evaluation(images=Subjects(name="digits"), classifier="", **fields)


def refused(recipe, field, value, kind=PURIFIER):
    """Asserts that a recipe's class has no such field, in Python and in an override."""
    with pytest.raises(TypeError, match=f"argument '{field}'"):
        recipe(**{field: value})
    start = "purifier" if kind is PURIFIER else "attacks.it"
    words = [(start, place(recipe)), (f"{start}.{field}", str(value))]
    with pytest.raises(
        UsageError, match=f"{recipe.__name__} has no field {field}[;.]"
    ) as caught:
        apply(bare_config(), words)
    assert "\n" not in str(caught.value)
