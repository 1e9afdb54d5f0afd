"""A defence of the user's own, as a bare purifier in place of a recipe."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from experiments.poisoning.defences.stage import Context, OneByOne
from purifax.types import Purifier, as_pytree

__all__ = ["Own"]


@dataclass(frozen=True)
class Own(OneByOne):
    """A callable `(key, x) -> x` that purifies every image of the set by itself.

    Attributes:
        place: what it is called, "package.module:name" where it can be imported.
        call: the purifier itself.
    """

    place: str
    call: Callable[..., Any] = field(repr=False, compare=False)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        del context
        return as_pytree(self.call)
