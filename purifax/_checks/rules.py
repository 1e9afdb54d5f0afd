"""Rules for numbers and arrays: `rule(name, value, x) -> value`, or a ValueError."""

import math
from collections.abc import Callable
from typing import Any, NoReturn

from jax import Array
from jax import numpy as jnp

from purifax._checks.arrays import array, ends
from purifax.types import concrete, expect, floating, known

__all__ = [
    "at_least_zero",
    "anything",
    "ball",
    "chance",
    "draws",
    "fields",
    "flags",
    "floats",
    "image",
    "in_box",
    "in_scale",
    "levels",
    "listed",
    "number",
    "numbers",
    "ONE",
    "pixels",
    "positive",
    "Rule",
    "share",
    "shares",
    "vector",
    "whole",
]

Rule = Callable[[str, Any, Any], Any]
"""`rule(name, value, x) -> value`: raises a ValueError, or returns what is meant."""

_FAR = 16.0
"""How far outside [0, 1] a traced image may be; no noise of a method is as large."""

ONE = "Map over several with `jax.vmap` or `batched`."


def fields(made: Any, **rules: Rule) -> None:
    """Apply rules to the fields of a dataclass, as it is made."""
    for name, rule in rules.items():
        rule(f"{type(made).__name__}.{name}", getattr(made, name), None)


def whole(least: int) -> Rule:
    """A rule: a Python integer of `least` or more, such as a length."""

    def rule(name: str, value: Any, x: Any) -> Any:
        """An integer that is large enough."""
        del x
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise ValueError(f"{name} must be an integer; got {value!r:.40}.")
        if value < least:
            raise ValueError(f"{name} must be {least} or more; got {value}.")
        return value

    return rule


def number(
    least: float = -math.inf,
    most: float = math.inf,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    infinite: bool = False,
) -> Rule:
    """A rule: a scalar in [least, most], above one number and below another.

    It is finite unless it may be infinite.
    """

    def rule(name: str, value: Any, x: Any) -> Any:
        """A scalar in its range."""
        if not isinstance(value, float | int) or isinstance(value, bool):
            expect(name, value, (), hint=ONE)
            value = _narrow(value, x)
        for one in known(value) or []:
            fits = least <= one <= most and (infinite or math.isfinite(one))
            if not (fits and (above < one < below or infinite)):
                _refuse(name, one, (least, most), (above, below))
        return value

    return rule


def vector(
    least: float = -math.inf,
    most: float = math.inf,
    *,
    kind: type[int] | None = None,
    nan: bool = False,
    axes: tuple[int, ...] = (1,),
) -> Rule:
    """A rule: an array [T] of finite values in [least, most].

    Args:
        kind: int for integers; else any numbers but booleans.
        nan: whether NaN passes, since it reaches the result.
        axes: how many there may be.
    """

    def rule(name: str, value: Any, x: Any) -> Any:
        """An array [T] in its range."""
        value = array(name, value)
        free = (None,) * (value.ndim if value.ndim in axes else axes[0])
        expect(name, value, free, kind)
        if value.dtype == bool:
            expect(name, value, free, float)
        for one in (known(value) or []) if value.ndim == 1 and kind is None else []:
            lost = nan and math.isnan(one)
            if not (lost or least <= one <= most) or math.isinf(one):
                _refuse(name, one, (least, most))
        return _narrow(value, x)

    return rule


def flags(name: str, value: Any, x: Any) -> Any:
    """A rule: booleans [T]."""
    del x
    value = array(name, value)
    expect(name, value, (None,))
    if value.dtype != bool:
        raise ValueError(f"{name} must be booleans [T]; got {value.dtype}.")
    return value


def image(name: str, value: Any, x: Any = None) -> Any:
    """A rule: a floating array of any shape; [0, 1] is not asked for."""
    del name, x
    value = value if isinstance(value, Array) else jnp.asarray(value)
    floating(value)
    return value


def pixels(slack: float) -> Rule:
    """A rule: an image that is nowhere farther than `slack` outside [0, 1].

    NaN passes, since it reaches the result. A traced image cannot be refused: one that
    is farther than `_FAR` outside, such as one of 0 to 255, becomes NaN.
    """

    def rule(name: str, value: Any, x: Any) -> Any:
        """An image near [0, 1]."""
        value = image(name, value, x)
        shown = concrete(value)
        if shown is None:
            near = jnp.all((value >= -_FAR) & (value <= 1 + _FAR))
            return jnp.where(near, value, jnp.nan)
        if shown.size:
            low, high = ends(shown)
            if low < -slack or high > 1 + slack:
                raise ValueError(
                    f"{name} must be an image in [0, 1]; got values from {low:.4g} to "
                    f"{high:.4g}. Give x / 255 for bytes, or (x + 1) / 2 for [-1, 1]."
                )
        return value

    return rule


def ball(name: str, value: Any, x: Any = None) -> Any:
    """A rule: a threat whose radius, if it has one, is 0 or more."""
    if hasattr(value, "radius"):
        at_least_zero(f"The radius of {name}", value.radius, x)
    return value


def anything(name: str, value: Any, x: Any) -> Any:
    """A rule: whatever it is, where a name has another meaning."""
    del name, x
    return value


def listed(name: str, value: Any, x: Any) -> Any:
    """A rule: an array, or a list of numbers; the function looks at it further."""
    return _narrow(array(name, value), x)


def levels(name: str, value: Any, x: Any) -> Any:
    """A rule: levels of any shape, each 0 or more."""
    value = _narrow(value, x)
    for one in known(value) or []:
        if not isinstance(one, list) and not 0 <= one < math.inf:
            _refuse(name, one, (0, math.inf))
    return value


def floats(name: str, value: Any, x: Any = None) -> Any:
    """A rule: floating numbers with one axis at least, such as logits."""
    del x
    value = array(name, value)
    expect(name, value, value.shape or (None,), float)
    return value


def _refuse(
    name: str,
    value: float,
    ends: tuple[float, float],
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> NoReturn:
    """Say what a number must be: within `ends`, or strictly within `bounds`."""
    (least, most), (above, below) = ends, bounds
    if math.isfinite(above):
        wanted = f"more than {above:g}" + (f" and less than {below:g}") * (
            below < math.inf
        )
    elif math.isfinite(most):
        wanted = f"from {least:g} to {most:g}"
    else:
        wanted = "finite" if least == -math.inf else f"{least:g} or more, and finite"
    raise ValueError(f"{name} must be {wanted}; got {value:.6g}.")


def _narrow(value: Any, x: Any) -> Any:
    """An array of float64 in the dtype of an image of fewer bits."""
    wide = getattr(value, "dtype", None) == jnp.float64
    if wide and x is not None and jnp.result_type(x) != jnp.float64:
        return jnp.asarray(value, jnp.result_type(x))
    return value


in_scale = pixels(8.0)
"""For purifiers: smoothing noise, or another purifier, may lead out of [0, 1]."""
in_box = pixels(1e-3)
"""For attacks, whose set lies in [0, 1]."""
share = number(0, 1)
chance = number(above=0, below=1)
positive = number(above=0)
at_least_zero = number(0)
numbers = vector(kind=int)
draws = vector(kind=int, axes=(1, 2))
shares = vector(0, 1)
