"""Recipes: a method with its numbers, as a config writes it.

A recipe is a frozen dataclass of plain numbers and names. It stands beside the function
that it builds, and declares the fields of the method, their defaults, their checks and
what a run costs:

    @dataclass(frozen=True)
    @typed  # of `purifax.typed`: refuses values of other types
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

`Kind` says which package holds the built-in recipes of one kind. A user's own recipe
needs no registration: it is named as "package.module:Class".
"""

import dataclasses
import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ATTACK",
    "POISON",
    "PURIFIER",
    "Kind",
    "above",
    "at_least",
    "help_lines",
    "is_recipe",
    "nearest",
    "one_of",
    "only_with",
    "settings",
    "within",
]


@dataclass(frozen=True)
class Kind:
    """One kind of method, as the metadata of a config's field.

    Attributes:
        word: what one method of the kind is called.
        package: whose modules declare the built-in recipes.
    """

    word: str
    package: str

    @property
    def one(self) -> str:
        """One of the kind, with its article."""
        return f"{'an' if self.word[0] in 'aeiou' else 'a'} {self.word}"


PURIFIER = Kind("purifier", "purifax.purify")
ATTACK = Kind("attack", "purifax.attack")
POISON = Kind("poison", "purifax.poison")


def is_recipe(thing: Any) -> bool:
    """Whether a thing is a recipe: a dataclass, or an instance of one, with `build`."""
    return dataclasses.is_dataclass(thing) and callable(getattr(thing, "build", None))


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Ends a sentence with the known word nearest to `word`, or with all of them.

    >>> nearest("langvin", ["langevin", "mala"])
    '; did you mean langevin?'
    """
    known = list(known)
    lower = {name.lower(): name for name in reversed(known)}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {prefix}{lower[close[0]]}?"
    return f"; known: {', '.join(prefix + name for name in known)}."


def settings(recipe: Any) -> dict[str, Any]:
    """The fields of a recipe that are set: a field that is None does not apply."""
    found = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}
    return {name: value for name, value in found.items() if value is not None}


def help_lines(cls: type) -> dict[str, str]:
    """The line of help for each documented field of a dataclass and its bases.

    Read from the section "Attributes" of the docstrings.

    >>> help_lines(Kind)["word"]
    'what one method of the kind is called.'
    """
    lines: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            lines |= _attributes(base.__doc__ or "")
    known = {field.name for field in dataclasses.fields(cls)}
    return {name: line for name, line in lines.items() if name in known}


def _attributes(text: str) -> dict[str, str]:
    """`name: line` pairs of a docstring's section "Attributes"."""
    _, found, rest = text.partition("Attributes:\n")
    if not found:
        return {}
    indent = len(rest) - len(rest.lstrip(" "))
    lines: dict[str, str] = {}
    names: list[str] = []
    for line in rest.splitlines():
        depth = len(line) - len(line.lstrip(" "))
        if line.strip() and depth < indent:
            break
        head = re.match(r"([\w, ]+): (.*)", line.strip()) if depth == indent else None
        if head:
            names = [name.strip() for name in head[1].split(",")]
            lines |= dict.fromkeys(names, head[2])
        elif line.strip():
            lines |= {name: f"{lines[name]} {line.strip()}" for name in names}
    return lines


def one_of(recipe: Any, field: str, words: Sequence[str]) -> None:
    """Refuses a name that is none of `words`.

    Raises:
        ValueError: it is unknown; the nearest is named.
    """
    value = getattr(recipe, field)
    if value not in words:
        known = nearest(str(value), words)
        raise ValueError(
            f"{_name(recipe, field)} is {value!r}, which is unknown{known}"
        )


def at_least(recipe: Any, field: str, least: float) -> None:
    """Refuses a number below `least`, or one that is not finite.

    Raises:
        ValueError: it is; None passes.
    """
    value = getattr(recipe, field)
    if value is not None and not least <= value < math.inf:
        raise ValueError(
            f"{_name(recipe, field)} must be {least:g} or more; got {value}."
        )


def above(recipe: Any, field: str, least: float) -> None:
    """Refuses a number that is not above `least`, or not finite.

    Raises:
        ValueError: it is not; None passes.
    """
    value = getattr(recipe, field)
    if value is not None and not least < value < math.inf:
        raise ValueError(
            f"{_name(recipe, field)} must be more than {least:g}; got {value}."
        )


def within(recipe: Any, field: str, low: float, high: float) -> None:
    """Refuses a number outside [low, high].

    Raises:
        ValueError: it is; None passes.
    """
    value = getattr(recipe, field)
    if value is not None and not low <= value <= high:
        raise ValueError(
            f"{_name(recipe, field)} must be from {low:g} to {high:g}; got {value}."
        )


def only_with(recipe: Any, field: str, other: str, values: Sequence[Any]) -> None:
    """Refuses a field that has no effect beside the value of another.

    Raises:
        ValueError: `field` is set and `other` is none of `values`.
    """
    value, beside = getattr(recipe, field), getattr(recipe, other)
    if value is not None and beside not in values:
        wanted = " or ".join(map(str, values))
        raise ValueError(
            f"{_name(recipe, field)} applies with {other}={wanted} alone; got "
            f"{field}={value} with {other}={beside}."
        )


def _name(recipe: Any, field: str) -> str:
    return f"{type(recipe).__name__}.{field}"
