"""Gradual noise: rounds of diffusion from ever more noise, as Lee and Kim defend.

Source: Lee and Kim 2023, arXiv 2303.09051, section 5, and its released code.
"""

from dataclasses import dataclass

from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import noise as noises
from purifax import recipe
from purifax.purify.corrupt import Noise
from purifax.purify.descent import start_words
from purifax.purify.diffpure import IN_TIME, Sampled, gradual
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["LeeKim"]


@dataclass(frozen=True)
@typed
class LeeKim(Sampled):
    """Rounds of diffusion, each stage from its own noise (Lee and Kim).

    The `steps` are those of the longest stage; shorter ones have their share of them.

    Source: Lee and Kim 2023, arXiv 2303.09051, section 5.

    Attributes:
        sigmas: level of noise of each stage, in place of times.
        times: time of the process of each stage; default 29, 49 and 124 where no
            sigmas are given.
        repeats: rounds of each stage.
    """

    sigmas: tuple[float, ...] = ()
    times: tuple[float, ...] = ()
    repeats: tuple[int, ...] = (4, 2, 2)
    sampler: str = "ancestral"
    steps: int = 125

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.above(self, "sigmas", 0)
        recipe.above(self, "times", -1)
        if self.sigmas and self.times:
            raise ValueError(
                "LeeKim needs sigmas or times, one for each stage, and not both; got "
                f"{self.sigmas} and {self.times}."
            )
        if len(self.repeats) != len(self._starts()) or min(self.repeats) < 1:
            raise ValueError(
                "LeeKim.repeats must say 1 or more rounds for each of "
                f"{len(self._starts())} stages; got {self.repeats}."
            )
        if self.sampler == IN_TIME:
            raise ValueError(
                "LeeKim has no sampler sde_in_time; use sde, ancestral or ddim."
            )

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self._rounds(prior, self.steps)

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """With so many steps in the longest stage, as a surrogate."""
        return self._rounds(prior, steps)

    def noise_alone(self, prior: Prior) -> Noise:
        """The noise of all rounds at once, without the ways back, for a control."""
        rounds = zip(self._starts(), self.repeats, strict=True)
        return self.noise_of(prior, *(s for s, count in rounds for _ in range(count)))

    def _rounds(self, prior: Prior, steps: int) -> Purifier:
        """Rounds from each of the starts; a level is its own time."""
        stages = [
            (self.levels(prior, sigma, time, count), jnp.arange(rounds))
            for (sigma, time), count, rounds in zip(
                self._starts(), self._counts(steps), self.repeats, strict=True
            )
        ]
        return Partial(
            gradual,
            score=prior.score,
            noise=noises.EDM(width=1.0),
            stages=stages,
            sampler=self.chosen(prior),
        )

    def _starts(self) -> list[tuple[float, float | None]]:
        if self.sigmas:
            return [(sigma, None) for sigma in self.sigmas]
        return [(0.0, time) for time in self.times or (29, 49, 124)]

    def _counts(self, steps: int) -> list[int]:
        """Steps of each stage: all for the longest, and others by their share of it.

        The labels of a chain are counted from -1, its clean image.
        """
        starts = [sigma if time is None else time for sigma, time in self._starts()]
        offset = 1.0 if max(starts) > 1 else 0.0
        longest = max(starts) + offset
        return [max(1, round(steps * (start + offset) / longest)) for start in starts]

    def calls(self) -> int:
        """Network evaluations of one run."""
        counts = zip(self._counts(self.steps), self.repeats, strict=True)
        return self.each() * sum(steps * rounds for steps, rounds in counts)

    def words(self) -> str:
        """The noise and the sampler in words."""
        starts = "; ".join(start_words(*start) for start in self._starts())
        return f"{starts}, {self.sampler}, {self.steps} steps"
