"""ADP and its variants as methods of a `Defence`; and the denoiser in one step."""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import noise, purify, schedule
from purifax.evaluation.methods.method import Calibration, How, Method, Paths, known
from purifax.evaluation.settings import Defence
from purifax.purify.prior import Prior
from purifax.types import Purifier, Score

__all__ = ["METHODS"]

NOISES = ("gaussian", "binary", "heteroscedastic")
CURVATURES = {
    "jvp": Partial(purify.by_jvp),
    "difference": Partial(purify.by_difference),
}


def _check(defence: Defence) -> None:
    known("noise", defence.noise, NOISES)
    known("curvature", defence.curvature, tuple(CURVATURES))
    if defence.method == "rounds" and not defence.sigmas:
        raise ValueError("defence.method=rounds needs defence.sigmas, one a round.")
    if defence.level <= 0 or (defence.last_level or defence.level) <= 0:
        raise ValueError(
            "defence.level and defence.last_level must be more than 0; got "
            f"{defence.level} and {defence.last_level}."
        )
    shares = len(defence.sigmas) if defence.method == "adaptive" else 0
    if shares and defence.runs % shares:
        raise ValueError(
            f"defence.runs={defence.runs} does not divide into {shares} equal shares, "
            "one for each of defence.sigmas."
        )


def _adaptive(defence: Defence, prior: Prior, how: How) -> Partial:
    curvature = CURVATURES[defence.curvature]
    if how.held:
        curvature = Partial(purify.held, curvature=curvature)
    return Partial(
        purify.adaptive_early if how.early else purify.adaptive,
        score=prior.score,
        levels=_levels(defence)[: how.steps],
        sigma=defence.sigma,
        perturb=_perturb(defence, prior.score),
        curvature=curvature,
        rate=defence.rate,
        smallest=defence.smallest,
        largest=defence.largest,
        stop=defence.stop,
    )


def _rounds(defence: Defence, prior: Prior, how: How) -> Purifier:
    climb, sigmas = _adaptive(defence, prior, how), jnp.array(defence.sigmas)
    return Partial(purify.rounds, purifier=climb, sigmas=sigmas)


def _detect(defence: Defence, prior: Prior, how: How) -> Purifier:
    return Partial(
        purify.detect,
        purifier=_adaptive(defence, prior, how),
        score=prior.score,
        level=defence.level,
        limit=how.limit,
        sigma=defence.sigma,
        calm=defence.calm,
    )


def _one_step(defence: Defence, prior: Prior, how: How) -> Purifier:
    del how
    perturb = _perturb(defence, prior.score)
    return Partial(
        purify.one_step, score=prior.score, sigma=defence.sigma, perturb=perturb
    )


def _path(defence: Defence, prior: Prior) -> Paths:
    bound = _adaptive(defence, prior, How())
    return Paths(Partial(purify.adaptive_path, **bound.keywords), None, defence.steps)


def _levels(defence: Defence) -> Array:
    """The level of each step, [T]."""
    if defence.last_level is None:
        return jnp.full(defence.steps, defence.level)
    return schedule.geometric(defence.level, defence.last_level, defence.steps)


def _perturb(defence: Defence, score: Score) -> Partial:
    if defence.noise == "heteroscedastic":
        return Partial(
            noise.heteroscedastic,
            score=score,
            level=defence.level,
            slope=defence.slope,
        )
    return Partial(noise.binary if defence.noise == "binary" else noise.gaussian)


def _calls(defence: Defence) -> int:
    """Two a step, and those for the noise, the rounds and the detector."""
    one = 1 if defence.method == "one_step" else 2 * defence.steps
    if defence.method == "rounds":
        one *= len(defence.sigmas)
    return one + (defence.method == "detect") + (defence.noise == "heteroscedastic")


def _limit(defence: Defence) -> Calibration:
    return Partial(_longest, defence)


def _longest(defence: Defence, prior: Prior, images: Array) -> Array:
    """The length of the score above which the share `false_alarms` of images lies."""
    norms = jax.lax.map(
        lambda x: purify.scaled_norm(x, prior.score, defence.level),
        images,
        batch_size=64,
    )
    return purify.threshold(norms, defence.false_alarms)


METHODS = {
    "adaptive": Method(_adaptive, _calls, _check, paths=_path, adaptive=True),
    "rounds": Method(_rounds, _calls, _check, adaptive=True),
    "detect": Method(_detect, _calls, _check, adaptive=True, limit=_limit),
    "one_step": Method(_one_step, _calls, _check, chain=False),
}
