"""The laws of recipes, for every one that is found: nobody lists them."""

import pytest
from laws.recipe_laws import laws

from purifax.recipe.kinds import ATTACK, PURIFIER
from purifax.run import recipes

KINDS = {kind.word: kind for kind in (PURIFIER, ATTACK)}
ROWS = [
    (f"{word}-{name}", law)
    for word, kind in KINDS.items()
    for name in recipes.known(kind)
    for law in laws(kind)
]


@pytest.mark.parametrize(("name", "law"), ROWS)
def test_a_recipe_obeys(name, law):
    word, _, title = name.partition("-")
    kind = KINDS[word]
    laws(kind)[law](recipes.known(kind)[title])


def test_recipes_are_found():
    """Those that the package has long had are among them."""
    found = {name for name, _ in ROWS}
    assert {"purifier-ADP", "purifier-DiffPure", "attack-PGD"} <= found
    assert len(found) > 25
