"""PureGen: an energy's chain and a diffusion, one after the other, or where needed.

In the paper's terms T = (n, t, R), n Langevin steps, the diffusion from label t and R
rounds, and k the share of the images that are purified:

    EBM     `langevin` alone             (150, 0, 1)
    DDPM    the diffusion alone          (0, 75, 1)
    Naive   `puregen_rounds` with one draw      (150, 75, 1)
    Reps    `puregen_rounds` with R draws       (10, 50, 5)
    Filt    `filtered`, or `highest`     (0, 125, 1), k = 0.5

The appendix says 7 rounds where the table says 5. The diffusion is `diffuse` with
`sample.ancestral`, or as in the released program `puregen_ddpm`.

Source: Bhat et al. 2024, arXiv 2405.18627, section 3 and appendix D.2, and its code.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe, sample
from purifax.noise import Process, VPDiscrete, gaussian
from purifax.purify import descent
from purifax.purify.compose import chain, repeat
from purifax.purify.corrupt import Noise
from purifax.purify.diffpure import diffuse
from purifax.purify.diffpure_states import Sampler
from purifax.purify.energy import langevin
from purifax.purify.langevin_chains import Steps
from purifax.purify.prior import Prior
from purifax.purify.puregen_filter import filtered
from purifax.recipe import typed
from purifax.transform import remat
from purifax.types import Purifier, Score

__all__ = [
    "PureGen",
    "PureGenCode",
    "puregen_rounds",
    "puregen_ddpm",
]


@checks.checked(x=checks.in_scale)
def puregen_rounds(
    key: Array,
    x: Array,
    purifiers: Sequence[Callable[..., Array]],
    draws: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Rounds of several purifiers one after another: `repeat` of their `chain`.

    Args:
        purifiers: of one round, each with the keyword `scan`; published a bound
            `langevin` and a bound diffusion.
        draws: int [R], one a round, folded into the key.
        scan: what the gradient keeps of rounds and of steps, see `recompute`.

    Returns:
        The purified image.

    >>> halve = lambda key, x, scan: x / 2
    >>> puregen_rounds(jax.random.key(0), jnp.ones(()), [halve, halve], jnp.arange(2))
    Array(0.0625, dtype=float32)
    """
    within = [Partial(purifier, scan=scan) for purifier in purifiers]
    return repeat(key, x, Partial(chain, purifiers=within), draws, scan=scan)


@checks.checked(x=checks.in_scale)
def puregen_ddpm(
    key: Array,
    x: Array,
    score: Score,
    noise: Process,
    times: Array,
    *,
    centre: Array | float = 0.5,
    sampler: Sampler = Partial(sample.ancestral),
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """`diffuse` with PureGen's start: noised to times[0], sampled from times[1] on.

    Their program takes the image noised with label t for one of label t - 1. Without
    that it is `diffuse` with `sample.ancestral`. Bound the score by `guide.bounded`, as
    they clip the denoised image. Their network is trained on labels below 250 alone,
    the `times` of `loss.simple`.

    Args:
        times: [T + 1], T of 2 or more, from the noise to the image; published
            `jnp.arange(t, -2, -1)` of `noise.VPDiscrete`, t of 75 or 125.
        centre: of the pixels in the coordinates of the process.

    Returns:
        The purified image, clipped to [0, 1].

    Raises:
        ValueError: fewer than three times.

    >>> from purifax.noise import VPDiscrete
    >>> from purifax.score import Gaussian
    >>> x, times = jnp.full((2, 2, 1), 0.4), jnp.arange(9, -2, -1)
    >>> key, score = jax.random.key(0), Gaussian(0.6, 0.0)
    >>> puregen_ddpm(key, x, score, VPDiscrete(), times)[0, 0].round(3)
    Array([0.6], dtype=float32)
    """
    if times.shape[0] < 3:
        raise ValueError(
            "PureGen's start needs three times or more, the first to noise the image "
            f"and the others to sample back; got {times.shape[0]}."
        )
    k_noise, k_sample = jax.random.split(key)
    noised = gaussian(k_noise, x, noise.sigma(times[0])) - centre
    shrunk = noise.scale(times[0]) / noise.scale(times[1])
    start = centre + shrunk.astype(x.dtype) * noised
    sigmas = noise.sigma(times[1:])
    return jnp.clip(sampler(k_sample, start, score, sigmas, scan=scan)[0], 0.0, 1.0)


@dataclass(frozen=True)
@typed
class PureGenCode(Steps):
    """PureGen with the diffusion of the released program, which is one label off.

    At test time there is no set to rank, so the limit of the filter is the energy that
    a share `fraction` of clean validation images exceeds.

    Source: Bhat et al. 2024, arXiv 2405.18627, section 3, and its code.

    Attributes:
        steps: Langevin steps of a round, 0 or more.
        time: label to which the image is noised, from which the diffusion goes down.
        repeats: rounds of both.
        fraction: share of the images, those of highest energy, that are purified.
        limit: energy above which an image is purified; found on clean validation images
            if it is not given; only with a fraction below 1.
    """

    time: int = 75
    repeats: int = 1
    fraction: float = 1.0
    limit: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        if not isinstance(self.time, int):
            raise ValueError(
                f"{name}.time is a label of the chain, a whole number from 1; got "
                f"{self.time}."
            )
        recipe.at_least(self, "time", 1)
        recipe.at_least(self, "repeats", 1)
        recipe.at_least(self, "limit", -math.inf)
        if not 0 < self.fraction <= 1:
            raise ValueError(f"{name}.fraction must be in (0, 1]; got {self.fraction}.")

    def least(self) -> int:
        """No Langevin step is needed."""
        return 0

    @property
    def uncalibrated(self) -> bool:
        """Whether clean images must still set the limit."""
        return self.fraction < 1 and self.limit is None

    def calibrate(self, prior: Prior, images: Array) -> "PureGenCode":
        """With the limit that clean images [N, H, W, C] set, if it has any."""
        if self.fraction == 1 or self.limit is not None:
            return self
        energies = jax.lax.map(prior.energy, images, batch_size=64)
        limit = float(jnp.quantile(energies, 1 - self.fraction))
        return dataclasses.replace(self, limit=limit)

    def noise_alone(self, prior: Prior) -> Any:
        """The noise of all rounds at once, without the networks, for a control.

        Raises:
            ValueError: the score's network knows no process.
        """
        if prior.noise is None:
            raise ValueError("the score's network knows no noise process.")
        level = float(prior.noise.sigma(jnp.asarray(self.time)))
        round_ = self.steps * self.epsilon**2 + level**2
        return Noise(sigma=math.sqrt(self.repeats * round_))

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self._combined(prior, None)

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """Fewer steps of the chain, and of the diffusion as large a share."""
        return self._combined(prior, steps)

    def _diffusion(self, prior: Prior) -> Partial:
        del prior
        return Partial(puregen_ddpm)

    def _combined(self, prior: Prior, steps: int | None) -> Purifier:
        if prior.energy is None:
            raise ValueError(
                f"{type(self).__name__} needs an energy beside its score: give "
                "--config.energy, the work directory or name of one."
            )
        if not isinstance(prior.noise, VPDiscrete):
            raise ValueError(
                f"{type(self).__name__} needs the score of a chain of labels, such as "
                "cifar10_ddpm's."
            )
        labels = jnp.arange(self.time, -2, -1)
        if steps:
            labels = _thinned(labels, steps / max(self.steps, 1))
        walk = Partial(
            langevin,
            energy=prior.energy,
            step_sizes=self.sizes(steps),
            temperature=self.heat(prior),
        )
        bound = {"score": prior.score, "noise": prior.noise, "times": labels}
        purifier = Partial(
            puregen_rounds,
            purifiers=[walk, Partial(self._diffusion(prior), **bound)],
            draws=jnp.arange(self.repeats),
        )
        if self.fraction == 1:
            return purifier
        limit = 0.0 if self.limit is None else self.limit
        return Partial(filtered, purifier=purifier, energy=prior.energy, limit=limit)

    def calls(self) -> int:
        """Network evaluations of one run."""
        each = self.steps + self._labels()
        return each * self.repeats + (self.fraction < 1)

    def _labels(self) -> int:
        """Steps of the diffusion: the released one starts a label late."""
        return self.time

    def words(self) -> str:
        """The noise and the rounds in words."""
        share = f", of the {self.fraction:.0%} of highest energy"
        return (
            f"noise of {self.epsilon:g} a Langevin step and then of label "
            f"{self.time:g}, in {self.repeats} round(s)"
            f"{share if self.fraction < 1 else ''}, {self.steps} steps"
        )


@dataclass(frozen=True)
@typed
class PureGen(PureGenCode):
    """PureGen: a chain of an energy, then a diffusion from the label it was noised to.

    Source: Bhat et al. 2024, arXiv 2405.18627, section 3.

    Attributes:
        variance: of a step of the diffusion: "small", "large" or "learned".
    """

    variance: str = "small"

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.one_of(self, "variance", descent.VARIANCES)

    def _labels(self) -> int:
        return self.time + 1

    def _diffusion(self, prior: Prior) -> Partial:
        kind = descent.variance(self.variance, prior)
        return Partial(diffuse, sampler=Partial(sample.ancestral, variance=kind))


def _thinned(labels: Array, share: float) -> Array:
    """As large a share of the diffusion's steps as of the chain's, two at least."""
    steps = min(len(labels) - 1, max(2, round(share * (len(labels) - 1))))
    even = jnp.linspace(labels[0], labels[-1], steps + 1)
    return jnp.round(even).astype(labels.dtype)
