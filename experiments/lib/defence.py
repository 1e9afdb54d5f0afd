"""From the names in a `Defence` to a purifier and a defended model."""

from collections.abc import Callable

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.lib.config_evaluation import Defence
from experiments.lib.overrides import nearest
from purifax import backward, classify, noise, purify, schedule
from purifax.types import Classifier, Model, Purifier, Score

__all__ = ["check", "ensemble", "evaluations", "purifier", "run"]

METHODS = ("none", "adaptive", "one_step", "rounds", "detect")
NOISES = ("gaussian", "binary", "heteroscedastic")
CURVATURES = {
    "jvp": Partial(purify.by_jvp),
    "difference": Partial(purify.by_difference),
}
RULES = {
    "probabilities": classify.mean_probabilities,
    "logits": classify.mean_logits,
    "vote": classify.vote,
}


def check(defence: Defence) -> None:
    """Refuses a defence that cannot be built.

    Raises:
        ValueError: an unknown name, or numbers that contradict each other.
    """
    known = {
        "method": METHODS,
        "noise": NOISES,
        "curvature": tuple(CURVATURES),
        "rule": tuple(RULES),
    }
    for name, words in known.items():
        value = getattr(defence, name)
        if value not in words:
            raise ValueError(
                f"defence.{name} is {value!r}, which is unknown{nearest(value, words)}"
            )
    if min(defence.steps, defence.runs) < 1 or defence.sigma < 0:
        raise ValueError(
            "defence.steps and defence.runs must be 1 or more and defence.sigma 0 or "
            f"more; got {defence.steps}, {defence.runs} and {defence.sigma}."
        )
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


def purifier(
    defence: Defence,
    score: Score | None,
    limit: Array | float = 0.0,
    *,
    early: bool = False,
    held: bool = False,
    steps: int | None = None,
) -> Purifier:
    """The purifier of one run.

    Args:
        score: None with the method "none", whose purifier changes nothing.
        limit: of "detect", see `purify.threshold`.
        early: leave the loop when an image has stopped; the same images, no gradient.
        held: step sizes are constants to the gradient; the same images.
        steps: only the first of the defence's steps, for surrogates.
    """
    if defence.method == "none" or score is None:
        return backward.blind(Partial(purify.adaptive))
    perturb = _perturb(defence, score)
    if defence.method == "one_step":
        return Partial(
            purify.one_step, score=score, sigma=defence.sigma, perturb=perturb
        )
    curvature = CURVATURES[defence.curvature]
    if held:
        curvature = Partial(purify.held, curvature=curvature)
    climb = Partial(
        purify.adaptive_early if early else purify.adaptive,
        score=score,
        levels=_levels(defence)[:steps],
        sigma=defence.sigma,
        perturb=perturb,
        curvature=curvature,
        rate=defence.rate,
        smallest=defence.smallest,
        largest=defence.largest,
        stop=defence.stop,
    )
    if defence.method == "rounds":
        return Partial(purify.rounds, purifier=climb, sigmas=jnp.array(defence.sigmas))
    if defence.method == "detect":
        return Partial(
            purify.detect,
            purifier=climb,
            score=score,
            level=defence.level,
            limit=limit,
            sigma=defence.sigma,
            calm=defence.calm,
        )
    return climb


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


def run(purifier: Purifier, classifier: Classifier) -> Model:
    """The model of one run: purify, then classify."""
    return Partial(classify.defend, purifier=purifier, classifier=classifier)


def ensemble(
    defence: Defence,
    model: Model,
    pool: Callable | None = None,
    runs: int | None = None,
    *,
    at_once: int | None = None,
) -> Model:
    """The model that pools runs of `model`; `pool=classify.each` keeps them apart.

    Args:
        at_once: runs in memory together, a divisor of `runs`; all by default.
    """
    runs = runs or defence.runs
    knobs = None
    if defence.method == "adaptive" and defence.sigmas:
        shares = np.arange(runs) * len(defence.sigmas) // runs
        knobs = {"sigma": jnp.array(defence.sigmas)[shares]}
    pool = pool or RULES[defence.rule]
    draws = jnp.arange(runs)
    draws = draws.reshape(-1, at_once) if at_once else draws
    return Partial(pool, model=model, draws=draws, knobs=knobs)


def evaluations(defence: Defence) -> int:
    """Forward passes of any network for one run on one image, at most."""
    if defence.method == "none":
        return 1
    score = 1 if defence.method == "one_step" else 2 * defence.steps
    if defence.method == "rounds":
        score *= len(defence.sigmas)
    extra = (defence.method == "detect") + (defence.noise == "heteroscedastic")
    return score + extra + 1


def calibrate(defence: Defence, score: Score, images: Array) -> Array:
    """The threshold of "detect", from clean validation images [N, H, W, C]."""
    norms = jax.lax.map(
        lambda x: purify.scaled_norm(x, score, defence.level), images, batch_size=64
    )
    return purify.threshold(norms, defence.false_alarms)
