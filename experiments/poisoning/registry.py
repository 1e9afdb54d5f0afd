"""From the name of a poison to perturbations of the victim's images.

`METHODS` lists them. A poison may be named with a number, "narcissus:3": the class that
a trigger is for, or which test image of its class a target is. Each is a poison of its
own.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.poisoning import (
    adaptive_em,
    backdoor,
    deepconfuse,
    em_rem_tue,
    network_free,
    ntga,
    tap_hypo_sep_dune,
)
from experiments.poisoning import (
    targeted as targeting,
)
from experiments.poisoning.config_crafting import Crafting
from experiments.poisoning.context import Method, Setting
from experiments.training.networks import one_of
from purifax import data
from purifax.poison import Poison

__all__ = ["METHODS", "Named", "Setting", "check", "made", "named", "told", "triggered"]

METHODS: dict[str, Method] = {
    **network_free.METHODS,
    **tap_hypo_sep_dune.METHODS,
    **em_rem_tue.METHODS,
    **adaptive_em.METHODS,
    **deepconfuse.METHODS,
    **ntga.METHODS,
    **backdoor.METHODS,
    **targeting.METHODS,
}
"""Poisons by name; `made` calls one."""


@dataclass(frozen=True)
class Named:
    """A method, and the number given with it."""

    method: str
    number: int | None = None

    @property
    def targeted(self) -> bool:
        """Whether it is for one test image."""
        return self.method in targeting.METHODS

    @property
    def triggered(self) -> bool:
        """Whether a trigger sets it off."""
        return self.method in backdoor.TRIGGERS


def named(name: str, field: str = "method") -> Named:
    """The method and number of a name.

    Raises:
        ValueError: an unknown method, or a number that is none or means nothing.

    >>> named("narcissus:3")
    Named(method='narcissus', number=3)
    """
    method, colon, number = name.partition(":")
    found = Named(one_of(field, method, tuple(METHODS)))
    if not colon:
        return found
    if not number.isdigit() or not (found.targeted or found.triggered):
        numbered = ", ".join((*backdoor.METHODS, *targeting.METHODS))
        raise ValueError(
            f"{field} is {name!r}: a whole number may follow {numbered} alone."
        )
    return replace(found, number=int(number))


def numbered(name: str, setting: Setting) -> tuple[Named, Setting]:
    """A poison's name, and the setting with its number in its place."""
    found = named(name)
    if found.number is None:
        return found, setting
    field = "target_image" if found.targeted else "target"
    given = replace(setting.crafting, **{field: found.number})
    return found, replace(setting, crafting=given)


def check(name: str, given: Crafting, field: str = "method") -> None:
    """Refuses what can be known to be wrong before any image is read.

    Raises:
        ValueError: an unknown method, a share outside (0, 1], a radius outside it.
    """
    named(name, field)
    for number in ("rate", "trigger_rate", "radius"):
        if not 0 < getattr(given, number) <= 1:
            raise ValueError(
                f"crafting.{number} must be in (0, 1]; got {getattr(given, number)}."
            )


def made(name: str, setting: Setting) -> Poison:
    """The poison of a name.

    Raises:
        ValueError: an unknown method, or numbers that it cannot be made with.
    """
    check(name, setting.crafting)
    found, setting = numbered(name, setting)
    return METHODS[found.method](found.method, setting)


def told(name: str, setting: Setting) -> dict[str, Any]:
    """Whom a poison is for, in words for JSON; empty where it is for nobody."""
    found, setting = numbered(name, setting)
    if found.targeted:
        aim = targeting.target(setting)
        assert setting.test is not None
        number = int(setting.test.index[aim.position])
        return {"target": {"index": number, "label": aim.label, "wanted": aim.wanted}}
    return {"target": {"wanted": setting.crafting.target}} if found.triggered else {}


def triggered(
    name: str, setting: Setting, test: data.Images, delta: np.ndarray
) -> np.ndarray | None:
    """Test images with the trigger of a poison, uint8; None where it has none.

    Args:
        delta: the perturbations of the poison, [P, H, W, C].
    """
    found, setting = numbered(name, setting)
    return backdoor.triggered(found.method, setting, test, delta)
