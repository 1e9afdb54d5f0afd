"""Fields of a config from the command line: ``a.b=VALUE``, read by its annotation.

All overrides are gathered before the config is made anew, so that numbers which only
make sense together may be given in any order. ``purifier=diffpure`` takes another
recipe with its defaults, and so does ``attacks=blind,exact`` for those not there yet.
Where a config type has `default_<field>()`, recipes by name, those are the defaults.
"""

import ast
import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from purifax.recipe.kinds import Kind, is_recipe
from purifax.recipe.spelling import nearest
from purifax.run import config as configlib
from purifax.run.errors import UsageError

__all__ = ["apply"]

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def apply(config: Any, overrides: Sequence[tuple[str, str]]) -> Any:
    """Replaces fields named by dotted paths with values read by their annotations.

    Raises:
        UsageError: an unknown field, or a value of the wrong type.
        ValueError: values that the config, or a recipe in it, refuses.
    """
    if not overrides:
        return config
    draft = _Draft(config)
    for name, text in overrides:
        try:
            draft.put(name, name.split("."), text)
        except _Unknown as unknown:
            known = [leaf for leaf, *_ in configlib.leaves(config)]
            if "." not in name or name.split(".")[0] in draft.names:
                raise UsageError(str(unknown)) from None
            words = f"the config has no field {name}{nearest(name, known, '--config.')}"
            raise UsageError(words) from None
    return draft.made()


class _Unknown(UsageError):
    """A field that is not there."""


class _Draft:
    """A dataclass taken apart, to be made again once all its fields are known."""

    def __init__(self, value: Any) -> None:
        self._cls = type(value)
        self._hints = configlib.hints(self._cls)
        self._fields = {name: self._part(value, name) for name in self._hints}

    def _part(self, value: Any, name: str) -> Any:
        part, kind = getattr(value, name), configlib.kind_of(self._hints[name])
        if kind is not None and isinstance(part, Mapping):
            defaults = getattr(self._cls, f"default_{name}", dict)()
            return _Table(kind, part, defaults)
        return _opened(part)

    def put(self, full: str, path: list[str], text: str) -> None:
        """Puts the value that `text` stands for into the field at the path."""
        head, *rest = path
        if head not in self._fields:
            raise _Unknown(_unknown(full, head, self.names, self._cls))
        part, hint = self._fields[head], self._hints[head]
        if isinstance(part, _Table):
            part.put(full, rest, text)
        elif rest and isinstance(part, _Draft):
            part.put(full, rest, text)
        elif rest:
            raise UsageError(f"--config.{full}: {head} has no fields.")
        elif configlib.kind_of(hint) is not None:
            presets = getattr(self._cls, f"default_{head}", dict)()
            kind = configlib.kind_of(hint)
            self._fields[head] = _recipe(kind, full, text, presets)
        elif isinstance(part, _Draft):
            inside = ", ".join(f"{full}.{name}" for name in part.names)
            raise UsageError(
                f"--config.{full} is a group of fields; set one of {inside}."
            )
        else:
            self._fields[head] = _value(full, text, hint)

    @property
    def names(self) -> list[str]:
        """The names of the fields."""
        return list(self._fields)

    def made(self) -> Any:
        """The dataclass with its new fields."""
        return self._cls(**{name: _closed(p) for name, p in self._fields.items()})


class _Table:
    """Recipes by the user's names, in their order."""

    def __init__(self, kind: Kind, parts: Mapping[str, Any], known: Mapping) -> None:
        self._kind, self._known = kind, known
        self._parts = {name: _opened(part) for name, part in parts.items()}

    def put(self, full: str, path: list[str], text: str) -> None:
        """Names the entries, or sets an entry or a field of one."""
        if not path:
            try:
                names = _distinct(_items(text))
            except ValueError as error:
                raise UsageError(f"--config.{full}={text}: {error}.") from None
            self._parts = {name: self._entry(full, name) for name in names}
            return
        name, *rest = path
        if not rest:
            self._parts[name] = self._entry(full, text)
            return
        if name not in self._parts:
            hint = nearest(name, self._parts, f"--config.{full.partition('.')[0]}.")
            raise UsageError(f"the config has no {self._kind.word} {name!r}{hint}")
        part = self._parts[name]
        if not isinstance(part, _Draft):
            raise UsageError(f"--config.{full}: {name} is a callable, without fields.")
        part.put(full, rest, text)

    def _entry(self, full: str, name: str) -> Any:
        if name in self._parts:
            return self._parts[name]
        return _recipe(self._kind, full, name, self._known)

    def made(self) -> dict[str, Any]:
        """The recipes by name."""
        return {name: _closed(part) for name, part in self._parts.items()}


def _opened(value: Any) -> Any:
    is_group = dataclasses.is_dataclass(value) and not hasattr(value, "place")
    return _Draft(value) if is_group else value


def _closed(part: Any) -> Any:
    return part.made() if isinstance(part, _Draft | _Table) else part


def _recipe(kind: Kind | None, full: str, text: str, known: Mapping = {}) -> Any:  # noqa: B006
    """The recipe of a name with its defaults, opened; None for "none"."""
    assert kind is not None
    if text.lower() == "none":
        return None
    try:
        return _opened(configlib.make(kind, text, known))
    except ValueError as error:
        beside = [name for name in known if ":" not in text]
        if beside:
            raise UsageError(
                f"no {kind.word} is called {text!r}{nearest(text, beside)}"
            ) from None
        raise UsageError(f"--config.{full}={text}: {error}") from None


def _unknown(full: str, head: str, known: list[str], cls: type) -> str:
    """Says that a field does not exist, or whose it would be."""
    group = full.rpartition(".")[0]
    place = f"--config.{group}." if group else "--config."
    hint = nearest(head, known, place)
    if is_recipe(cls):
        return f"{cls.__name__} has no field {head}{hint}"
    return f"the config has no field {full}{hint}"


def _value(name: str, text: str, hint: Any) -> object:
    """Reads `text` as the type `hint`."""
    try:
        return _read_as(text.strip(), hint)
    except _Listed as error:
        raise UsageError(f"--config.{name}={text}: {error}.") from None
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
        if not text and part is not str:  # no number; no name may be meant as all
            return ()
        items = _items(text)
        found = tuple(_read_as(item, part) for item in items)
        return tuple(_distinct(items)) if part is str else found
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
            except _Listed:
                raise
            except ValueError:
                continue
    raise ValueError(text)


class _Listed(ValueError):
    """A list on the command line is not written as one."""


def _items(text: str) -> list[str]:
    """Splits "(32, 64)", "[32,64]", "32,64" or "()" into its parts.

    Raises:
        _Listed: there is nothing, or nothing between two commas.
    """
    if text[:1] + text[-1:] in ("()", "[]"):
        text = text[1:-1].strip()
        if not text:
            return []
    *first, last = (item.strip() for item in text.split(","))
    items = [*first, last] if last or not first else first  # "32," has one part
    if not all(items):
        raise _Listed("nothing stands between two commas" if first else _EMPTY)
    return items


_EMPTY = "a list was expected; write () for an empty one"


def _distinct(items: list[str]) -> list[str]:
    """The names of a list.

    Raises:
        _Listed: one stands there twice.
    """
    for item in items:
        if items.count(item) > 1:
            raise _Listed(f"{item} is named twice")
    return items
