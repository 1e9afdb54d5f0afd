"""The arguments of public functions, checked by their names.

One name is one idea everywhere, and so has one rule: `@checked` applies the rules of
`BY_NAME` to the arguments of a function, and its keywords replace them where a name
means something of its own:

    @checked(eta=share)
    def ddim(key, x, score, sigmas, *, eta=0.0, scan=...): ...

Ranks, shapes and dtypes are static, so that they are also checked under `jit`. Values
are checked where they are concrete, eagerly or under an eager `vmap`; a traced value
passes. Lists become arrays, and arrays of float64 take the dtype of a smaller image, so
that the result is the same whether a program has `jax_enable_x64` set or not.
"""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.types import as_pytree, concrete, expect, floating, known

__all__ = ["checked"]

Rule = Callable[[str, Any, Any], Any]
"""`rule(name, value, x) -> value`: raises a ValueError, or returns what is meant."""

P, R = ParamSpec("P"), TypeVar("R")
ONE = "Map over several with `jax.vmap` or `batched`."


def checked(**rules: Rule) -> Callable[[Callable[P, R]], Callable[P, R]]:
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

    def decorate(fn: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(fn).parameters.values()
        usual = {p.name: p.default for p in parameters if p.default is not p.empty}
        order, table = names(fn), {**BY_NAME, **rules}

        @functools.wraps(fn)
        def run(*given: P.args, **named: P.kwargs) -> R:
            first = dict(zip(order, given, strict=False))
            found = applied(table, first | named)
            _ordered(usual | found)
            rest = given[len(first) :]
            return fn(  # type: ignore[call-arg]
                *(found[name] for name in first),
                *rest,
                **{name: found[name] for name in named},
            )

        return cast(Callable[P, R], run)

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


def fields(made: Any, **rules: Rule) -> None:
    """Apply rules to the fields of a dataclass, as it is made."""
    for name, rule in rules.items():
        rule(f"{type(made).__name__}.{name}", getattr(made, name), None)


def whole(least: int) -> Rule:
    """A rule: a Python integer of `least` or more, such as a length."""

    def rule(name: str, value: Any, x: Any) -> Any:
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
    axes: tuple[int, ...] = (1,),
) -> Rule:
    """A rule: an array [T] of finite values in [least, most].

    Args:
        kind: int for integers; else any numbers but booleans.
        axes: how many there may be.
    """

    def rule(name: str, value: Any, x: Any) -> Any:
        value = array(name, value)
        free = (None,) * (value.ndim if value.ndim in axes else axes[0])
        expect(name, value, free, kind)
        if value.dtype == bool:
            expect(name, value, free, float)
        for one in (known(value) or []) if value.ndim == 1 and kind is None else []:
            if not least <= one <= most or math.isinf(one):
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

    NaN passes, since it reaches the result.
    """

    def rule(name: str, value: Any, x: Any) -> Any:
        value = image(name, value, x)
        shown = concrete(value)
        if shown is not None and shown.size:
            low, high = _ends(shown)
            if low < -slack or high > 1 + slack:
                raise ValueError(
                    f"{name} must be an image in [0, 1]; got values from {low:.4g} to "
                    f"{high:.4g}. Give x / 255 for bytes, or (x + 1) / 2 for [-1, 1]."
                )
        return value

    return rule


def label(name: str, value: Any, x: Any = None) -> Any:
    """A rule: one integer class, 0 or more."""
    del x
    hint = "It is the number of one class."
    expect(name, value, (), int, hint=hint)
    for one in known(value) or []:
        if one < 0:
            raise ValueError(f"{name} must be a class, 0 or more; got {one}.")
    return value


def ball(name: str, value: Any, x: Any = None) -> Any:
    """A rule: a threat whose radius, if it has one, is 0 or more."""
    if hasattr(value, "radius"):
        at_least_zero(f"The radius of {name}", value.radius, x)
    return value


def score(name: str, value: Any, x: Any = None) -> Any:
    """A rule: a callable; what it gives for an image is like the image, or refused."""
    del name, x
    known_as = getattr(value, "func", None)
    return value if known_as is _like_image else Partial(_like_image, as_pytree(value))


def purifier(name: str, value: Any, x: Any = None) -> Any:
    """A rule: a callable of a key and an image, which gives an image like it."""
    del name, x
    known_as = getattr(value, "func", None)
    return value if known_as is _purified else Partial(_purified, as_pytree(value))


def _like_image(score: Any, x: Array, *more: Any) -> Array:
    return like(x, score(x, *more), "the score")


def _purified(purifier: Any, key: Any, x: Array, **knobs: Any) -> Array:
    return like(x, purifier(key, x, **knobs), "the purifier")


def like(x: Array, found: Any, what: str) -> Array:
    """What a network gave for an image, in its dtype, if it has its shape."""
    hint = "It would be broadcast against the image."
    expect(f"The output of {what} for one image", found, jnp.shape(x), hint=hint)
    return jnp.asarray(found, jnp.result_type(x))


def labels(name: str, value: Any, x: Any = None) -> Any:
    """A rule: one integer class for each image, [N]."""
    del x
    value = array(name, value)
    expect(name, value, (None,), int, hint="It holds one class per image.")
    classes(name, value)
    return value


def row(table: Array, label: Any) -> Array:
    """The entry of a class in a table; NaN, or an error, where there is no such class.

    A gather alone would take the last class for one that is beyond it.
    """
    valid = among("`label`", label, table.shape[0])
    return where(valid, table[label])


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


def array(name: str, value: Any) -> Any:
    """A list or a NumPy array as an array of jax; what is none of these is refused."""
    if isinstance(value, Array):
        return value
    try:
        return jnp.asarray(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must be an array of numbers; got {value!r}."
        ) from None


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


def _ordered(found: Mapping[str, Any]) -> None:
    """Refuse bounds of which the smaller is the larger."""
    for low, high in (("smallest", "largest"), ("low", "high")):
        below, top = (known(found.get(name, ())) or () for name in (low, high))
        if len(below) == len(top) == 1 and below[0] > top[0]:
            raise ValueError(
                f"`{low}` must not be above `{high}`; got {below[0]:.6g} and "
                f"{top[0]:.6g}."
            )


def _narrow(value: Any, x: Any) -> Any:
    """An array of float64 in the dtype of an image of fewer bits."""
    wide = getattr(value, "dtype", None) == jnp.float64
    if wide and x is not None and jnp.result_type(x) != jnp.float64:
        return jnp.asarray(value, jnp.result_type(x))
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


def counts(name: str, value: Any, x: Any = None) -> Any:
    """A rule: numbers of any shape, none of them negative or infinite; NaN passes."""
    shown = concrete(array(name, value))
    low, high = (0.0, 0.0) if shown is None else _ends(shown)
    if low < 0 or high == math.inf:
        raise ValueError(f"{name} must be 0 or more, and finite; got {value!s:.60}.")
    return value


def classes(name: str, value: Any, least: int = 0, most: float = math.inf) -> None:
    """Refuse class numbers, of any shape, that are not integers in [least, most]."""
    value = array(name, value)
    hint = "It holds class numbers; take the `argmax` of logits."
    expect(name, value, value.shape, int, hint=hint)
    shown = concrete(value)
    if shown is None or not shown.size:
        return
    low, high = map(int, _ends(shown))
    if low < least or high > most:
        wanted = f"{least} or more" if most == math.inf else f"from {least} to {most}"
        raise ValueError(f"{name} must be classes {wanted}; got {low} to {high}.")


def rates(name: str, value: Any, x: Any = None) -> Any:
    """A rule: numbers of any shape from 0 to 1, or booleans; NaN passes."""
    shown = concrete(array(name, value))
    low, high = (0.0, 0.0) if shown is None else _ends(shown)
    if low < 0 or high > 1:
        raise ValueError(f"{name} must be from 0 to 1; got {value!s:.60}.")
    return value


def _ends(shown: Array) -> tuple[float, float]:
    """The smallest and the largest value, NaN apart, at once even inside a trace."""
    with jax.ensure_compile_time_eval():
        if not shown.size:
            return 0.0, 0.0
        wide = shown.astype(jnp.float32)
        return float(jnp.nanmin(wide)), float(jnp.nanmax(wide))


def no_more(name: str, value: Any, than: Any) -> None:
    """Refuse counts above those of all trials."""
    some, whole = (concrete(array(name, v)) for v in (value, than))
    if some is None or whole is None:
        return
    with jax.ensure_compile_time_eval():
        some, whole = some.astype(jnp.float32), whole.astype(jnp.float32)
        above = bool(jnp.any(some > whole * (1 + 1e-6)))  # sums of shares are rounded
    if above:
        raise ValueError(
            f"{name} must be at most `trials`; got {value!s:.60} of {than!s:.60}."
        )


def batchable(key: Any) -> Any:
    """The key of a batch, of a kind whose draws do not depend on neighbours.

    Under `vmap` the draws of "rbg" keys depend on the first key of the batch. Another
    kind of key seeds one of "threefry2x32".
    """
    typed = jnp.issubdtype(jnp.result_type(key), jax.dtypes.prng_key)
    kind = jax.random.key_impl(key) if typed else jnp.shape(key)
    if kind in ("threefry2x32", (2,)):
        return key
    words = jax.random.bits(key, (2,), jnp.uint32)
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def floats(name: str, value: Any, x: Any = None) -> Any:
    """A rule: floating numbers with one axis at least, such as logits."""
    del x
    value = array(name, value)
    expect(name, value, value.shape or (None,), float)
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
    **dict.fromkeys(("sigmas", "levels", "step_sizes", "radii"), vector(0)),
    **dict.fromkeys(("limits", "starts", "shares"), shares),
    "times": vector(-1),
    "scales": vector(),
    **dict.fromkeys(("length", "iterations", "queries", "trials"), whole(0)),
    **dict.fromkeys(("draws", "copies", "selection", "ranks", "restarts"), numbers),
    **dict.fromkeys(("tries", "directions", "answers"), numbers),
}
