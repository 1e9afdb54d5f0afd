"""Several defences as one: first what changes the set, then what changes batches."""

from dataclasses import dataclass
from typing import Annotated, Any

from experiments.poisoning.config import SET_DEFENCE
from experiments.poisoning.defences.stage import Context, stage_of

__all__ = ["Joined", "Several", "parts_of"]


class Several:
    """A defence of several parts, in their order; those that change the set first."""

    parts: Any

    def build(self, context: Context) -> tuple[Any, ...]:
        """What each part gives."""
        return tuple(part.build(context) for part in parts_of(self))


@dataclass(frozen=True)
class Joined(Several):
    """Several defences, in their order: "jpeg:75+cutout:4".

    Attributes:
        parts: recipes; those that change the set come first.
    """

    parts: Annotated[tuple[Any, ...], SET_DEFENCE]

    def __post_init__(self) -> None:
        parts = parts_of(self)
        early = [stage_of(part) == "set" for part in parts]
        if sorted(early, reverse=True) != early:
            names = [type(part).__name__ for part in parts if stage_of(part) == "set"]
            raise ValueError(
                "a defence changes the set after a part that changes batches; put "
                f"{', '.join(names)} first."
            )


def parts_of(defence: Any) -> tuple[Any, ...]:
    """The recipes that a defence is made of; a simple one is its only part.

    >>> parts_of(None)
    ()
    """
    if defence is None:
        return ()
    if not hasattr(defence, "parts"):
        return (defence,)
    return tuple(one for part in defence.parts for one in parts_of(part))
