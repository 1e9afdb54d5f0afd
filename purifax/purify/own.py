"""A purifier of the user's own, as a bare function in place of a recipe."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jax.tree_util import Partial

from purifax.purify.prior import Prior
from purifax.types import Purifier, as_pytree

__all__ = ["Own"]


@dataclass(frozen=True)
class Own:
    """A callable `(key, x) -> x`; `score`, `noise` and `energy` are given if it asks.

    It asks by a parameter of that name without a default.

    Attributes:
        place: what it is called, "package.module:name" where it can be imported.
        call: the purifier itself.
    """

    place: str
    call: Callable[..., Any] = field(repr=False, compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        """The parts of the prior that it asks for."""
        return tuple(n for n in ("score", "noise", "energy") if n in self._asked())

    def _asked(self) -> list[str]:
        known = inspect.signature(self.call).parameters.values()
        return [p.name for p in known if p.default is inspect.Parameter.empty]

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        given = {name: getattr(prior, name) for name in self.needs}
        bare = as_pytree(self.call)
        return Partial(bare, **given) if given else bare

    def calls(self) -> None:
        """Its network evaluations are not known."""

    def words(self) -> str:
        """Its name."""
        return self.place
