"""The stages of a defence, from its recipe, and the file names of purified sets."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from experiments.poisoning.defences.joined import parts_of
from experiments.poisoning.defences.stage import stage_of
from purifax.run.config import plain

__all__ = ["NONE", "ORACLE", "Plan", "plan", "short"]

NONE, ORACLE = "none", "oracle removal"
"""Rows of a grid that are no defences: the set as it is, and without all poisons."""


@dataclass(frozen=True)
class Plan:
    """The recipes of a defence, by where they act.

    Attributes:
        once: what is done to the set, in this order.
        batches: what is done to every batch.
        training: what is done to the set in the course of the training.
    """

    once: tuple[Any, ...] = ()
    batches: tuple[Any, ...] = ()
    training: tuple[Any, ...] = ()

    @property
    def purified(self) -> str:
        """A name for what is done to the set, the same for equal parts."""
        return "+".join(map(short, self.once))


def plan(defence: Any) -> Plan:
    """Sort the parts of a defence by stage; None has no parts.

    Raises:
        ValueError: a part acts nowhere.
    """
    found: dict[str, list[Any]] = {"set": [], "batch": [], "training": []}
    for part in parts_of(defence):
        stage = stage_of(part)
        if stage not in found:
            raise ValueError(
                f"{type(part).__name__}.stage is {stage!r}; known: {', '.join(found)}."
            )
        found[stage].append(part)
    return Plan(*map(tuple, found.values()))


def short(recipe: Any) -> str:
    """The name of a recipe with its number, for files: "jpeg:75".

    Where other fields are set too, a mark of all fields follows.

    >>> from experiments.poisoning.defences.images import JPEG
    >>> short(JPEG(quality=50))
    'jpeg:50'
    """
    if hasattr(recipe, "place"):
        return recipe.place
    cls = type(recipe)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
    field = getattr(cls, "number", None)
    value = getattr(recipe, field) if field else None
    if value is not None:
        name = f"{name}:{value:g}"
    try:
        if recipe == cls(**({field: value} if field else {})):
            return name
    except TypeError:  # a field without a default
        pass
    text = json.dumps(plain(recipe), sort_keys=True)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
