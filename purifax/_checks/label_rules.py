"""Rules for labels, and what takes the place of a label that is no class: NaN."""

import math
from typing import Any

from jax import Array
from jax import numpy as jnp

from purifax._checks.arrays import array, ends
from purifax.types import concrete, expect, known

__all__ = ["among", "classes", "label", "labels", "row", "where", "picked"]

LARGEST = 2**31 - 1
"""The largest class that an array of 32 bits holds."""


def label(name: str, value: Any, x: Any = None) -> Any:
    """A rule: one integer class, 0 or more."""
    del x
    hint = "It is the number of one class."
    expect(name, value, (), int, hint=hint)
    for one in known(value) or []:
        if not 0 <= one <= LARGEST:
            wanted = "0 or more" if one < 0 else f"at most {LARGEST}"
            raise ValueError(f"{name} must be a class, {wanted}; got {one}.")
    return value


def labels(name: str, value: Any, x: Any = None) -> Any:
    """A rule: one integer class for each image, [N]."""
    del x
    value = array(name, value)
    expect(name, value, (None,), int, hint="It holds one class per image.")
    classes(name, value)
    return value


def classes(name: str, value: Any, least: int = 0, most: float = math.inf) -> None:
    """Refuse class numbers, of any shape, that are not integers in [least, most]."""
    value = array(name, value)
    hint = "It holds class numbers; take the `argmax` of logits."
    expect(name, value, value.shape, int, hint=hint)
    shown = concrete(value)
    if shown is None or not shown.size:
        return
    low, high = map(int, ends(shown))
    if low < least or high > most:
        wanted = f"{least} or more" if most == math.inf else f"from {least} to {most}"
        raise ValueError(f"{name} must be classes {wanted}; got {low} to {high}.")


def among(name: str, value: Any, classes: int) -> Array | None:
    """Whether a label is one of the classes, as traced; None where it certainly is.

    Raises:
        ValueError: its value is known, and is none of 0 .. classes - 1.

    >>> among("`label`", 2, 3)
    >>> among("`label`", 3, 3)
    Traceback (most recent call last):
        ...
    ValueError: `label` must be one of the model's 3 classes, 0 to 2; got 3.
    """
    values = known(value)
    if values is None:
        return (value >= 0) & (value < classes)
    for one in values:
        if not 0 <= one < classes:
            raise ValueError(
                f"{name} must be one of the model's {classes} classes, 0 to "
                f"{classes - 1}; got {one}."
            )
    return None


def where(valid: Array | None, found: Array) -> Array:
    """What was found, or NaN where a label is not a class; see `among`."""
    return found if valid is None else jnp.where(valid, found, jnp.nan)


def row(table: Array, label: Any) -> Array:
    """The entry of a class in a table; NaN, or an error, where there is no such class.

    A gather alone would take the last class for one that is beyond it.
    """
    valid = among("`label`", label, table.shape[0])
    return where(valid, table[label])


def picked(values: Array, label: Array) -> Array:
    """values[..., label], without a gather; NaN where a traced label is no class."""
    classes = values.shape[-1]
    valid = among("`label`", label, classes)
    picked = jnp.sum(jnp.where(jnp.arange(classes) == label, values, 0.0), axis=-1)
    return where(valid, picked)
