"""Recipes of Langevin chains that start at the image.

By an energy the chain ends where it ends, as published. By a score it runs among images
with the noise of one level, and its end is denoised.
"""

import math
from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe, sample
from purifax.purify.corrupt import Noise
from purifax.purify.energy import langevin, mala
from purifax.purify.prior import Prior, States
from purifax.recipe import typed
from purifax.score import from_energy
from purifax.types import Energy, Purifier, Score

__all__ = [
    "MALA",
    "Langevin",
]


@dataclass(frozen=True)
class Steps:
    """The steps of a chain.

    Attributes:
        steps: of the chain.
        epsilon: deviation of the noise of a step, in [0, 1] pixel units: half the
            number published for images in [-1, 1].
        temperature: what divides the energy (default: that of its training).
    """

    steps: int = 10
    epsilon: float = 0.00625
    temperature: float | None = None

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", self.least())
        recipe.above(self, "epsilon", 0)
        recipe.above(self, "temperature", 0)

    def least(self) -> int:
        """The fewest steps that make sense."""
        return 1

    def sizes(self, steps: int | None = None) -> Array:
        """The step sizes, [T], of the first so many steps or of all."""
        count = self.steps if steps is None else min(steps, self.steps)
        return jnp.full(count, self.epsilon**2 / 2)

    def heat(self, prior: Prior) -> float:
        """The temperature given, or that of training; of a ladder, the noise level."""
        if self.temperature is not None:
            return self.temperature
        level = getattr(self, "level", None)
        ladder = 0.25 if level is None else level
        return ladder if prior.temperature is None else prior.temperature

    def calls(self) -> int:
        """Network evaluations of one run."""
        return self.steps + 1

    def noise_alone(self, prior: Prior) -> Noise | None:
        """The noise of all steps at once, without the energy, for a control."""
        del prior
        return Noise(sigma=self.epsilon * math.sqrt(self.steps)) if self.steps else None

    def words(self) -> str:
        """The noise in words."""
        warm = "" if self.temperature is None else f", temperature {self.temperature:g}"
        return f"noise {self.epsilon:g} a step{warm}, {self.steps} steps"


@dataclass(frozen=True)
@typed
class Langevin(Steps):
    """Langevin dynamics from the image, down an energy or by a score.

    Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525 (energies).

    Attributes:
        level: noise level of a score, among whose noised images the chain runs (default
            0.25); of an energy that was trained as a ladder, its temperature.
    """

    level: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.above(self, "level", 0)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self._chain(prior, self.sizes())

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """The first steps alone, as a surrogate."""
        return self._chain(prior, self.sizes(steps))

    def _chain(self, prior: Prior, sizes: Array) -> Partial:
        if prior.energy is not None:
            bound = {"energy": prior.energy, "step_sizes": sizes}
            return Partial(langevin, **bound, temperature=self.heat(prior))
        if self.temperature is not None:
            raise ValueError(
                "Langevin.temperature is for energies; this network gives a score."
            )
        level = 0.25 if self.level is None else self.level
        levels = jnp.full_like(sizes, level)
        return Partial(
            _among_noised, score=prior.score, sigmas=levels, step_sizes=sizes
        )

    def states(self, prior: Prior) -> States:
        """The chain's states; the reference is the clean image's chain."""
        sizes = self.sizes()
        if prior.energy is None:
            bound = self._chain(prior, sizes).keywords
            return States(Partial(_path_among_noised, **bound), None, self.steps + 1)
        chain = {"energy": prior.energy, "step_sizes": sizes}
        path = Partial(_path, **chain, temperature=self.heat(prior))
        return States(path, None, self.steps)


@dataclass(frozen=True)
@typed
class MALA(Steps):
    """Langevin dynamics down an energy, each step tested as Metropolis did (MALA)."""

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self._chain(prior, self.sizes())

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """The first steps alone, as a surrogate."""
        return self._chain(prior, self.sizes(steps))

    def _chain(self, prior: Prior, sizes: Array) -> Purifier:
        if prior.energy is None:
            raise ValueError(
                "MALA needs an energy, to accept or refuse by; this network gives a "
                "score. Use Langevin."
            )
        return Partial(
            mala,
            energy=prior.energy,
            step_sizes=sizes,
            temperature=self.heat(prior),
        )

    def states(self, prior: Prior) -> States:
        """The chain's states; the reference is the clean image's chain."""
        chain = {"energy": prior.energy, "step_sizes": self.sizes()}
        path = Partial(_path_tested, **chain, temperature=self.heat(prior))
        return States(path, None, self.steps)


def _among_noised(
    key: Array, x: Array, score: Score, sigmas: Array, step_sizes: Array
) -> Array:
    last, _ = sample.annealed_langevin(key, x, score, sigmas, step_sizes)
    return jnp.clip(last, 0.0, 1.0)


def _path(
    key: Array, x: Array, energy: Energy, step_sizes: Array, temperature: float
) -> Array:
    score, levels = from_energy(energy, temperature), jnp.zeros_like(step_sizes)
    return sample.langevin(key, x, score, levels, step_sizes)[1]


def _path_tested(
    key: Array, x: Array, energy: Energy, step_sizes: Array, temperature: float
) -> Array:
    return sample.mala(key, x, energy, step_sizes, temperature=temperature)[1]


def _path_among_noised(
    key: Array, x: Array, score: Score, sigmas: Array, step_sizes: Array
) -> Array:
    last, path = sample.annealed_langevin(key, x, score, sigmas, step_sizes)
    return jnp.concatenate([path, jnp.clip(last, 0.0, 1.0)[None]])
