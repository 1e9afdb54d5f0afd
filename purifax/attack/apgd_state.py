"""What an iteration of APGD knows, and what a checkpoint changes of it."""

from typing import NamedTuple

from jax import Array
from jax import numpy as jnp

from purifax.threat import L2, Linf

__all__ = []


class _State(NamedTuple):
    """What an iteration needs to know.

    `rises` of `window` iterations raised the loss since the last checkpoint, which
    `halved` the step or not, and at which the best loss was `checked`.
    """

    x: Array
    last: Array
    step: Array
    loss: Array
    best: Array
    best_slope: Array
    best_loss: Array
    rises: Array
    window: Array
    halved: Array
    checked: Array


def _begin(first: Array, size: Array) -> _State:
    """Before the first gradient. Constants vary with the image, for `shard_map`."""
    zero = 0.0 * jnp.sum(first)
    return _State(
        x=first,
        last=first,
        step=zero + size,
        loss=zero - jnp.inf,
        best=first,
        best_slope=0.0 * first,
        best_loss=zero - jnp.inf,
        rises=zero,
        window=zero,
        halved=zero == 0.0,
        checked=zero - jnp.inf,
    )


def _note(state: _State, value: Array, slope: Array, moved: Array) -> _State:
    """Counts a rise, and keeps the image if it is the best."""
    better = value > state.best_loss
    return state._replace(
        loss=value,
        best=jnp.where(better, state.x, state.best),
        best_slope=jnp.where(better, slope, state.best_slope),
        best_loss=jnp.where(better, value, state.best_loss),
        rises=state.rises + (moved & (value > state.loss)).astype(value.dtype),
        window=state.window + moved.astype(value.dtype),
    )


def _check(
    state: _State, slope: Array, checkpoint: Array, share: Array | float
) -> tuple[_State, Array]:
    """At a checkpoint, perhaps half the step and back to the best image."""
    few = state.rises <= share * state.window
    stuck = ~state.halved & (state.checked >= state.best_loss)
    halve = checkpoint & (few | stuck)
    state = state._replace(
        x=jnp.where(halve, state.best, state.x),
        step=jnp.where(halve, state.step / 2, state.step),
        rises=jnp.where(checkpoint, 0.0, state.rises),
        window=jnp.where(checkpoint, 0.0, state.window),
        halved=jnp.where(checkpoint, halve, state.halved),
        checked=jnp.where(checkpoint, state.best_loss, state.checked),
    )
    return state, jnp.where(halve, state.best_slope, slope)


def _move(
    state: _State, slope: Array, x: Array, threat: Linf | L2, weight: Array
) -> _State:
    """One step with momentum."""
    z = threat.project(threat.ascend(state.x, slope, state.step), x)
    momentum = (1.0 - weight) * (state.x - state.last)
    moved = state.x + weight * (z - state.x) + momentum
    return state._replace(x=threat.project(moved, x), last=state.x)
