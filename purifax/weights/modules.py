"""A module of `purifax.nets` as plain values, and back."""

import dataclasses
import difflib
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from purifax import nets

__all__ = ["describe", "rebuild"]


def describe(module: nn.Module) -> dict[str, Any]:
    """A module as plain values: {"module": its name, "fields": {...}}.

    >>> describe(nets.MLP(num_classes=3))["module"]
    'MLP'
    """
    fields = {
        field.name: _plain(getattr(module, field.name))
        for field in dataclasses.fields(module)
        if field.init and field.name not in ("parent", "name")
    }
    return {"module": type(module).__name__, "fields": fields}


def rebuild(words: dict[str, Any]) -> nn.Module:
    """The module that `describe` described.

    Raises:
        ValueError: `purifax.nets` has no such module, or it has no such field.

    >>> rebuild(describe(nets.MLP(num_classes=3))).num_classes
    3
    """
    name = words["module"]
    known = [n for n in nets.__all__ if n[0].isupper() and n != "Network"]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}."
        raise ValueError(f"purifax.nets has no module {name!r}; {hint}")
    fields = {key: _field(key, value) for key, value in words["fields"].items()}
    try:
        return getattr(nets, name)(**fields)
    except TypeError as error:
        raise ValueError(f"{name} cannot be rebuilt: {error}") from error


def _plain(value: Any) -> Any:
    """A field in JSON: numbers, words, lists; a dtype by its name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return jnp.dtype(value).name


def _field(name: str, value: Any) -> Any:
    """A field back from JSON."""
    if name == "dtype":
        return jnp.dtype(value).type
    return (
        tuple(_field("", item) for item in value) if isinstance(value, list) else value
    )
