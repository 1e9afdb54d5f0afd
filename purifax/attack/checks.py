"""The arguments of an attack: those of `purifax.checks`, its threat, and its label.

An attack that climbs away from a class that the model does not have leaves the model
right: the images would look robust. So a label outside the classes is an error where
its value is known, and gives NaN where it is traced.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import jax

from purifax import checks
from purifax.checks import Rule
from purifax.types import expect

__all__ = ["attacking"]

P, R = ParamSpec("P"), TypeVar("R")


def attacking(by: str = "model", **rules: Rule) -> Callable[..., Any]:
    """Check the arguments of an attack before it runs.

    Args:
        by: the argument that tells how many classes there are: a model
            `(key, x) -> logits`, or "classifier", `(x) -> logits`.
        rules: as in `checks.checked`.

    Returns:
        A decorator. What the attack returns is NaN where a traced label is not one of
        the classes.
    """
    own = {"x": checks.in_box, **rules}

    def decorate(fn: Callable[P, R]) -> Callable[P, R]:
        inner, names = checks.checked(**own)(fn), checks.names(fn)

        @functools.wraps(fn)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            given = dict(zip(names, args, strict=False)) | kwargs
            valid = None
            if {"x", "label", by} <= given.keys():
                checks.label("`label`", given["label"])
                valid = checks.among("`label`", given["label"], _classes(given, by))
            found = inner(*args, **kwargs)
            return jax.tree.map(lambda leaf: checks.where(valid, leaf), found)

        return cast(Callable[P, R], run)

    return decorate


def _classes(given: Mapping[str, Any], by: str) -> int:
    """How many classes the model tells apart; its logits are its first output."""
    x = checks.image("`x`", given["x"])
    args = (x,) if by == "classifier" else (given["key"], x)
    logits = jax.tree.leaves(jax.eval_shape(given[by], *args))[0]
    free = (None,) * max(1, min(2, len(logits.shape)))
    hint = "They are [K], or [S, K] with `classify.each`."
    expect(f"The logits of `{by}` for one image", logits, free, float, hint=hint)
    return logits.shape[-1]
