"""What a network is, in the plain values of ``network.json``, and back.

The entries "module" and, outside `purifax.nets`, "kind" say how it is rebuilt:

    (none)      a module of `purifax.nets`, from its name and its "fields"
    linen       a Linen module of the user's, from "package.module:Class" and "fields"
    built       what the function "package.module:name" gives for its "arguments": a
                Linen, NNX or Equinox module, or any other callable pytree
    function    the function "package.module:name" itself, whose parameters are stored

All but the first import code, and so need trust; see `imports`.
"""

import dataclasses
import difflib
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.tree_util import Partial

from purifax import nets
from purifax.weights import imports

__all__ = ["describe", "first_line", "rebuild"]


def describe(
    network: Any,
    build: str | Callable[..., Any] = "",
    arguments: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A network as plain values, from which `rebuild` makes it again, without arrays.

    Args:
        network: a Linen module or a `Network` of one; a function, or a `Partial` of a
            function and its parameters; or, with `build`, any callable pytree.
        build: the function that makes the network, or its "package.module:name".
        arguments: plain values for `build`, by the names of its arguments.

    Raises:
        ValueError: another process could not make the network of these values.

    >>> describe(nets.MLP(num_classes=3))["module"]
    'MLP'
    """
    if isinstance(network, nets.Network):
        network = network.module
    if build:
        place = build if isinstance(build, str) else imports.place_of(build)
        plain = _json(dict(arguments or {}), place)
        return {"module": place, "kind": "built", "arguments": plain}
    if isinstance(network, nn.Module):
        return _linen(network)
    function = network.func if isinstance(network, Partial) else network
    if not hasattr(function, "__qualname__"):
        kind = type(network).__name__
        raise ValueError(
            f"a network of type {kind} is stored with the function that builds it: "
            "give build='package.module:name'."
        )
    return {"module": imports.place_of(function), "kind": "function"}


def rebuild(
    words: Mapping[str, Any],
    trust: Sequence[str] | str = (),
    folder: pathlib.Path | None = None,
) -> Any:
    """What `describe` described: a module, or a function that takes its parameters.

    Args:
        trust: modules that may be imported, beside those of `weights.trust`.
        folder: where the words were read, for the error.

    Raises:
        ValueError: `purifax.nets` has no such module, or it has no such field; or a
            module outside purifax is not trusted, cannot be imported, has no such
            name, or fails.

    >>> rebuild(describe(nets.MLP(num_classes=3))).num_classes
    3
    """
    place, kind = words["module"], words.get("kind")
    if kind is None:
        return _made(place, _ours(place), words["fields"])
    if kind not in ("linen", "built", "function"):
        raise ValueError(f"{place} is of the kind {kind!r}, which is unknown here.")
    thing = imports.trusted(place, trust, folder)
    if kind == "linen":
        return _made(place, thing, words["fields"])
    if kind == "function":
        return thing
    try:
        return thing(**words["arguments"])
    except Exception as error:  # the user's code may raise anything
        raise ValueError(first_line(f"{place} cannot be run", error)) from error


def _ours(name: str) -> Any:
    """The class of `purifax.nets` that a name means."""
    known = [n for n in nets.__all__ if n[0].isupper() and n != "Network"]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}."
        raise ValueError(f"purifax.nets has no module {name!r}; {hint}")
    return getattr(nets, name)


def _made(place: str, cls: Any, fields: Mapping[str, Any]) -> nn.Module:
    """The module of a class with these fields."""
    try:
        return cls(**{key: _field(key, value) for key, value in fields.items()})
    except TypeError as error:
        raise ValueError(f"{place} cannot be rebuilt: {error}") from error


def _linen(module: nn.Module) -> dict[str, Any]:
    """A Linen module by its class and its fields."""
    name = type(module).__name__
    ours = getattr(nets, name, None) is type(module)
    place = {"module": name}
    if not ours:
        place = {"module": imports.place_of(type(module)), "kind": "linen"}
    fields = {
        field.name: _plain(f"{name}.{field.name}", getattr(module, field.name))
        for field in dataclasses.fields(module)
        if field.init and field.name not in ("parent", "name")
    }
    return {**place, "fields": fields}


def _plain(name: str, value: Any) -> Any:
    """A field in JSON: numbers, words, lists; a dtype by its name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [_plain(name, item) for item in value]
    try:
        return jnp.dtype(value).name
    except TypeError:
        raise ValueError(
            f"{name} is {value!r:.60}, which network.json cannot hold; write a "
            "function that makes the module, and give build='package.module:name'."
        ) from None


def _field(name: str, value: Any) -> Any:
    """A field back from JSON."""
    if name.endswith("dtype") and isinstance(value, str):
        return jnp.dtype(value).type
    return (
        tuple(_field("", item) for item in value) if isinstance(value, list) else value
    )


def _json(arguments: dict[str, Any], place: str) -> dict[str, Any]:
    """The arguments of a builder, if JSON gives the same ones back."""
    try:
        back = json.loads(json.dumps(arguments))
    except (TypeError, ValueError):
        back = None
    if back is None or back != arguments:
        raise ValueError(
            f"the arguments of {place} must be numbers, words, lists and dictionaries "
            f"of these, which JSON holds; got {arguments!r:.100}."
        )
    return back


def first_line(words: str, error: Exception) -> str:
    """One line of an error that the user's code raised."""
    first = str(error).strip().partition("\n")[0]
    return f"{words}: {type(error).__name__}: {first}"
