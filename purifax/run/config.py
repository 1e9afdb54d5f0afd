"""Configs as plain JSON and back, and what differs between two.

A config is a frozen dataclass of numbers, names, tuples and other such dataclasses. The
outermost one carries a class attribute `kind`, which ``config.json`` records.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["decode", "describe", "differences", "encode", "leaves"]


def encode(config: Any) -> dict[str, Any]:
    """Gives the JSON form of a config: its fields, and its type under "kind".

    Raises:
        ValueError: the object is not a config.
    """
    kind = getattr(type(config), "kind", None)
    if not isinstance(kind, str) or not dataclasses.is_dataclass(config):
        raise ValueError(f"{type(config).__name__} is not a config type.")
    return {"kind": kind, **dataclasses.asdict(config)}  # type: ignore[arg-type]


def decode(values: dict[str, Any], known: Sequence[type]) -> Any:
    """Gives back the config of `encode`.

    Args:
        known: the config types that may be meant.

    Raises:
        ValueError: an unknown kind, or fields that the config type does not have.
    """
    values = dict(values)
    kind = values.pop("kind", None)
    kinds = {cls.kind: cls for cls in known}  # type: ignore[attr-defined]
    if kind not in kinds:
        raise ValueError(f"unknown kind of config {kind!r}; known: {sorted(kinds)}.")
    return _construct(kinds[kind], values)


def _hints(cls: type) -> dict[str, Any]:
    """The annotations of the fields, without class attributes."""
    found = typing.get_type_hints(cls)
    return {field.name: found[field.name] for field in dataclasses.fields(cls)}  # type: ignore[arg-type]


def _construct(cls: type, values: dict[str, Any]) -> Any:
    """Builds dataclass `cls` from its JSON fields, nested ones included."""
    hints = _hints(cls)
    extra = sorted(set(values) - set(hints))
    if extra:
        raise ValueError(f"{cls.__name__} has no field {', '.join(extra)}.")
    made = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(hints[name]):
            made[name] = _construct(typing.cast(type, hints[name]), value)
        else:
            made[name] = _tuples(value)
    return cls(**made)


def _tuples(value: Any) -> Any:
    """JSON has lists only; configs have tuples only."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields (dotted name, annotation, value) of every plain field of a config."""
    hints = _hints(type(config))
    for name, hint in hints.items():
        value = getattr(config, name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", hint, value


def differences(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    """Lists (dotted name, old value, new value) of the fields that differ."""
    if type(old) is not type(new):
        return [("kind", type(old).__name__, type(new).__name__)]
    befores = {name: value for name, _, value in leaves(old)}
    afters = {name: value for name, _, value in leaves(new)}
    names = list(dict.fromkeys([*befores, *afters]))
    pairs = [(name, befores.get(name), afters.get(name)) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2]]


def describe(hint: Any) -> str:
    """Gives the words for an annotation in an error message: "int or None"."""
    if isinstance(hint, types.UnionType):
        return " or ".join(describe(part) for part in typing.get_args(hint))
    if hint is type(None):
        return "None"
    if typing.get_origin(hint) is tuple:
        return f"tuple of {describe(typing.get_args(hint)[0])}"
    return hint.__name__
