"""Checks of a recipe's fields and of seeds, one sentence each."""

import math
import numbers
from collections.abc import Sequence
from typing import Any

from purifax.recipe.spelling import nearest

__all__ = [
    "above",
    "at_least",
    "below",
    "in_order",
    "one_of",
    "only_with",
    "seed",
    "within",
]


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
    """Refuses a number below `least`, or one that is not finite; of several, any such.

    Raises:
        ValueError: it is; None passes.
    """
    for value in _numbers(recipe, field):
        if not least <= value < math.inf:
            wanted = "finite" if least == -math.inf else f"{least:g} or more"
            infinite = wanted != "finite" and value >= least
            raise ValueError(
                f"{_name(recipe, field)} must be {wanted}{', and finite' * infinite}; "
                f"got {value}."
            )


def above(recipe: Any, field: str, least: float) -> None:
    """Refuses a number that is not above `least`, or not finite; of several, any such.

    Raises:
        ValueError: it is not; None passes.
    """
    for value in _numbers(recipe, field):
        if not least < value < math.inf:
            raise ValueError(
                f"{_name(recipe, field)} must be more than {least:g}"
                f"{', and finite' * (value > least)}; got {value}."
            )


def below(recipe: Any, field: str, low: float, high: float) -> None:
    """Refuses a number outside [low, high); also among several.

    Raises:
        ValueError: it is; None passes.
    """
    value = getattr(recipe, field)
    if not all(low <= number < high for number in _numbers(recipe, field)):
        raise ValueError(
            f"{_name(recipe, field)} must be {low:g} or more and less than {high:g}; "
            f"got {value}."
        )


def within(recipe: Any, field: str, low: float, high: float) -> None:
    """Refuses a number outside [low, high]; also among several.

    Raises:
        ValueError: it is; None passes.
    """
    value = getattr(recipe, field)
    if not all(low <= number <= high for number in _numbers(recipe, field)):
        raise ValueError(
            f"{_name(recipe, field)} must be from {low:g} to {high:g}; got {value}."
        )


def in_order(recipe: Any, *fields: str) -> None:
    """Refuses numbers of which a later one is smaller; None passes.

    Raises:
        ValueError: two of them are the wrong way round.
    """
    given = [f for f in fields if getattr(recipe, f) is not None]
    for low, high in zip(given[:-1], given[1:], strict=True):
        if getattr(recipe, low) > getattr(recipe, high):
            raise ValueError(
                f"{_name(recipe, low)}={getattr(recipe, low)} is above {high}="
                f"{getattr(recipe, high)}."
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


def seed(name: str, value: Any) -> None:
    """Refuses a seed whose keys are those of another: jax keeps 32 bits of it.

    Raises:
        ValueError: it is no whole number from 0 to 2**32 - 1.

    >>> seed("seed", 2**32)
    Traceback (most recent call last):
    ValueError: seed must be a whole number from 0 to 4294967295 (2**32 - 1); got \
4294967296.
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or not 0 <= int(value) < 2**32:
        raise ValueError(
            f"{name} must be a whole number from 0 to {2**32 - 1} (2**32 - 1); got "
            f"{value}."
        )


def _numbers(recipe: Any, field: str) -> Sequence[float]:
    """The numbers of a field; none for None."""
    value = getattr(recipe, field)
    if value is None:
        return ()
    return value if isinstance(value, tuple | list) else (value,)


def _name(recipe: Any, field: str) -> str:
    return f"{type(recipe).__name__}.{field}"
