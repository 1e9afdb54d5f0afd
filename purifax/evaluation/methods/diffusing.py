"""Purifiers by diffusion as methods of a `Defence`: noise, then a sampler back.

A start is a level, `sigma` or `sigmas`, or a time of a process, `time` or `times`. From
there `steps` steps go down to the clean image, evenly in the process's time, evenly in
sigma, or by Karras's rule.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import noise, purify, sample, schedule, weights
from purifax.evaluation.methods.method import How, Method, Paths, known, start
from purifax.evaluation.settings import Defence
from purifax.noise import Process
from purifax.purify import descent as levels
from purifax.purify.prior import Prior
from purifax.sample.ddpm import Variance
from purifax.types import Purifier

__all__ = ["METHODS", "check_descent", "descent", "variance"]

SPACINGS = ("time", "linear", "karras")
VARIANCES = ("small", "large", "learned")
IN_TIME = "sde_in_time"
_LAST_OF_KARRAS = 0.001


def check_descent(defence: Defence) -> None:
    """Refuses numbers with which no way down from noise can be had.

    Raises:
        ValueError: an unknown name, another noise than a process's, or a last time
            without times.
    """
    known("spacing", defence.spacing, SPACINGS)
    known("variance", defence.variance, VARIANCES)
    if defence.noise != "gaussian":
        raise ValueError(
            f"defence.method={defence.method} adds a process's noise, which is "
            f"gaussian; got defence.noise={defence.noise}."
        )
    if defence.process:
        weights.process(defence.process)
    if defence.last_time is not None and defence.spacing != "time":
        raise ValueError("defence.last_time needs defence.spacing=time.")


def _check(defence: Defence) -> None:
    known("sampler", defence.sampler, (*levels.SAMPLERS, IN_TIME))
    check_descent(defence)
    if not 0 <= defence.eta <= 1:
        raise ValueError(f"defence.eta must be from 0 to 1; got {defence.eta}.")
    if defence.sampler == IN_TIME and defence.spacing != "time":
        raise ValueError("defence.sampler=sde_in_time needs defence.spacing=time.")
    if defence.method == "diffuse":
        _check_one(defence)
    else:
        _check_stages(defence)


def _check_one(defence: Defence) -> None:
    for name in ("sigmas", "times", "repeats"):
        if getattr(defence, name):
            raise ValueError(
                f"defence.{name} is for defence.method=gradual; diffuse takes "
                "defence.sigma or defence.time."
            )
    if defence.time is None and defence.sigma <= 0:
        raise ValueError(f"defence.sigma must be more than 0; got {defence.sigma}.")


def _check_stages(defence: Defence) -> None:
    if bool(defence.sigmas) == bool(defence.times):
        raise ValueError(
            "defence.method=gradual needs defence.sigmas or defence.times, one for "
            "each stage, and not both."
        )
    starts = defence.sigmas or defence.times
    if len(defence.repeats) != len(starts) or min(defence.repeats) < 1:
        raise ValueError(
            f"defence.repeats must say 1 or more rounds for each of {len(starts)} "
            f"stages; got {defence.repeats}."
        )
    if defence.sampler == IN_TIME:
        raise ValueError(
            "defence.method=gradual has no sampler sde_in_time; use sde, ancestral "
            "or ddim."
        )


def _process(defence: Defence, prior: Prior) -> Process:
    """The process named, or else the network's own.

    Raises:
        ValueError: there is none.
    """
    if defence.process:
        return weights.process(defence.process)
    if prior.noise is None:
        raise ValueError(
            "times need a noise process, and this score network knows none: set "
            "defence.process (VP or linear, say), or give defence.sigma and "
            "defence.spacing=linear."
        )
    return prior.noise


def _times(
    defence: Defence, process: Process, sigma: float, time: float | None, steps: int
) -> Array:
    """Even times [steps + 1], falling; those of a chain are labels if both ends are.

    Raises:
        ValueError: the times rise, the process does not reach sigma, or it is a chain
            with fewer labels than steps.
    """
    chain = isinstance(process, noise.VPDiscrete)
    start = float(process.time(jnp.asarray(sigma))) if time is None else time
    end = defence.last_time
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
            f"defence.steps={steps}, but from label {start:g} to {end:g} the chain has "
            f"{start - end:g} steps."
        )
    return jnp.round(even).astype(jax.dtypes.canonicalize_dtype(int))


def descent(
    defence: Defence, prior: Prior, sigma: float, time: float | None, steps: int
) -> Array:
    """The levels of a descent, [steps + 1], to 0 unless `last_time` says otherwise.

    Raises:
        ValueError: times without a process, or a level or time that it does not have.
    """
    if defence.spacing == "time":
        process = _process(defence, prior)
        found = process.sigma(_times(defence, process, sigma, time, steps))
        return found if defence.last_time is not None else found.at[-1].set(0.0)
    if time is not None:
        sigma = float(_process(defence, prior).sigma(jnp.asarray(time)))
    if prior.noise is not None:
        # Refuses a level that the network has not seen.
        prior.noise.time(jnp.asarray(sigma))
    if defence.spacing == "linear":
        return schedule.linear(sigma, 0.0, steps + 1)
    return schedule.karras(sigma, min(_LAST_OF_KARRAS, sigma / 2), steps)


def variance(defence: Defence, prior: Prior) -> Variance:
    """The variance of an ancestral step.

    Raises:
        ValueError: a learned one is asked of a network without.
    """
    if defence.variance != "learned":
        return Partial(sample.small if defence.variance == "small" else sample.large)
    if prior.variance is None:
        raise ValueError(
            "defence.variance=learned, but this score network has learned none; use "
            "small or large."
        )
    return prior.variance


def _sampler(defence: Defence, prior: Prior) -> Partial:
    """The sampler, with its variance and eta."""
    kind = variance(defence, prior)
    return levels.sampler(defence.sampler, variance=kind, eta=defence.eta)


def _diffuse(defence: Defence, prior: Prior, how: How) -> Purifier:
    return _one(defence, prior, how.steps or defence.steps)


def _one(defence: Defence, prior: Prior, steps: int) -> Partial:
    """One way down."""
    start = {"sigma": defence.sigma, "time": defence.time, "steps": steps}
    if defence.sampler != IN_TIME:
        sigmas = descent(defence, prior, **start)
        sampler = _sampler(defence, prior)
        return Partial(
            purify.diffuse_from, score=prior.score, sigmas=sigmas, sampler=sampler
        )
    process = _process(defence, prior)
    if isinstance(process, noise.VPDiscrete):
        raise ValueError(
            "defence.sampler=sde_in_time needs a process in continuous time, such as "
            "defence.process=VP; this one is a chain."
        )
    times = _times(defence, process, **start)
    return Partial(
        purify.diffuse_in_time, score=prior.score, noise=process, times=times
    )


def _paths(defence: Defence, prior: Prior) -> Paths:
    """The way down, and the way up of the image with the same noise."""
    bound = _one(defence, prior, defence.steps).keywords
    if "sigmas" in bound:
        path = Partial(purify.diffuse_path, **bound)
        reference = Partial(purify.forward_path, sigmas=bound["sigmas"])
    else:
        path = Partial(purify.diffuse_in_time_path, **bound)
        sigmas = bound["noise"].sigma(bound["times"])
        reference = Partial(purify.forward_path, sigmas=sigmas)
    return Paths(path, reference, defence.steps)


def _gradual(defence: Defence, prior: Prior, how: How) -> Purifier:
    """Rounds from each of the starts; a level is its own time."""
    steps = how.steps or defence.steps
    stages = [
        (descent(defence, prior, sigma, time, count), jnp.arange(rounds))
        for (sigma, time), count, rounds in zip(
            _starts(defence), _counts(defence, steps), defence.repeats, strict=True
        )
    ]
    return Partial(
        purify.gradual,
        score=prior.score,
        noise=noise.EDM(width=1.0),
        stages=stages,
        sampler=_sampler(defence, prior),
    )


def _starts(defence: Defence) -> list[tuple[float, float | None]]:
    if defence.times:
        return [(0.0, time) for time in defence.times]
    return [(sigma, None) for sigma in defence.sigmas]


def _counts(defence: Defence, steps: int) -> list[int]:
    """Steps of each stage: all for the longest, and others by their share of it.

    The labels of a chain are counted from -1, its clean image.
    """
    starts = defence.times or defence.sigmas
    offset = 1.0 if max(starts) > 1 else 0.0
    longest = max(starts) + offset
    return [max(1, round(steps * (start + offset) / longest)) for start in starts]


def _calls(defence: Defence) -> int:
    """Of the sampler's steps, in all rounds."""
    each = levels.CALLS.get(defence.sampler, 1)
    if defence.method == "diffuse":
        return each * defence.steps
    counts = zip(_counts(defence, defence.steps), defence.repeats, strict=True)
    return each * sum(steps * rounds for steps, rounds in counts)


def _manner(defence: Defence) -> str:
    return f"{start(defence)}, {defence.sampler}"


METHODS = {
    "diffuse": Method(_diffuse, _calls, _check, paths=_paths, manner=_manner),
    "gradual": Method(_gradual, _calls, _check, manner=_manner),
}
