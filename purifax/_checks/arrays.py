"""Arrays that a user gives: what they hold, and that jax keeps all of it."""

import math
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import concrete

__all__ = ["array", "counts", "ends", "kept", "no_more", "rates"]


def array(name: str, value: Any) -> Any:
    """A list or a NumPy array as an array of jax.

    Raises:
        ValueError: it is none of these, or holds integers that jax would cut off.
    """
    if isinstance(value, Array):
        return value
    try:
        found = jnp.asarray(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{name} must be an array of numbers; got {value!r:.60}."
        ) from None
    kept(name, value)
    return found


def kept(name: str, value: Any) -> None:
    """Refuse integers of 64 bits that jax would cut off, as labels of 2**32 to 0.

    Only NumPy has them, unless `jax_enable_x64` is set.
    """
    if isinstance(value, Array) or getattr(value, "dtype", None) is None:
        return
    dtype = jnp.result_type(value)
    if not jnp.issubdtype(dtype, jnp.integer) or value.dtype.itemsize <= dtype.itemsize:
        return
    limits = jnp.iinfo(dtype)
    low, high = (int(value.min()), int(value.max())) if value.size else (0, 0)
    if low < limits.min or high > limits.max:
        raise ValueError(
            f"{name} must be integers from {limits.min} to {limits.max}; got {low} to "
            f"{high}."
        )


def ends(shown: Array) -> tuple[float, float]:
    """The smallest and the largest value, NaN apart, at once even inside a trace."""
    with jax.ensure_compile_time_eval():
        if not shown.size:
            return 0.0, 0.0
        wide = shown.astype(jnp.float32)
        return float(jnp.nanmin(wide)), float(jnp.nanmax(wide))


def counts(name: str, value: Any, x: Any = None) -> Any:
    """A rule: numbers of any shape, none of them negative or infinite; NaN passes."""
    shown = concrete(array(name, value))
    low, high = (0.0, 0.0) if shown is None else ends(shown)
    if low < 0 or high == math.inf:
        raise ValueError(f"{name} must be 0 or more, and finite; got {value!s:.60}.")
    return value


def rates(name: str, value: Any, x: Any = None) -> Any:
    """A rule: numbers of any shape from 0 to 1, or booleans; NaN passes."""
    shown = concrete(array(name, value))
    low, high = (0.0, 0.0) if shown is None else ends(shown)
    if low < 0 or high > 1:
        raise ValueError(f"{name} must be from 0 to 1; got {value!s:.60}.")
    return value


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
