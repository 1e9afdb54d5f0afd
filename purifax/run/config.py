"""Configs as plain JSON and back, and what differs between two.

A config is a frozen dataclass of numbers, names, tuples, other such dataclasses and
recipes. The outermost one carries a class attribute `kind`, which ``config.json``
records. A field that holds a recipe is annotated with its `recipe.Kind`,

    purifier: Annotated[Any, PURIFIER]
    attacks: Annotated[Mapping[str, Any], ATTACK]       # by the user's names

and its JSON is {"recipe": "ADP", "sigma": 0.25, ...}.
"""

import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from purifax.recipe import annotations
from purifax.recipe.kinds import Kind, is_recipe
from purifax.run.recipes import find, is_built_in, own, place
from purifax.run.recipes import known as of_kind

__all__ = [
    "decode",
    "describe",
    "differences",
    "encode",
    "flat",
    "from_plain",
    "hints",
    "kind_of",
    "leaves",
    "make",
    "plain",
]


def encode(config: Any) -> dict[str, Any]:
    """Gives the JSON form of a config: its fields, and its type under "kind".

    Raises:
        ValueError: the object is not a config.
    """
    kind = getattr(type(config), "kind", None)
    if not isinstance(kind, str) or not dataclasses.is_dataclass(config):
        raise ValueError(f"{type(config).__name__} is not a config type.")
    return {"kind": kind, **_fields(config)}


def plain(value: Any) -> Any:
    """A field's value in plain JSON terms; a recipe keeps its name under "recipe"."""
    if hasattr(value, "place"):  # a bare callable of the user's
        return {"recipe": value.place}
    if is_recipe(value):
        return {"recipe": place(type(value)), **_fields(value)}
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def _fields(value: Any) -> dict[str, Any]:
    return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}


def decode(values: dict[str, Any], known: Sequence[type]) -> Any:
    """Gives back the config of `encode`; modules of the user's recipes are imported.

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


def hints(cls: type) -> dict[str, Any]:
    """The annotations of a dataclass's fields, class attributes left out."""
    found = typing.get_type_hints(cls, include_extras=True)
    return {field.name: found[field.name] for field in dataclasses.fields(cls)}


def kind_of(hint: Any) -> Kind | None:
    """The kind of recipe that a field holds, None if it holds something else."""
    marks = getattr(hint, "__metadata__", ())
    return next((mark for mark in marks if isinstance(mark, Kind)), None)


def _construct(cls: type, values: Mapping[str, Any]) -> Any:
    """Builds dataclass `cls` from its JSON fields, nested ones included."""
    known = hints(cls)
    extra = sorted(set(values) - set(known))
    if extra:
        raise ValueError(f"{cls.__name__} has no field {', '.join(extra)}.")
    made = {name: _read(known[name], value) for name, value in values.items()}
    return cls(**made)


def _read(hint: Any, value: Any) -> Any:
    kind = kind_of(hint)
    if kind is not None and isinstance(value, dict):
        if "recipe" in value:
            return from_plain(kind, value)
        return {name: item and from_plain(kind, item) for name, item in value.items()}
    if kind is not None and isinstance(value, list):
        return tuple(from_plain(kind, item) for item in value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        fields = {name: item for name, item in value.items() if name != "recipe"}
        return _construct(typing.cast(type, hint), fields)
    return _tuples(value)


def from_plain(kind: Kind, values: Mapping[str, Any]) -> Any:
    """The recipe of the JSON that `plain` gave of it.

    Raises:
        ValueError: there is no such recipe, or it has other fields.

    >>> from purifax.recipe.kinds import PURIFIER
    >>> from_plain(PURIFIER, {"recipe": "JPEG", "quality": 50}).quality
    50
    """
    fields = {name: value for name, value in values.items() if name != "recipe"}
    found = find(kind, values["recipe"])
    if isinstance(found, type) and is_recipe(found):
        return _construct(found, fields)
    return found if is_recipe(found) else own(kind, values["recipe"], found)


def _tuples(value: Any) -> Any:
    """JSON has lists only; configs have tuples only."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def make(kind: Kind, name: str, presets: Mapping[str, Any] | None = None) -> Any:
    """The recipe of a name, with its defaults.

    A number may follow the name of a recipe that says by `number` which of its fields
    that is: "jpeg:75". Of a kind with a recipe `Joined`, names may be joined by "+".

    Args:
        presets: recipes with numbers of their own, by name, in place of the defaults.

    Raises:
        ValueError: there is none of this name, or it cannot be made without numbers.
    """
    presets = presets or {}
    if name in presets:
        return presets[name]
    if "+" in name and "Joined" in of_kind(kind):
        parts = tuple(make(kind, part, presets) for part in name.split("+"))
        return of_kind(kind)["Joined"](parts=parts)
    stem, _, number = name.partition(":")
    if number[:1].isdigit() or (number and is_built_in(kind, stem)):
        return _numbered(make(kind, stem, presets), stem, number)
    found = find(kind, name)
    if isinstance(found, type) and is_recipe(found):
        try:
            return found()
        except TypeError as error:
            raise ValueError(f"{name} cannot be made by its name: {error}.") from None
    if is_recipe(found):
        return found
    if not callable(found):
        raise ValueError(f"{name} is a {type(found).__name__}; name a {kind.word}.")
    return own(kind, name, found)


def _numbered(recipe: Any, stem: str, number: str) -> Any:
    """The recipe with the number that follows its name."""
    field = getattr(recipe, "number", None)
    if field is None:
        raise ValueError(f"no number may follow {stem}; got {stem}:{number}.")
    whole = "float" not in describe(hints(type(recipe))[field])
    try:
        value = int(number) if whole else float(number)
    except ValueError:
        wanted = "a whole number" if whole else "a number"
        raise ValueError(
            f"{wanted} may follow {stem}, its {field}; got {stem}:{number}."
        ) from None
    return dataclasses.replace(recipe, **{field: value})


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields (dotted name, annotation, value) of every plain field of a config.

    A recipe is a leaf itself, whose value is its name, beside its fields; so is a
    mapping of recipes, whose value is their names.
    """
    for name, hint in hints(type(config)).items():
        value, full = getattr(config, name), f"{prefix}{name}"
        if kind_of(hint) is not None:
            yield full, hint, _named(value)
            parts = value if isinstance(value, Mapping) else {"": value}
            for part, item in parts.items():
                inside = f"{full}.{part}" if part else full
                if part:
                    yield inside, hint, _named(item)
                if is_recipe(item) and not hasattr(item, "place"):
                    yield from leaves(item, f"{inside}.")
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from leaves(value, f"{full}.")
        else:
            yield full, hint, value


def _named(value: Any) -> Any:
    """What stands for a recipe, or for several, among plain values."""
    if isinstance(value, Mapping):
        return tuple(value)
    if isinstance(value, tuple):
        return tuple(map(_named, value))
    if value is None:
        return None
    return value.place if hasattr(value, "place") else place(type(value))


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The JSON of a config by dotted names; that of a recipe is its own name.

    >>> flat({"purifier": {"recipe": "ADP", "sigma": 0.1}, "keys": 3})
    {'purifier': 'ADP', 'purifier.sigma': 0.1, 'keys': 3}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name == "recipe" and prefix:
            found[prefix.removesuffix(".")] = value
        elif isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def differences(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    """Lists (dotted name, old value, new value) of the fields that differ.

    Each is a config, or its JSON as `encode` gave it, with tuples or lists. A field
    that the old JSON does not have yet counts as its default. Of a recipe that is
    another one only the name is listed.
    """
    befores, afters = (_flat(one) for one in (old, new))
    if befores["kind"] != afters["kind"]:
        return [("kind", befores["kind"], afters["kind"])]
    if not isinstance(new, Mapping):
        known = {name: plain(value) for name, value in _defaults(new).items()}
        befores = {n: known[n] for n in afters if n in known} | befores
    names = list(dict.fromkeys([*befores, *afters]))
    pairs = [(name, befores.get(name), afters.get(name)) for name in names]
    found = [pair for pair in pairs if pair[1] != pair[2]]
    changed = tuple(f"{name}." for name, *_ in found)
    return [pair for pair in found if not pair[0].startswith(changed)]


def _flat(config: Any) -> dict[str, Any]:
    return flat(plain(config) if isinstance(config, Mapping) else encode(config))


def _defaults(config: Any, prefix: str = "") -> dict[str, Any]:
    """The defaults of a config's plain fields, by dotted names."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value, full = getattr(config, field.name), f"{prefix}{field.name}"
        parts = value if isinstance(value, Mapping) else {"": value}
        for part, item in parts.items():
            if dataclasses.is_dataclass(item) and not hasattr(item, "place"):
                found |= _defaults(item, f"{full}.{part}." if part else f"{full}.")
        if field.default is not dataclasses.MISSING:
            found[full] = field.default
    return found


def describe(hint: Any) -> str:
    """Gives the words for an annotation in an error message: "int or None"."""
    kind = kind_of(hint)
    if kind is not None:
        return f"the name of a {kind.word}"
    return annotations.describe(hint)
