"""The purifier that the card of shipped weights advises, as an evaluation has it."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from purifax.evaluation.settings import Defence, Evaluation, Subjects
from purifax.run.errors import UsageError

__all__ = ["advice", "defence", "evaluation"]


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
            without it the purifier is made from the numbers of the card.
    """
    if find is not None:
        known = find(advised["config"], (Evaluation,))
        return dataclasses.replace(known, score=name)
    plain = Evaluation(images=Subjects(name=""), score=name, classifier="")
    return dataclasses.replace(plain, defence=defence(advised))


def defence(advised: dict[str, Any]) -> Defence:
    """The purifier with the numbers of a card, which have the digits of float32.

    >>> given = {"method": "diffuse", "sigmas": [0.099999994, 0.05, 0.0]}
    >>> made = defence(given)
    >>> made.sampler, made.sigma, made.steps
    ('ancestral', 0.1, 2)
    """
    if advised["method"] == "diffuse":
        first, *rest = advised["sigmas"]
        return Defence(
            method="diffuse", sampler="ancestral", sigma=_short(first), steps=len(rest)
        )
    if advised["method"] == "langevin":
        sizes = advised["step_sizes"]
        epsilon = _short(math.sqrt(2 * sizes[0]))
        return Defence(method="langevin", epsilon=epsilon, steps=len(sizes))
    first, last = advised["levels"][0], advised["levels"][-1]
    numbers = ("sigma", "rate", "smallest", "largest", "stop")
    return Defence(
        level=first,
        last_level=None if last == first else last,
        steps=len(advised["levels"]),
        **{number: advised[number] for number in numbers},
    )


def _short(value: float) -> float:
    """Six digits: what was typed, before it was rounded to float32."""
    return float(f"{value:.6g}")
