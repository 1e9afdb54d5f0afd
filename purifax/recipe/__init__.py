"""Recipes: a method with its numbers, as a config writes it.

A recipe is a frozen dataclass of plain numbers and names. It stands beside the function
that it builds, and declares the fields of the method, their defaults, their checks and
what a run costs:

    @dataclass(frozen=True)
    @recipe.typed  # refuses values of other types
    class Smooth:
        \"\"\"Blur, a toy purifier.

        Attributes:
            sigma: deviation of the noise that is added first.
        \"\"\"

        sigma: float = 0.1

        def __post_init__(self) -> None:
            recipe.at_least(self, "sigma", 0)

        def build(self, prior: Prior) -> Purifier: ...
        def calls(self) -> int: ...

The section "Attributes" of the docstring holds the line of help for each field. A field
that applies only beside certain values of another is None by default, which stands for
the published value, and a recipe refuses it where it does not apply.

`kinds.Kind` says which package holds the built-in recipes of one kind. A user's own
recipe needs no registration: it is named as "package.module:Class".
"""

from purifax.recipe.annotations import typed
from purifax.recipe.checks import (
    above,
    at_least,
    below,
    in_order,
    one_of,
    only_with,
    within,
)

__all__ = [
    "above",
    "at_least",
    "below",
    "in_order",
    "one_of",
    "only_with",
    "typed",
    "within",
]
