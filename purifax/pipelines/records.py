"""What tells a job's purifier from others."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import jax

from purifax.evaluation import networks
from purifax.fleet import load
from purifax.fleet.fingerprint import digest
from purifax.pipelines.purifiers import is_own
from purifax.recipe.kinds import PURIFIER
from purifax.run import recipes
from purifax.run.config import from_plain, plain
from purifax.types import Purifier

__all__ = ["fingerprint", "record"]


def fingerprint(made: Any, purifier: Purifier, *places: Any) -> str:
    """sha256 of a purifier's numbers and parameters, and of the code of callables.

    Args:
        made: its recipe.
        places: of its networks, of which "package.module:name" is a callable.
    """
    own = [made.call] if hasattr(made, "place") else []
    own += [
        recipes.load(place)
        for place in places
        if isinstance(place, str) and is_own(place)
    ]
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
    """
    new = plain(made)
    try:
        old = load(out).purifier
        if old == json.loads(json.dumps(new)):
            return new
        earlier = from_plain(PURIFIER, old)
    except (OSError, ValueError, KeyError, TypeError):
        return new  # no job yet, or one that the fleet refuses
    return old if _builds(purifier, build, earlier) else new


def _builds(purifier: Purifier, build: Callable[[Any], Purifier], made: Any) -> bool:
    """Whether a recipe builds this purifier: the same functions of the same numbers."""
    try:
        other = build(made)
    except ValueError:  # it does not fit the networks
        return False
    alike = jax.tree.structure(other) == jax.tree.structure(purifier)
    return alike and digest(other) == digest(purifier)
