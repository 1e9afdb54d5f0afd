"""The purifier that the card of shipped weights advises, as an evaluation has it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from purifax.evaluation.settings import Evaluation, Subjects
from purifax.recipe.kinds import PURIFIER
from purifax.run.config import from_plain
from purifax.run.errors import UsageError

__all__ = ["advice", "evaluation"]


def advice(name: str) -> dict[str, Any]:
    """What the card of these weights says of purification.

    Raises:
        UsageError: it advises no purifier.
    """
    from purifax import weights

    found = weights.card(name)["purify"]
    if found is None:
        known = [other for other in weights.names() if weights.card(other)["purify"]]
        raise UsageError(
            f"the card of {name} advises no purifier; those of {', '.join(known)} do."
        )
    return found


def evaluation(
    name: str,
    advised: dict[str, Any],
    find: Callable[[str, Sequence[type]], Any] | None = None,
) -> Evaluation:
    """An evaluation with the advised purifier and these weights.

    Args:
        find: gives the config that the card names, where there are named configs;
            without it the purifier is the recipe of the card.
    """
    if find is not None:
        known = find(advised["config"], (Evaluation,))
        return dataclasses.replace(known, score=name)
    recipe = from_plain(PURIFIER, advised["purifier"])
    images = Subjects(name="")
    return Evaluation(images=images, score=name, classifier="", purifier=recipe)
