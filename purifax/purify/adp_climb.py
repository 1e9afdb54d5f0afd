"""What the recipes of ADP and its variants share: the numbers of the climb."""

from dataclasses import dataclass, replace
from typing import Any

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import noise, recipe, schedule
from purifax.purify.curvature import by_difference, by_jvp, held
from purifax.purify.prior import Prior
from purifax.types import Perturb, Score

__all__ = ["CURVATURES", "Climb", "NOISES", "perturbation"]


NOISES = ("gaussian", "binary", "heteroscedastic")


CURVATURES = {"jvp": Partial(by_jvp), "difference": Partial(by_difference)}


def perturbation(kind: str, score: Score, level: float, slope: float | None) -> Perturb:
    """The noise of a name; `level` and `slope` (0.1) are those of "heteroscedastic"."""
    if kind == "heteroscedastic":
        bound = {"score": score, "level": level}
        return Partial(
            noise.heteroscedastic, **bound, slope=0.1 if slope is None else slope
        )
    return Partial(noise.binary if kind == "binary" else noise.gaussian)


@dataclass(frozen=True)
class Climb:
    """The adaptive steps that ADP and its variants share.

    Attributes:
        noise: kind of noise added first: gaussian, binary or heteroscedastic.
        slope: growth of heteroscedastic noise with the score (default 0.1).
        level: noise level at which the score is taken in each step.
        last_level: level of the last step, down to which the levels fall geometrically.
        steps: largest number of steps; with 0 the image is noised, and that is all.
        curvature: "jvp", exact, or "difference", the paper's finite difference.
        rate: step size as a share of the exact line search, the paper's lambda.
        smallest: lower bound of a step size.
        largest: upper bound of a step size.
        stop: step size at which an image stops for good, the paper's tau.
    """

    noise: str = "gaussian"
    slope: float | None = None
    level: float = 0.25
    last_level: float | None = None
    steps: int = 10
    curvature: str = "jvp"
    rate: float = 0.05
    smallest: float = 1e-5
    largest: float = 0.1
    stop: float = 1e-3

    def __post_init__(self) -> None:
        recipe.one_of(self, "noise", NOISES)
        recipe.one_of(self, "curvature", tuple(CURVATURES))
        recipe.only_with(self, "slope", "noise", ("heteroscedastic",))
        recipe.at_least(self, "steps", 0)
        recipe.above(self, "level", 0)
        recipe.above(self, "last_level", 0)
        recipe.above(self, "rate", 0)
        for field in ("smallest", "largest", "stop", "slope"):
            recipe.at_least(self, field, 0)
        recipe.in_order(self, "smallest", "largest")

    def bound(
        self,
        verb: Any,
        prior: Prior,
        *,
        sigma: float | None = None,
        steps: int | None = None,
        frozen: bool = False,
    ) -> Partial:
        """`adaptive`, or a verb of its kind, with these numbers."""
        curvature = CURVATURES[self.curvature]
        if frozen:
            curvature = Partial(held, curvature=curvature)
        return Partial(
            verb,
            score=prior.score,
            levels=self.levels()[:steps],
            **({} if sigma is None else {"sigma": sigma}),
            perturb=perturbation(self.noise, prior.score, self.level, self.slope),
            curvature=curvature,
            rate=self.rate,
            smallest=self.smallest,
            largest=self.largest,
            stop=self.stop,
        )

    def noise_alone(self, prior: Prior) -> Any:
        """The same noise without the steps, for a control; None if there is none."""
        del prior
        levels = getattr(self, "sigmas", ()) or (getattr(self, "sigma", 0.0),)
        return replace(self, steps=0) if any(levels) else None

    def levels(self) -> Array:
        """The level of each step, [T]."""
        if self.last_level is None or not self.steps:
            return jnp.full(self.steps, self.level)
        return schedule.geometric(self.level, self.last_level, self.steps)

    def calls(self) -> int:
        """Network evaluations of one run: two a step, and one for the noise."""
        return 2 * self.steps + (self.noise == "heteroscedastic")
