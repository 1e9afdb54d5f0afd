"""What every recipe obeys, as checks of one recipe; see `test_recipe_laws`.

They ask nothing of a recipe but what its kind promises, so one that nobody has listed
is judged as well.
"""

import dataclasses
import json

from fields import bare_config, refused
from laws.attack_laws import ATTACK_LAWS
from laws.purifier_laws import PURIFIER_LAWS

from purifax.evaluation.settings import Evaluation
from purifax.recipe.help_text import help_lines
from purifax.recipe.kinds import PURIFIER, is_recipe
from purifax.run import config as configlib
from purifax.run import recipes
from purifax.run.overrides import apply

__all__ = ["laws"]


def survives_json(kind, made):
    """Within the config of an evaluation, by the name under which it is found."""
    given = {"purifier": made} if kind is PURIFIER else {"attacks": {"it": made}}
    config = bare_config(**given)
    words = json.loads(json.dumps(configlib.encode(config)))
    back = configlib.decode(words, [Evaluation])
    assert back == config and configlib.differences(words, back) == []
    name = recipes.place(type(made))
    assert recipes.find(kind, name) is type(made)
    assert configlib.make(kind, name) == type(made)()


def has_help(cls):
    """A line for each field, and one for the whole."""
    lines = help_lines(cls)
    assert set(lines) == {field.name for field in dataclasses.fields(cls)}
    assert all(line.strip().endswith((".", ").")) for line in lines.values()), lines
    first = cls.__doc__.strip().partition("\n")[0]
    assert first.endswith(".") and not first.startswith(cls.__name__ + "(")


def is_typed(kind, made):
    """Each field of it can be set by an override, to what it is."""
    start = "purifier" if kind is PURIFIER else "attacks.it"
    words = [(start, recipes.place(type(made)))]
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if is_recipe(value):
            words.append((f"{start}.{field.name}", recipes.place(type(value))))
            continue
        text = ",".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
        empty = "()" if value == () else '""'
        words.append((f"{start}.{field.name}", text or empty))
    assert apply(bare_config(attacks={}), words) == apply(
        bare_config(attacks={}), words[:1]
    )


def has_no_other_field(kind, cls):
    """A field of another method is refused."""
    refused(cls, "no_such_field", 1, kind)


def laws(kind):
    """Every law of a kind by name, as a check of a recipe's class."""
    own = PURIFIER_LAWS if kind is PURIFIER else ATTACK_LAWS
    return {name: lambda cls, law=law: law(cls()) for name, law in own.items()} | {
        "json": lambda cls: survives_json(kind, cls()),
        "help": has_help,
        "typed": lambda cls: is_typed(kind, cls()),
        "no other field": lambda cls: has_no_other_field(kind, cls),
    }
