"""Purifiers led by a distance or climbing a bound, as methods of a `Defence`.

GDMP and Mimic go down a descent of levels as "diffuse" does; LM and ScoreOpt take
`steps` steps of Adam at one level.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from purifax import guide, purify
from purifax.evaluation.methods import diffusing
from purifax.evaluation.methods.method import How, Method, known, start
from purifax.evaluation.settings import Defence
from purifax.purify.prior import Prior
from purifax.threat import Linf

__all__ = ["METHODS"]

GUIDES = {"gdmp": ("square", "ssim"), "mimic": ("manhattan", "square", "ssim")}
DISTANCES = {
    "square": purify.mean_square,
    "ssim": purify.dissimilarity,
    "manhattan": purify.manhattan,
}
OBJECTIVES = {
    "gap": purify.gap,
    "anchored": purify.anchored_gap,
    "regularised": purify.regularised_gap,
}
NOISED = "noised"


def _check_guide(defence: Defence) -> None:
    diffusing.check_descent(defence)
    if defence.time is None and defence.sigma <= 0:
        raise ValueError(f"defence.sigma must be more than 0; got {defence.sigma}.")
    words = GUIDES[defence.method]
    known("distance", defence.distance or words[0], words)
    if defence.strength is not None and defence.strength < 0:
        raise ValueError(
            f"defence.strength must be 0 or more; got {defence.strength}. A purifier "
            "that flees its input is none."
        )
    if defence.method == "mimic" and defence.strength is None and defence.distance:
        if defence.distance != words[0]:
            raise ValueError(
                "mimic's published strength is that of the manhattan distance; with "
                f"defence.distance={defence.distance} give defence.strength."
            )
    if defence.against <= 0:
        raise ValueError(f"defence.against must be more than 0; got {defence.against}.")
    rounds = defence.repeats or (1,)
    if len(rounds) > 1 or min(rounds) < 1 or (rounds != (1,) and _single(defence)):
        raise ValueError(
            "defence.repeats is one number of rounds for defence.method=gdmp, and "
            f"nothing for mimic; got {defence.repeats}."
        )


def _single(defence: Defence) -> bool:
    return defence.method == "mimic"


def _down(defence: Defence, prior: Prior, how: How) -> Array:
    start = {"sigma": defence.sigma, "time": defence.time}
    steps = how.steps or defence.steps
    return diffusing.descent(defence, prior, **start, steps=steps)


def _gdmp(defence: Defence, prior: Prior, how: How) -> Partial:
    """The denoised image is clipped at each step, as published."""
    name = defence.distance or "square"
    scales = purify.square_scales if name == "square" else purify.similarity_scales
    given = {} if defence.strength is None else {"strength": defence.strength}
    sigmas = _down(defence, prior, how)
    return Partial(
        purify.guided_rounds,
        score=guide.bounded(prior.score),
        sigmas=sigmas,
        scales=scales(sigmas, radius=defence.against, **given),
        draws=jnp.arange(_rounds(defence)),
        distance=Partial(DISTANCES[name]),
        variance=diffusing.variance(defence, prior),
    )


def _mimic(defence: Defence, prior: Prior, how: How) -> Partial:
    given = {} if defence.strength is None else {"strength": defence.strength}
    sigmas = _down(defence, prior, how)
    return Partial(
        purify.mimic_from_noise,
        score=prior.score,
        sigmas=sigmas,
        scales=purify.mimic_scales(sigmas, **given),
        distance=Partial(DISTANCES[defence.distance or "manhattan"]),
        variance=diffusing.variance(defence, prior),
    )


def _rounds(defence: Defence) -> int:
    return defence.repeats[0] if defence.repeats else 1


def _check_climb(defence: Defence) -> None:
    noised = (NOISED,) if defence.method == "scoreopt" else ()
    known("objective", defence.objective, (*OBJECTIVES, *noised))
    if defence.step_size <= 0:
        raise ValueError(
            f"defence.step_size must be more than 0; got {defence.step_size}."
        )
    if not 0 <= defence.spread < defence.sigma:
        raise ValueError(
            "defence.spread must be 0 or more and less than defence.sigma, about which "
            f"levels are drawn; got {defence.spread} and {defence.sigma}."
        )
    if defence.reach is not None and defence.reach <= 0:
        raise ValueError(f"defence.reach must be more than 0; got {defence.reach}.")


def _climb(defence: Defence, prior: Prior, how: How) -> Partial:
    steps = jnp.full(how.steps or defence.steps, defence.step_size)
    if defence.objective == NOISED:
        return Partial(
            purify.maximise_noised,
            score=prior.score,
            sigma=defence.sigma,
            step_sizes=steps,
        )
    weighed: dict[str, Any] = {"weight": defence.weight}
    if defence.objective == "gap":
        weighed = {}
    return Partial(
        purify.maximise,
        score=prior.score,
        sigmas=jnp.full(len(steps), defence.sigma),
        step_sizes=steps,
        spread=defence.spread,
        objective=Partial(OBJECTIVES[defence.objective], **weighed),
        threat=None if defence.reach is None else Linf(radius=defence.reach),
    )


def _descent_calls(defence: Defence) -> int:
    return defence.steps * _rounds(defence)


def _climb_calls(defence: Defence) -> int:
    each = 2 if defence.objective == "regularised" else 1
    return each * defence.steps + (defence.objective == NOISED)


def _led(defence: Defence) -> str:
    distance = defence.distance or GUIDES[defence.method][0]
    return f"{start(defence)}, guided by {distance}"


def _aimed(defence: Defence) -> str:
    return f"{start(defence)}, {defence.objective}"


METHODS = {
    "gdmp": Method(_gdmp, _descent_calls, _check_guide, manner=_led),
    "mimic": Method(_mimic, _descent_calls, _check_guide, manner=_led),
    "likelihood": Method(_climb, _climb_calls, _check_climb, manner=_aimed),
    "scoreopt": Method(_climb, _climb_calls, _check_climb, manner=_aimed),
}
