"""What attacks by gradients have in common: their budget, and which iterate is kept."""

from dataclasses import dataclass
from typing import Any

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import classify, recipe
from purifax.attack.selection import best_iterate, best_of_restarts
from purifax.attack.starts import STARTS
from purifax.recipe.kinds import settings
from purifax.threat import Threat
from purifax.types import Attack, Loss, Model

__all__ = ["LOSSES", "Ascent", "Budget", "check_at_once"]

LOSSES = {
    "cross_entropy": Partial(classify.cross_entropy),
    "margin": Partial(classify.margin),
    "dlr": Partial(classify.dlr),
}
"""Losses by name, as recipes write them."""


def check_at_once(made: Any) -> None:
    """Refuses EOT samples that do not divide into groups of `at_once`.

    Raises:
        ValueError: they do not.
    """
    if made.at_once is not None and not 0 < made.at_once <= made.eot:
        raise ValueError(
            f"at_once must be from 1 to eot={made.eot}; got {made.at_once}."
        )
    if made.at_once and made.eot % made.at_once:
        raise ValueError(f"at_once={made.at_once} does not divide eot={made.eot}.")


@dataclass(frozen=True)
class Budget:
    """Iterations along a gradient.

    Attributes:
        steps: iterations.
        step_size: of an iteration, as a share of the radius.
        start: where it begins: random, surface (random, at the radius) or image.
        loss: what is climbed: cross_entropy, margin or dlr.
    """

    steps: int = 40
    step_size: float = 0.25
    start: str = "random"
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", 1)
        recipe.at_least(self, "step_size", 0)
        recipe.one_of(self, "start", tuple(STARTS))
        recipe.one_of(self, "loss", tuple(LOSSES))

    def common(self, threat: Threat) -> dict[str, Any]:
        """The keywords that every iterative attack takes."""
        return {
            "threat": threat,
            "loss": LOSSES[self.loss],
            "start": STARTS[self.start],
        }

    def sizes(self, threat: Threat) -> Array:
        """The step sizes in pixel units, [T]."""
        return jnp.full(self.steps, self.step_size * threat.radius)


@dataclass(frozen=True)
class Ascent(Budget):
    """Iterations along a gradient of several EOT samples, with a choice of iterates.

    Of the last iterate and `candidates` - 1 earlier ones, spread evenly, and of all
    restarts, the one of highest expected loss is kept.

    Attributes:
        eot: EOT samples averaged in each gradient.
        at_once: samples in memory together in a gradient (default: all).
        restarts: independent starts.
        candidates: iterates to choose among; with 1 it is the last.
        judge: fresh purification samples by which candidates are judged.
    """

    eot: int = 1
    at_once: int | None = None
    restarts: int = 1
    candidates: int = 1
    judge: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("eot", "restarts", "candidates", "judge"):
            recipe.at_least(self, field, 1)
        check_at_once(self)

    def selected(self, once: Attack, path: Partial, judge: Model, loss: Loss) -> Attack:
        """An attack, with the best of some iterates and of some restarts if asked for.

        Args:
            once: the attack whose last iterate is returned.
            path: the same with all iterates.
        """
        if self.candidates > 1:
            apart = -self.steps / self.candidates
            places = [round(self.steps + i * apart) for i in range(self.candidates)]
            once = Partial(
                best_iterate,
                path=path,
                judge=judge,
                candidates=jnp.array(places, jnp.int32),
                loss=loss,
            )
        if self.restarts == 1:
            return once
        return Partial(
            best_of_restarts,
            attack=once,
            judge=judge,
            restarts=jnp.arange(self.restarts),
            loss=loss,
        )

    def climbed(self, one: int, steps: int) -> int:
        """Forward passes of so many steps in all restarts, and of the judge.

        Args:
            one: of the model for one sample.
        """
        judged = self.candidates if self.candidates > 1 else 0
        total = self.restarts * (steps * one * self.eot + judged * one * self.judge)
        more = self.restarts * one * self.judge if self.restarts > 1 else 0
        return total + more

    def budget(self) -> dict[str, Any]:
        """The fields as a report shows them, without a judge that judges nothing."""
        found = settings(self)
        if self.candidates == self.restarts == 1:
            del found["judge"]
        return found
