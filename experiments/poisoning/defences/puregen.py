"""PureGen: a chain of an energy, and a diffusion, of clean images of others.

In the paper's terms `PureGenEBM` and `PureGenDDPM` are one without the other,
`PureGenNaive` is one after the other, `PureGenReps` so in rounds, `PureGenFilt` the
diffusion of the images of highest energy.

Source: Bhat et al. 2024, arXiv 2405.18627.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.defences.avatar import from_label
from experiments.poisoning.defences.stage import Context, OneByOne, Purify
from purifax import purify, recipe
from purifax.evaluation.mapping import over
from purifax.purify import DiffPure, Langevin, puregen, puregen_filter
from purifax.recipe import typed
from purifax.recipe.kinds import PURIFIER
from purifax.types import Purifier

__all__ = [
    "PureGenDDPM",
    "PureGenEBM",
    "PureGenFilt",
    "PureGenNaive",
    "PureGenReps",
    "puregens",
]

ENERGY = Langevin(epsilon=0.00625, steps=150)


def ancestral(time: int) -> DiffPure:
    """Down from a label, one by one."""
    return DiffPure(time=time, steps=time + 1, sampler="ancestral")


@dataclass(frozen=True)
@typed
class PureGenEBM(OneByOne):
    """PureGen's chain of an energy alone.

    Source: Bhat et al. 2024, arXiv 2405.18627.

    Attributes:
        purifier: the chain, by the energy of the grid's `puregen`.
        steps: in place of the purifier's.
    """

    number: ClassVar[str] = "steps"

    purifier: Annotated[Any, PURIFIER] = ENERGY
    steps: int | None = None

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        asked = self.purifier
        if self.steps is not None:
            asked = replace(asked, steps=self.steps)
        return asked.build(context.prior("energy"))


@dataclass(frozen=True)
@typed
class PureGenDDPM(OneByOne):
    """PureGen's diffusion alone.

    Source: Bhat et al. 2024, arXiv 2405.18627.

    Attributes:
        purifier: the diffusion, by that of the grid's `puregen`.
        time: label to which it noises, in place of the purifier's, with steps as long.
    """

    number: ClassVar[str] = "time"

    purifier: Annotated[Any, PURIFIER] = ancestral(75)
    time: float | None = None

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        asked = from_label(self.purifier, self.time)
        return asked.build(context.prior("ddpm"))


@dataclass(frozen=True)
@typed
class PureGenNaive(OneByOne):
    """PureGen's chain of an energy, and then its diffusion.

    Source: Bhat et al. 2024, arXiv 2405.18627.

    Attributes:
        energy: the chain.
        diffusion: what follows it.
    """

    energy: Annotated[Any, PURIFIER] = ENERGY
    diffusion: Annotated[Any, PURIFIER] = ancestral(75)

    def pair(self, context: Context) -> list[Purifier]:
        """The chain and the diffusion."""
        energy, ddpm = context.prior("energy"), context.prior("ddpm")
        return [self.energy.build(energy), self.diffusion.build(ddpm)]

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        return Partial(purify.chain, purifiers=self.pair(context))


@dataclass(frozen=True)
@typed
class PureGenReps(PureGenNaive):
    """PureGen's chain and diffusion in several rounds, short ones.

    Source: Bhat et al. 2024, arXiv 2405.18627.

    Attributes:
        rounds: of both.
    """

    number: ClassVar[str] = "rounds"

    energy: Annotated[Any, PURIFIER] = replace(ENERGY, steps=10)
    diffusion: Annotated[Any, PURIFIER] = ancestral(50)
    rounds: int = 5

    def __post_init__(self) -> None:
        recipe.at_least(self, "rounds", 1)

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        pair, draws = self.pair(context), jnp.arange(self.rounds)
        return Partial(puregen.puregen_rounds, purifiers=pair, draws=draws)


@dataclass(frozen=True)
@typed
class PureGenFilt:
    """PureGen's diffusion of the images of highest energy; the others stay.

    Source: Bhat et al. 2024, arXiv 2405.18627.

    Attributes:
        share: of the images that are diffused.
        diffusion: of those.
    """

    stage: ClassVar[str] = "set"
    number: ClassVar[str] = "share"

    share: float = 0.5
    diffusion: Annotated[Any, PURIFIER] = ancestral(125)

    def __post_init__(self) -> None:
        recipe.within(self, "share", 0, 1)

    def build(self, context: Context) -> Purify:
        """The change of a set."""
        known = context.prior("energy")
        diffused = self.diffusion.build(context.prior("ddpm"))
        energy = Partial(_keyless, fn=known.energy)

        def purified(key: Array, images: np.ndarray) -> np.ndarray:
            x, index = images / np.float32(255), np.arange(len(images))
            mesh = context.trainer.mesh
            high = over(energy, mesh, context.chunk, key, index, x)
            chosen = puregen_filter.highest(jnp.asarray(high), float(self.share))
            pure = context.each(diffused)(key, images)
            return np.where(np.asarray(chosen)[:, None, None, None], pure, images)

        return purified


def puregens(
    energy: Langevin, diffusion: DiffPure, *, rounds_from: int, filter_from: int
) -> dict[str, Any]:
    """All forms of PureGen with another chain and diffusion, by name.

    Args:
        rounds_from: label from which the diffusion of `PureGenReps` goes down, with
            steps as long.
        filter_from: that of `PureGenFilt`.
    """
    few = replace(energy, steps=10), from_label(diffusion, rounds_from)
    return {
        "puregen_ebm": PureGenEBM(energy),
        "puregen_ddpm": PureGenDDPM(diffusion),
        "puregen_naive": PureGenNaive(energy, diffusion),
        "puregen_reps": PureGenReps(*few),
        "puregen_filt": PureGenFilt(diffusion=from_label(diffusion, filter_from)),
    }


def _keyless(key: Array, x: Array, fn: Callable) -> Array:
    del key
    return fn(x)
