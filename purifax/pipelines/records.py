"""What tells a job's purifier from others, also in jobs of earlier versions."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import jax

from purifax.data.files import place
from purifax.evaluation import networks
from purifax.fleet import Mismatch
from purifax.fleet.fingerprint import differences, digest
from purifax.pipelines.purifiers import is_own
from purifax.recipe.kinds import PURIFIER
from purifax.run.config import from_plain, plain
from purifax.run.recipes import find, load
from purifax.types import Purifier

__all__ = ["fingerprint", "from_defence", "record"]

_METHODS = {
    "adaptive": "ADP",
    "rounds": "Rounds",
    "detect": "Detect",
    "one_step": "OneStep",
    "diffuse": "DiffPure",
    "gradual": "LeeKim",
    "gdmp": "GDMP",
    "mimic": "Mimic",
    "likelihood": "LM",
    "scoreopt": "ScoreOpt",
    "langevin": "Langevin",
    "mala": "MALA",
    "puregen": "PureGen",
    "puregen_code": "PureGenCode",
    "jpeg": "JPEG",
    "bit_depth": "BitDepth",
}
"""The recipes of what earlier versions called the methods of a defence."""


def fingerprint(made: Any, purifier: Purifier, *places: Any) -> str:
    """sha256 of a purifier's numbers and parameters, and of the code of callables.

    Args:
        made: its recipe.
        places: of its networks, of which "package.module:name" is a callable.
    """
    own = [made.call] if hasattr(made, "place") else []
    own += [load(place) for place in places if is_own(place)]
    words = [digest(purifier), *map(networks.digest, own)]
    return hashlib.sha256("".join(words).encode()).hexdigest() if own else words[0]


def record(
    out: Any, made: Any, purifier: Purifier, build: Callable[[Any], Purifier]
) -> Mapping[str, Any]:
    """The record of a purifier, in the words of the folder's job if that has the same.

    Args:
        out: the folder of the job, on a disk or in a store.
        made: the purifier's recipe.
        purifier: what it builds.
        build: gives the purifier of another recipe with the same networks.

    Raises:
        Mismatch: an earlier version began the job, with another purifier; what differs
            is named.
    """
    path, new = place(out) / "job.json", plain(made)
    try:
        old = json.loads(path.read_text())["purifier"]
        if old == json.loads(json.dumps(new)):
            return new
        earlier = _read(old)
    except (OSError, ValueError, KeyError, TypeError):
        return new  # no job yet, or one that the fleet refuses
    if _builds(purifier, build, earlier):
        return old
    if "recipe" in old:
        return new
    different = differences(plain(earlier), json.loads(json.dumps(new)), "purifier")
    raise Mismatch(
        f"{path.parent} holds another job: {'; '.join(different)}. Give another "
        "folder, or the same job to go on with it."
    )


def _read(old: Mapping[str, Any]) -> Any:
    return from_plain(PURIFIER, old) if "recipe" in old else from_defence(old)


def _builds(purifier: Purifier, build: Callable[[Any], Purifier], made: Any) -> bool:
    """Whether a recipe builds this purifier: the same functions of the same numbers."""
    try:
        other = build(made)
    except ValueError:  # it does not fit the networks
        return False
    alike = jax.tree.structure(other) == jax.tree.structure(purifier)
    return alike and digest(other) == digest(purifier)


def from_defence(values: Mapping[str, Any]) -> Any:
    """The recipe of a purifier that an earlier version recorded as a defence.

    Raises:
        KeyError: no such method.
        ValueError: numbers that do not make a purifier.

    >>> made = from_defence({"method": "diffuse", "sigma": 0.25, "time": 0.1})
    >>> type(made).__name__, made.sigma, made.time
    ('DiffPure', None, 0.1)
    """
    cls = find(PURIFIER, _METHODS[values["method"]])
    fields = {field.name: field for field in dataclasses.fields(cls)}
    given = {
        name: _value(values[name], fields[name].type)
        for name in fields
        if values.get(name) not in (None, "", [], ())
    }
    # A defence had the fields of all methods; those that do not apply were ignored, and
    # a recipe refuses them. A time goes before the sigma that it stands for.
    perhaps = {name for name in given if fields[name].default is None} - {"strength"}
    made = cls(**{name: given[name] for name in given.keys() - perhaps})
    for name in sorted(perhaps, reverse=True):
        try:
            made = dataclasses.replace(made, **{name: given[name]})
        except ValueError:
            continue
    return made


def _value(value: Any, kind: Any) -> Any:
    """A value as the recipe's field has it: rounds and labels are numbers there."""
    if kind is int:
        return int(value[0] if isinstance(value, list | tuple) else value)
    return tuple(value) if isinstance(value, list) else value
