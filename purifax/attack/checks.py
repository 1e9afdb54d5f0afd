"""The arguments of an attack: those of `purifax._checks`, its threat, and its label.

An attack that climbs away from a class that the model does not have leaves the model
right: the images would look robust. So a label outside the classes is an error where
its value is known, and gives NaN where it is traced. What the classes are, the loss
says: it raises, or is NaN, for a label that is none of them.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax._checks import Rule
from purifax.classify import cross_entropy
from purifax.types import Loss, known

__all__ = ["attacking"]

F = TypeVar("F", bound=Callable[..., Any])


def attacking(
    by: str = "model", loss: Loss | None = None, **rules: Rule
) -> Callable[[F], F]:
    """Check the arguments of an attack before it runs.

    Args:
        by: the argument that gives what the loss reads: a model `(key, x) -> logits`,
            or "classifier", `(x) -> logits`.
        loss: that judges the label, in place of the argument of this name.
        rules: as in `checks.checked`.

    Returns:
        A decorator. What the attack returns is NaN where a traced label is not one of
        the classes.
    """

    def decorate(fn: F) -> F:
        inner = checks.checked(x=checks.in_box, **rules)(fn)
        order, usual = checks.names(fn), inspect.signature(fn).parameters.get("loss")
        default = cross_entropy if usual is None else usual.default

        @functools.wraps(fn)
        def run(*args: Any, **kwargs: Any) -> Any:
            given = dict(zip(order, args, strict=False)) | kwargs
            valid = None
            if {"x", "label", by} <= given.keys():
                valid = _valid(given, by, loss or given.get("loss", default))
            found = inner(*args, **kwargs)
            return jax.tree.map(lambda leaf: checks.where(valid, leaf), found)

        return cast(F, run)

    return decorate


def _valid(given: Mapping[str, Any], by: str, loss: Loss) -> Array | None:
    """Whether a traced label is a class, []; None where its value is known.

    Raises:
        ValueError: by the loss, or the rule of labels.
    """
    label = checks.label("`label`", given["label"])
    if known(label) is not None:
        return None  # the loss raises where it reads it
    x = checks.image("`x`", given["x"])
    args = (x,) if by == "classifier" else (given["key"], x)
    shapes = jax.eval_shape(given[by], *args)
    some = jax.tree.map(lambda one: jnp.full(one.shape, 0.5, one.dtype), shapes)
    return ~jnp.isnan(loss(some, label))
