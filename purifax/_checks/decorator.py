"""The rules of all names, and the decorator that applies them."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from purifax._checks.callables import purifier, score
from purifax._checks.label_rules import label, labels
from purifax._checks.rules import (
    Rule,
    at_least_zero,
    ball,
    chance,
    flags,
    floats,
    image,
    number,
    numbers,
    positive,
    share,
    shares,
    vector,
    whole,
)
from purifax.types import known

__all__ = ["applied", "BY_NAME", "checked", "names"]

F = TypeVar("F", bound=Callable[..., Any])


def checked(**rules: Rule) -> Callable[[F], F]:
    """Check the arguments of a function by their names before it runs.

    Args:
        rules: for names that are not in `BY_NAME`, or that mean something else here.

    >>> @checked(eta=share)
    ... def step(x, sigmas, *, eta=0.0):
    ...     return x + eta * sigmas[0]
    >>> float(step(0.5, [1.0]))
    0.5
    >>> step(0.5, [1.0], eta=3)
    Traceback (most recent call last):
        ...
    ValueError: `eta` must be from 0 to 1; got 3.
    """

    def decorate(fn: F) -> F:
        parameters = inspect.signature(fn).parameters.values()
        usual = {p.name: p.default for p in parameters if p.default is not p.empty}
        order, table = names(fn), {**BY_NAME, **rules}

        @functools.wraps(fn)
        def run(*given: Any, **named: Any) -> Any:
            first = dict(zip(order, given, strict=False))
            found = applied(table, first | named)
            _ordered(usual | found)
            rest = given[len(first) :]
            return fn(
                *(found[name] for name in first),
                *rest,
                **{name: found[name] for name in named},
            )

        return cast(F, run)

    return decorate


def names(fn: Callable[..., Any]) -> list[str]:
    """The names of the arguments that may be given by their place."""
    parameters = inspect.signature(fn).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def applied(rules: Mapping[str, Rule], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments after the rules of their names; None passes."""
    found = dict(given)
    for name in sorted(given, key=lambda name: name != "x"):  # the image first
        if name in rules and given[name] is not None:
            found[name] = rules[name](f"`{name}`", given[name], found.get("x"))
    return found


def _ordered(found: Mapping[str, Any]) -> None:
    """Refuse bounds of which the smaller is the larger."""
    for low, high in (("smallest", "largest"), ("low", "high")):
        below, top = known(found.get(low, [])) or [], known(found.get(high, [])) or []
        if len(below) == len(top) == 1 and below[0] > top[0]:
            raise ValueError(
                f"`{low}` must not be above `{high}`; got {below[0]:.6g} and "
                f"{top[0]:.6g}."
            )


BY_NAME: dict[str, Rule] = {
    "x": image,
    "logits": floats,
    "label": label,
    "labels": labels,
    "target": label,
    "threat": ball,
    "score": score,
    "purifier": purifier,
    "checkpoints": flags,
    **dict.fromkeys(("sigma", "level", "below", "stop", "step_size"), at_least_zero),
    **dict.fromkeys(("temperature", "churn", "decay", "sharpness"), at_least_zero),
    **dict.fromkeys(("smallest", "largest", "inner", "slope"), at_least_zero),
    **dict.fromkeys(("rate", "probe", "width", "inflate", "snr"), positive),
    **dict.fromkeys(("probability", "memory", "share", "beta"), share),
    **dict.fromkeys(("alpha", "confidence"), chance),
    **dict.fromkeys(("strength", "scale", "centre"), number()),
    "levels": vector(0, nan=True),
    **dict.fromkeys(("sigmas", "step_sizes", "radii"), vector(0)),
    **dict.fromkeys(("limits", "starts", "shares"), shares),
    "times": vector(-1),
    "scales": vector(),
    **dict.fromkeys(("length", "iterations", "queries", "trials"), whole(0)),
    **dict.fromkeys(("draws", "copies", "selection", "ranks", "restarts"), numbers),
    **dict.fromkeys(("tries", "directions", "answers"), numbers),
}
