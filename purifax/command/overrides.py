"""Fields of a config from the command line: ``a.b=VALUE``, read by its annotation."""

import ast
import dataclasses
import difflib
import types
import typing
from collections.abc import Sequence
from typing import Any

from purifax.run import config as configlib

__all__ = ["UsageError", "apply", "nearest"]

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class UsageError(Exception):
    """The command line is wrong; the message is one full sentence or two."""


def nearest(word: str, known: Sequence[str], prefix: str = "") -> str:
    """Ends a sentence with the known word nearest to `word`, or with all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {prefix}{close[0]}?"
    return f"; known: {', '.join(prefix + name for name in known)}."


def apply(config: Any, overrides: Sequence[tuple[str, str]]) -> Any:
    """Replaces fields named by dotted paths with values read by their annotations.

    Raises:
        UsageError: an unknown field, or a value of the wrong type.
    """
    for name, text in overrides:
        hints = {leaf: hint for leaf, hint, _ in configlib.leaves(config)}
        if name not in hints:
            raise UsageError(_unknown(name, list(hints)))
        value = _value(name, text, hints[name])
        config = _replaced(config, name.split("."), value)
    return config


def _unknown(name: str, known: list[str]) -> str:
    """Says that a field does not exist, or that it is a group of fields."""
    inside = [leaf for leaf in known if leaf.startswith(f"{name}.")]
    if inside:
        fields = ", ".join(inside)
        return f"--config.{name} is a group of fields; set one of {fields}."
    group = name.rpartition(".")[0]
    beside = [leaf for leaf in known if group and leaf.rpartition(".")[0] == group]
    if not beside:
        return f"the config has no field {name}{nearest(name, known, '--config.')}"
    last = [leaf.rpartition(".")[2] for leaf in beside]
    hint = nearest(name.rpartition(".")[2], last, f"--config.{group}.")
    return f"the config has no field {name}{hint}"


def _replaced(config: Any, path: list[str], value: object) -> Any:
    head, *rest = path
    if rest:
        value = _replaced(getattr(config, head), rest, value)
    return dataclasses.replace(config, **{head: value})


def _value(name: str, text: str, hint: Any) -> object:
    """Reads `text` as the type `hint`."""
    try:
        return _read_as(text.strip(), hint)
    except (ValueError, SyntaxError):
        wanted = configlib.describe(hint)
        words = f"--config.{name}={text}: {text!r} is not of type {wanted}."
        raise UsageError(words) from None


def _read_as(text: str, hint: Any) -> object:
    """Reads a bool, int, float, str, tuple of these, or None; ValueError otherwise."""
    if isinstance(hint, types.UnionType):
        return _read_union(text, typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        part = typing.get_args(hint)[0]
        return tuple(_read_as(item, part) for item in _items(text))
    if hint is bool:
        if text.lower() not in _WORDS:
            raise ValueError(text)
        return _WORDS[text.lower()]
    if hint is str and text[:1] in ("'", '"'):
        return str(ast.literal_eval(text))
    return hint(text)


def _read_union(text: str, parts: tuple[Any, ...]) -> object:
    """Reads the first member that fits; the word None where None is allowed."""
    if type(None) in parts and text.lower() == "none":
        return None
    for part in parts:
        if part is not type(None):
            try:
                return _read_as(text, part)
            except ValueError:
                continue
    raise ValueError(text)


def _items(text: str) -> list[str]:
    """Splits "(32, 64)", "[32,64]", "32,64" or "()" into its parts."""
    if text[:1] + text[-1:] in ("()", "[]"):
        text = text[1:-1]
    return [item.strip() for item in text.split(",") if item.strip()]
