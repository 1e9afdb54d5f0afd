"""From the names in a `Defence` to a purifier and a defended model.

`METHODS` lists the purifiers by name. A new one is a `method.Method` in a file of its
own, which is added here.
"""

from collections.abc import Callable

import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import backward, classify, purify
from purifax.evaluation.methods import (
    climbing,
    combining,
    diffusing,
    guiding,
    squeezing,
    walking,
)
from purifax.evaluation.methods.method import How, Method, Paths, known
from purifax.evaluation.settings import Defence
from purifax.purify.prior import Prior
from purifax.types import Classifier, Model, Purifier

__all__ = [
    "METHODS",
    "check",
    "ensemble",
    "evaluations",
    "fit",
    "calibrate",
    "has_chain",
    "has_limit",
    "method",
    "needs_score",
    "paths",
    "purifier",
    "run",
    "words",
]

METHODS: dict[str, Method] = {
    **climbing.METHODS,
    **combining.METHODS,
    **diffusing.METHODS,
    **guiding.METHODS,
    **squeezing.METHODS,
    **walking.METHODS,
}
"""Purifiers by name; "none", the classifier alone, is not among them."""

RULES = {
    "probabilities": classify.mean_probabilities,
    "logits": classify.mean_logits,
    "vote": classify.vote,
}


def check(defence: Defence) -> None:
    """Refuses a defence that cannot be built with any network.

    Raises:
        ValueError: an unknown name, or numbers that contradict each other.
    """
    known("method", defence.method, ("none", *METHODS))
    known("rule", defence.rule, tuple(RULES))
    least = 1 if defence.method == "none" else method(defence).least
    if defence.steps < least or defence.runs < 1 or defence.sigma < 0:
        raise ValueError(
            f"defence.steps must be {least} or more, defence.runs 1 and defence.sigma "
            f"0; got {defence.steps}, {defence.runs} and {defence.sigma}."
        )
    if defence.method != "none":
        method(defence).check(defence)


def method(defence: Defence) -> Method:
    """The method of a defence that has one."""
    return METHODS[defence.method]


def words(defence: Defence, score: str, energy: str = "") -> str:
    """The purifier in words; `score` and `energy` are the places of its networks."""
    manner = method(defence).manner(defence)
    if not needs_score(defence):
        return manner
    beside = f" and the energy of {energy}" if energy else ""
    return (
        f"{defence.method} purification by the score of {score}{beside}, noise "
        f"{manner}, {defence.steps} steps"
    )


def has_chain(defence: Defence) -> bool:
    """Whether its purifier is a chain of steps, which takes `scan`."""
    return defence.method != "none" and method(defence).chain


def needs_score(defence: Defence) -> bool:
    """Whether it purifies, and by a score."""
    return defence.method != "none" and method(defence).scored


def fit(defence: Defence, prior: Prior | None) -> None:
    """Refuses a defence that cannot be built with this network.

    Raises:
        ValueError: a level that the process does not reach, times without a process.
    """
    purifier(defence, prior)


def purifier(
    defence: Defence,
    prior: Prior | None,
    limit: Array | float = 0.0,
    *,
    early: bool = False,
    held: bool = False,
    steps: int | None = None,
) -> Purifier:
    """The purifier of one run.

    Args:
        prior: None with the method "none", whose purifier changes nothing, and with
            one that needs no score.
        limit: see `calibrate`.
        early: leave the loop when an image has stopped; the same images, no gradient.
        held: step sizes are constants to the gradient; the same images.
        steps: fewer than the defence's, for surrogates: the first of those that climb,
            and as many over the whole way of those that diffuse.
    """
    if defence.method == "none" or (prior is None and needs_score(defence)):
        return backward.blind(Partial(purify.adaptive))
    return method(defence).build(defence, prior, How(limit, early, held, steps))


def paths(defence: Defence, prior: Prior | None) -> Paths:
    """The states of one run, for a method that has `paths`."""
    found = method(defence).paths
    if prior is None or found is None:
        raise ValueError(f"defence.method={defence.method} has no states to be led.")
    return found(defence, prior)


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
    return 1 if defence.method == "none" else method(defence).calls(defence) + 1


def has_limit(defence: Defence) -> bool:
    """Whether it treats images differently, by a limit that `calibrate` finds."""
    return defence.method != "none" and method(defence).limit(defence) is not None


def calibrate(defence: Defence, prior: Prior, images: Array) -> float:
    """The limit of a defence that treats images differently, or 0 without one.

    Args:
        images: [N, H, W, C], clean ones of the validation split.
    """
    found = method(defence).limit(defence)
    return 0.0 if found is None else float(found(prior, images))
