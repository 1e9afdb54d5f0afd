"""The kinds of recipes: purifiers, attacks, poisons; what a recipe is."""

import dataclasses
from dataclasses import dataclass
from typing import Any

__all__ = ["ATTACK", "POISON", "PURIFIER", "Kind", "is_recipe", "settings"]


@dataclass(frozen=True)
class Kind:
    """One kind of method, as the metadata of a config's field.

    Attributes:
        word: what one method of the kind is called.
        package: whose modules declare the built-in recipes.
        call: the arguments of a bare callable that stands for a recipe.
        gives: what such a callable returns.
        asks: what it is given as well, if it has a parameter of that name.
    """

    word: str
    package: str
    call: tuple[str, ...] = ("key", "x")
    gives: str = "x"
    asks: tuple[str, ...] = ()

    @property
    def one(self) -> str:
        """One of the kind, with its article."""
        return f"{'an' if self.word[0] in 'aeiou' else 'a'} {self.word}"


PURIFIER = Kind("purifier", "purifax.purify", asks=("score", "noise", "energy"))
ATTACK = Kind(
    "attack",
    "purifax.attack",
    ("key", "x", "label"),
    "x_adv",
    ("model", "threat", "purifier", "classifier", "score"),
)
POISON = Kind("poison", "purifax.poison", ("key", "image", "label"), "perturbation")


def is_recipe(thing: Any) -> bool:
    """Whether a thing is a recipe: a dataclass, or an instance of one, with `build`."""
    return dataclasses.is_dataclass(thing) and callable(getattr(thing, "build", None))


def settings(recipe: Any) -> dict[str, Any]:
    """The fields of a recipe that are set: a field that is None does not apply."""
    found = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}
    return {name: value for name, value in found.items() if value is not None}
