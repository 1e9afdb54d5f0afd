"""Diffusion purification: noise the image, then run a sampler back to the clean end.

The four published forms differ in the sampler and the process:

    DiffPure's SDE   sampler `sample.sde_in_time` bound to VP, or `sample.sde`
    its ODE          `sample.euler`, `sample.heun`, `sample.dpm_solver`
    its DDPM         `sample.ancestral` with `noise.VPDiscrete` and times 99 .. -1
    DDIM             `sample.ddim` on a subset of those times

Source: Nie et al. 2022, arXiv 2205.07460, eq. 5 to 7; Lee and Kim 2023,
arXiv 2303.09051, section 5 (`gradual`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jax import Array
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import noise as noises
from purifax import recipe, sample
from purifax.noise import Process
from purifax.purify import descent
from purifax.purify.compose import chain, repeat
from purifax.purify.corrupt import Noise
from purifax.purify.descent import Descent, start_words
from purifax.purify.diffpure_states import (
    Sampler,
    diffuse_in_time_path,
    diffuse_path,
    forward_path,
)
from purifax.purify.prior import Prior, States
from purifax.recipe import typed
from purifax.transform import remat
from purifax.types import Purifier, Score

__all__ = [
    "DiffPure",
    "Sampled",
    "diffuse",
    "diffuse_from",
    "diffuse_in_time",
    "gradual",
]


@checks.checked(x=checks.in_scale, sigmas=checks.listed)
def diffuse_from(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    sampler: Sampler = Partial(sample.sde),
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Noise the image to level sigmas[0], then sample down to level sigmas[-1].

    Args:
        sigmas: [T + 1], falling, in [0, 1] pixel units; ends at 0 as a rule.
        sampler: any of `sample` that takes levels, with its numbers bound.
        scan: what the gradient keeps, see `recompute`.

    Returns:
        The purified image, clipped to [0, 1].

    Raises:
        ValueError: the levels rise.

    >>> import jax, jax.numpy as jnp
    >>> from purifax.score import Gaussian
    >>> x, levels = jnp.full((2, 2, 1), 0.4), jnp.array([0.2, 0.1, 0.0])
    >>> diffuse_from(jax.random.key(0), x, Gaussian(0.6, 0.0), levels)[0, 0].round(3)
    Array([0.6], dtype=float32)
    """
    return diffuse_path(key, x, score, sigmas, sampler=sampler, scan=scan)[-1]


@checks.checked(x=checks.in_scale)
def diffuse(
    key: Array,
    x: Array,
    score: Score,
    noise: Process,
    times: Array,
    *,
    sampler: Sampler = Partial(sample.sde),
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """`diffuse_from` the levels that a process has at these times.

    Args:
        times: [T + 1], from the noise to the image, of the process's own clock; for
            CIFAR-10 under Linf 8/255, `VP()` from 0.1 to 0 in 100 steps.

    Returns:
        The purified image, clipped to [0, 1].

    >>> import jax, jax.numpy as jnp
    >>> from purifax.noise import VP
    >>> from purifax.score import Gaussian
    >>> x, times = jnp.full((2, 2, 1), 0.4), jnp.linspace(0.1, 0.0, 4)
    >>> key = jax.random.key(0)
    >>> diffuse(key, x, Gaussian(0.6, 0.0), VP(), times)[0, 0].round(3)
    Array([0.6], dtype=float32)
    """
    sigmas = noise.sigma(times)
    return diffuse_from(key, x, score, sigmas, sampler=sampler, scan=scan)


@checks.checked(x=checks.in_scale)
def diffuse_in_time(
    key: Array,
    x: Array,
    score: Score,
    noise: Process,
    times: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """DiffPure's own discretisation: Euler and Maruyama in the time of the process.

    Args:
        times: [T + 1], falling, floats; published from 0.1 to 1e-5 in 100 steps. The
            last may be 0, never the one before.

    Returns:
        The purified image, clipped to [0, 1].

    >>> import jax, jax.numpy as jnp
    >>> from purifax.noise import VP
    >>> from purifax.score import Gaussian
    >>> x, times = jnp.full((2, 2, 1), 0.4), jnp.linspace(0.1, 1e-5, 4)
    >>> diffuse_in_time(jax.random.key(0), x, Gaussian(0.6, 0.0), VP(), times).shape
    (2, 2, 1)
    """
    return diffuse_in_time_path(key, x, score, noise, times, scan=scan)[-1]


@checks.checked(x=checks.in_scale)
def gradual(
    key: Array,
    x: Array,
    score: Score,
    noise: Process,
    stages: Sequence[tuple[Array, Array]],
    *,
    sampler: Sampler = Partial(sample.ancestral),
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Rounds of `diffuse` from rising noise: `chain` and `repeat` of it.

    Args:
        stages: pairs of times [T + 1] and draws [R]: the rounds, R in number, in which
            those times are gone through. Published for CIFAR-10, with T + 1 times down
            to -1 of `noise.VPDiscrete`: from 29 in 4 rounds, 49 in 2, 124 in 2.

    Returns:
        The purified image, in [0, 1].

    >>> import jax, jax.numpy as jnp
    >>> from purifax.noise import VPDiscrete
    >>> from purifax.score import Gaussian
    >>> small, more = jnp.array([9, 4, -1]), jnp.array([19, -1])
    >>> stages = [(small, jnp.arange(2)), (more, jnp.arange(1))]
    >>> x, key = jnp.full((2, 2, 1), 0.4), jax.random.key(0)
    >>> gradual(key, x, Gaussian(0.6, 0.0), VPDiscrete(), stages)[0, 0].round(3)
    Array([0.6], dtype=float32)
    """
    bound = {"score": score, "noise": noise, "sampler": sampler, "scan": scan}
    purifiers = [Partial(diffuse, times=times, **bound) for times, _ in stages]
    rounds = [
        Partial(repeat, purifier=purifier, draws=draws, scan=scan)
        for purifier, (_, draws) in zip(purifiers, stages, strict=True)
    ]
    return chain(key, x, rounds)


IN_TIME = "sde_in_time"


@dataclass(frozen=True)
class Sampled(Descent):
    """A descent by a sampler of one's choice.

    Attributes:
        sampler: ancestral, ddim, sde, euler, heun, dpm_solver or sde_in_time, which
            is DiffPure's own.
        eta: share of fresh noise; only with sampler ddim (default 0).
        variance: "small", "large" or "learned"; only with sampler ancestral (default
            small).
    """

    sampler: str = "sde"
    eta: float | None = None
    variance: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.one_of(self, "sampler", (*descent.SAMPLERS, IN_TIME))
        recipe.only_with(self, "eta", "sampler", ("ddim",))
        recipe.only_with(self, "variance", "sampler", ("ancestral",))
        recipe.within(self, "eta", 0, 1)
        if self.variance is not None:
            recipe.one_of(self, "variance", descent.VARIANCES)
        if self.sampler == IN_TIME:
            recipe.one_of(self, "spacing", ("time",))

    def chosen(self, prior: Prior) -> Partial:
        """The sampler, with its variance and eta."""
        kind = descent.variance(self.variance, prior)
        return descent.sampler(self.sampler, variance=kind, eta=self.eta or 0.0)

    def each(self) -> int:
        """Network evaluations of one step."""
        return descent.CALLS.get(self.sampler, 1)


@dataclass(frozen=True)
@typed
class DiffPure(Sampled):
    """Noise of a diffusion, and a sampler back to the image (DiffPure).

    Source: Nie et al. 2022, arXiv 2205.07460.

    Attributes:
        sigma: noise added, in [0, 1] pixel units (default 0.25 where no time is given).
        time: time of the process up to which the image is noised, in place of sigma.
    """

    sigma: float | None = None
    time: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.above(self, "sigma", 0)
        recipe.above(self, "time", -1)
        if self.sigma is not None and self.time is not None:
            raise ValueError(
                f"DiffPure starts at a sigma or at a time; got sigma={self.sigma} and "
                f"time={self.time}. Set one of them to None."
            )

    @property
    def start(self) -> float:
        """The level of noise where no time is given."""
        return 0.25 if self.sigma is None else self.sigma

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self._one(prior, self.steps)

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """As few steps over the whole way, as a surrogate."""
        return self._one(prior, steps)

    def _one(self, prior: Prior, steps: int) -> Partial:
        """One way down."""
        if self.sampler != IN_TIME:
            sigmas = self.levels(prior, self.start, self.time, steps)
            bound = {"score": prior.score, "sigmas": sigmas}
            return Partial(diffuse_from, **bound, sampler=self.chosen(prior))
        process = self.clock(prior)
        if isinstance(process, noises.VPDiscrete):
            raise ValueError(
                "sampler=sde_in_time needs a process in continuous time, such as "
                "process=VP; this one is a chain of labels."
            )
        times = self.even_times(process, self.start, self.time, steps)
        return Partial(diffuse_in_time, score=prior.score, noise=process, times=times)

    def noise_alone(self, prior: Prior) -> Noise | None:
        """The same noise without the way back, for a control."""
        return self.noise_of(prior, (self.start, self.time))

    def states(self, prior: Prior) -> States:
        """The way down, and the way up of the image with the same noise."""
        bound = self._one(prior, self.steps).keywords
        if "sigmas" in bound:
            path = Partial(diffuse_path, **bound)
            reference = Partial(forward_path, sigmas=bound["sigmas"])
        else:
            path = Partial(diffuse_in_time_path, **bound)
            sigmas = bound["noise"].sigma(bound["times"])
            reference = Partial(forward_path, sigmas=sigmas)
        return States(path, reference, self.steps)

    def calls(self) -> int:
        """Network evaluations of one run."""
        return self.each() * self.steps

    def words(self) -> str:
        """The noise and the sampler in words."""
        start = start_words(self.start, self.time)
        return f"{start}, {self.sampler}, {self.steps} steps"
