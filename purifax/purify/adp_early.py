"""ADP that leaves an image once it has stopped, alone or among others; see `adp`."""

from typing import Any, NamedTuple

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.noise import gaussian
from purifax.purify.adp_step import all_active, climb_step, noised
from purifax.purify.curvature import Curvature, by_jvp
from purifax.transform.continuous_batching import Chain, run_chain
from purifax.types import Perturb, Score

__all__ = ["adaptive_chain", "adaptive_early"]


@checks.checked(x=checks.in_scale)
def adaptive_early(
    key: Array,
    x: Array,
    score: Score,
    levels: Array,
    *,
    sigma: Array | float = 0.25,
    perturb: Perturb = Partial(gaussian),
    curvature: Curvature = Partial(by_jvp),
    **limits: Array | float,
) -> Array:
    """`adaptive` that leaves the loop once the image has stopped.

    The same image as `adaptive`; no reverse-mode gradient (`while_loop` has none).
    Under `vmap` the loop runs until the last image of the batch has stopped.

    `limits` are `rate, smallest, largest, stop` as in `adaptive`.
    """
    if not levels.shape[0]:  # the loop of a chain reads a level before it looks
        return noised(key, x, sigma, perturb)
    chain = adaptive_chain(
        score, levels, sigma=sigma, perturb=perturb, curvature=curvature, **limits
    )
    return run_chain(chain, key, x)


@checks.checked()
def adaptive_chain(
    score: Score,
    levels: Array,
    *,
    sigma: Array | float = 0.25,
    perturb: Perturb = Partial(gaussian),
    curvature: Curvature = Partial(by_jvp),
    **limits: Array | float,
) -> Chain:
    """`adaptive_early` as a chain, whose place another image may take.

    Many images in 64 slots, each with the result of `batched(adaptive)`:
    `continuously_batched(adaptive_chain(score, levels), 64)(key, images)`.
    """
    move = Partial(_move, score=score, levels=levels, curvature=curvature, **limits)
    return Chain(
        Partial(_begin, sigma=sigma, perturb=perturb),
        Partial(_unfinished, levels=levels),
        move,
        Partial(_image),
    )


class _Climb(NamedTuple):
    """The steps taken, the image, and whether it is still active."""

    taken: Array
    x: Array
    active: Array


def _begin(key: Array, x: Array, *, sigma: Array | float, perturb: Perturb) -> _Climb:
    start = noised(key, x, sigma, perturb)
    active = all_active(start)
    return _Climb(jnp.where(active, 0, 0), start, active)


def _unfinished(climb: _Climb, *, levels: Array) -> Array:
    return climb.active & (climb.taken < levels.shape[0])


def _move(
    climb: _Climb, *, score: Score, levels: Array, curvature: Curvature, **limits: Any
) -> _Climb:
    level = jax.lax.dynamic_index_in_dim(levels, climb.taken, keepdims=False)
    x, active, _ = climb_step(climb.x, climb.active, level, score, curvature, **limits)
    return _Climb(climb.taken + 1, x, active)


def _image(climb: _Climb) -> Array:
    return climb.x
