"""An attack of the user's own, as a bare function in place of a recipe."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jax.tree_util import Partial

from purifax.attack.target import Target
from purifax.threat import Threat
from purifax.types import Attack, as_pytree

__all__ = ["Own"]


@dataclass(frozen=True)
class Own:
    """A callable `(key, x, label) -> x_adv`, given what it asks for by name.

    By parameters without a default: `model`, `(key, x) -> logits [K]` of one
    purification sample with its exact gradient; `threat`; `purifier`; `classifier`;
    `score`. What it returns is projected into the threat's set.

    Attributes:
        place: what it is called, "package.module:name" where it can be imported.
        call: the attack itself.
    """

    place: str
    call: Callable[..., Any] = field(repr=False, compare=False)
    reported = "own"

    @property
    def title(self) -> str:
        """What a report calls the attack."""
        return self.place.rpartition(":")[2]

    def _asked(self) -> list[str]:
        known = inspect.signature(self.call).parameters.values()
        return [p.name for p in known if p.default is inspect.Parameter.empty]

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        known: dict[str, Callable[[], Any]] = {
            "model": target.one_sample,
            "threat": lambda: threat,
            "purifier": target.exact,
            "classifier": lambda: target.classifier,
            "score": lambda: target.score,
        }
        given = {name: known[name]() for name in self._asked() if name in known}
        bare = as_pytree(self.call)
        bound = Partial(bare, **given) if given else bare
        return Partial(_projected, attack=bound, threat=threat)

    def calls(self, one: int, answers: int) -> None:
        """Its forward passes are not known."""


def _projected(key: Any, x: Any, label: Any, attack: Attack, threat: Threat) -> Any:
    return threat.project(attack(key, x, label), x)
