"""How diffusion purifiers come down from noise: samplers, levels and variances by name.

A start is a level of noise, `sigma`, or a `time` of a process. From there `steps` steps
go down to the clean image, evenly in the process's time, evenly in sigma, or by
Karras's rule. The times of a chain of labels are its labels; -1 is the clean image.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import noise, recipe, sample, schedule
from purifax.noise import Process, names
from purifax.purify.corrupt import Noise
from purifax.purify.prior import Prior
from purifax.sample.ddpm import Variance

__all__ = [
    "CALLS",
    "SAMPLERS",
    "Descent",
    "VARIANCES",
    "sampler",
    "start_words",
    "variance",
]

SAMPLERS = {
    "ancestral": sample.ancestral,
    "ddim": sample.ddim,
    "sde": sample.sde,
    "euler": sample.euler,
    "heun": sample.heun,
    "dpm_solver": sample.dpm_solver,
}
CALLS = {"heun": 2}
"""Calls of the score in a step, where that is not one."""

SPACINGS = ("time", "linear", "karras")
VARIANCES = ("small", "large", "learned")
_LAST_OF_KARRAS = 0.001


def sampler(name: str, *, variance: Variance, eta: float = 0.0) -> Partial:
    """The sampler `(key, x, score, sigmas) -> (x, path)` of a name.

    Args:
        variance: of "ancestral".
        eta: of "ddim".
    """
    knobs: dict[str, Any] = {"ancestral": {"variance": variance}, "ddim": {"eta": eta}}
    return Partial(SAMPLERS[name], **knobs.get(name, {}))


@dataclass(frozen=True)
class Descent:
    """The way down from a level of noise, shared by the recipes of diffusion purifiers.

    Attributes:
        process: noise process whose times are meant (see `noise.names`); empty: that
            of the score's network.
        steps: steps from the noise to the image.
        spacing: how the steps are spread: evenly in "time", in sigma ("linear"), or by
            Karras's rule ("karras").
        last_time: time at which the steps end, in place of the clean image; only with
            spacing "time".
    """

    process: str = ""
    steps: int = 10
    spacing: str = "time"
    last_time: float | None = None

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", 1)
        recipe.one_of(self, "spacing", SPACINGS)
        recipe.only_with(self, "last_time", "spacing", ("time",))
        recipe.at_least(self, "last_time", -1)  # the clean image of a chain
        if self.process:
            names.by_name(self.process)

    def clock(self, prior: Prior) -> Process:
        """The process named, or else the network's own.

        Raises:
            ValueError: there is none.
        """
        if self.process:
            return names.by_name(self.process)
        if prior.noise is None:
            raise ValueError(
                "times need a noise process, and this score network knows none: set "
                "`process` (VP or linear, say), or give `sigma` and spacing=linear."
            )
        return prior.noise

    def even_times(
        self, process: Process, sigma: float, time: float | None, steps: int
    ) -> Array:
        """Even times [steps + 1], falling; a chain's are labels if both ends are.

        Raises:
            ValueError: the times rise, the process does not reach sigma, or it is a
                chain with fewer labels than steps.
        """
        chain = isinstance(process, noise.VPDiscrete)
        start = float(process.time(jnp.asarray(sigma))) if time is None else time
        end = self.last_time
        if end is None:
            end = -1.0 if chain else 0.0
        if not start > end:
            raise ValueError(
                f"the times must fall from the noise to the image; got {start:g} -> "
                f"{end:g}. Did you swap them?"
            )
        even = jnp.linspace(start, end, steps + 1)
        if not (chain and float(start).is_integer() and float(end).is_integer()):
            return even
        if steps > start - end:
            raise ValueError(
                f"steps={steps}, but from label {start:g} to {end:g} the chain has "
                f"{start - end:g} steps."
            )
        return jnp.round(even).astype(jax.dtypes.canonicalize_dtype(int))

    def levels(
        self, prior: Prior, sigma: float, time: float | None, steps: int
    ) -> Array:
        """The levels of a descent, [steps + 1], to 0 unless `last_time` says otherwise.

        Raises:
            ValueError: times without a process, or a level or time that it does not
                have.
        """
        if self.spacing == "time":
            process = self.clock(prior)
            found = process.sigma(self.even_times(process, sigma, time, steps))
            return found if self.last_time is not None else found.at[-1].set(0.0)
        if time is not None:
            sigma = float(self.clock(prior).sigma(jnp.asarray(time)))
        if prior.noise is not None:
            # Refuses a level that the network has not seen.
            prior.noise.time(jnp.asarray(sigma))
        if self.spacing == "linear":
            return schedule.linear(sigma, 0.0, steps + 1)
        return schedule.karras(sigma, min(_LAST_OF_KARRAS, sigma / 2), steps)

    def noise_of(self, prior: Prior, *starts: tuple[float, float | None]) -> Noise:
        """The noise at the starts (sigma, time) of several descents, all at once."""
        levels = [float(self.levels(prior, *start, 1)[0]) for start in starts]
        return Noise(sigma=math.hypot(*levels))


def variance(name: str | None, prior: Prior) -> Variance:
    """The variance of an ancestral step, "small" by default.

    Raises:
        ValueError: a learned one is asked of a network without.
    """
    if name != "learned":
        return Partial(sample.large if name == "large" else sample.small)
    if prior.variance is None:
        raise ValueError(
            "variance=learned, but this score network has learned none; use small or "
            "large."
        )
    return prior.variance


def start_words(sigma: float | None, time: float | None) -> str:
    """Where a descent starts, in words."""
    return f"noise of sigma {sigma:g}" if time is None else f"noise of time {time:g}"
