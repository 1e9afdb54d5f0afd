"""Dataclasses that refuse a value of another type than they declare."""

import dataclasses
import math
import numbers
import types
import typing
from typing import Any, TypeVar

from purifax.recipe import checks

__all__ = ["WrongType", "describe", "typed"]

T = TypeVar("T", bound=type)


class WrongType(ValueError, TypeError):  # noqa: N818
    """A field holds a value of another type than it declares."""


def typed(cls: T) -> T:
    """Refuses values that do not fit the annotations of a dataclass.

    It stands below `dataclass`:

    >>> @dataclasses.dataclass(frozen=True)
    ... @typed
    ... class Walk:
    ...     steps: int = 10
    >>> Walk(steps=2.5)
    Traceback (most recent call last):
    purifax.recipe.annotations.WrongType: Walk.steps is 2.5, which is not of type int.

    Judged are numbers, which may not be NaN, words, flags, tuples of these, and None
    beside them; other annotations hold anything. Whole numbers have 31 bits, but
    for a field that is called seed, or ends so: it must be one of jax's seeds. Fields
    of base classes are judged too.
    What ``__post_init__`` of the class refuses is refused in its own words.
    """
    own = getattr(cls, "__post_init__", lambda self: None)

    def judged(self: Any) -> None:
        wrong = _wrong(self)
        try:
            own(self)
        except (AttributeError, TypeError):
            if not wrong:
                raise
        if wrong:
            raise WrongType(wrong)

    cls.__post_init__ = judged
    return cls


def _wrong(made: Any) -> str:
    """Which field of a dataclass is of another type than declared; "" if none is."""
    declared = typing.get_type_hints(type(made))
    for field in dataclasses.fields(made):
        value, hint = getattr(made, field.name), declared[field.name]
        name = f"{type(made).__name__}.{field.name}"
        if not _fits(value, hint):
            return f"{name} is {value!r}, which is not of type {describe(hint)}."
        parts = value if isinstance(value, tuple | list) else (value,)
        if any(isinstance(part, float) and math.isnan(part) for part in parts):
            return f"{name} is not a number (NaN)."
        if field.name.endswith("seed") and hint is int:
            checks.seed(name, value)
        elif isinstance(value, int) and abs(value) >= 2**31:
            return f"{name} is {value}; jax counts to {2**31 - 1} (2**31 - 1)."
        if field.name == "seeds" and isinstance(value, tuple | list):
            for one in value:
                checks.seed(name, one)
    return ""


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type; whatever is not judged is."""
    if isinstance(hint, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        part = typing.get_args(hint)[0]
        return isinstance(value, tuple | list) and all(_fits(v, part) for v in value)
    if hint in (int, float):
        kind = numbers.Integral if hint is int else numbers.Real
        return isinstance(value, kind) and not isinstance(value, bool)
    if hint in (str, bool, type(None)):
        return isinstance(value, hint)
    return True


def describe(hint: Any) -> str:
    """Gives the words for an annotation in an error message: "int or None"."""
    if isinstance(hint, types.UnionType):
        return " or ".join(map(describe, typing.get_args(hint)))
    if hint is type(None):
        return "None"
    if typing.get_origin(hint) is tuple:
        return f"tuple of {describe(typing.get_args(hint)[0])}"
    return hint.__name__
