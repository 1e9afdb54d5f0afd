"""Chains of different lengths: in a batch that is kept full, and in one that waits."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.sharding import PartitionSpec
from jax.tree_util import Partial

from experiments.benchmarking.subject import LEVEL, Subject
from purifax import batched
from purifax.transform.continuous_batching import Chain, continuously_batched, run_chain
from purifax.types import Score

__all__ = ["kept_full"]

SHARE = 4
"""Images for each slot of a device."""


def kept_full(subject: Subject) -> tuple[Callable[[], Any], Callable[[], Any], int]:
    """The two programs, and how many images either takes.

    A chain of T steps is left after 1 to T of them, drawn evenly: where a batch waits
    for its slowest nearly T are paid for each image, and (T + 1) / 2 are taken.
    """
    count = len(subject.images)
    slots = max(1, count // subject.mesh.shape["batch"] // SHARE)
    chain = Chain(
        Partial(_begin, steps=subject.config.steps),
        Partial(_going),
        Partial(_step, score=subject.prior.score),
        Partial(_image),
    )
    full = continuously_batched(chain, slots)
    waiting = batched(Partial(run_chain, chain), slots)
    return _program(subject, full), _program(subject, waiting), count


def _program(subject: Subject, run: Callable[..., Array]) -> Callable[[], Array]:
    """Every device runs its own images in a loop of its own."""
    rows = PartitionSpec("batch")
    split = jax.shard_map(
        lambda run, key, index, x: run(key, x, index=index),
        mesh=subject.mesh,
        in_specs=(PartitionSpec(), PartitionSpec(), rows, rows),
        out_specs=rows,
    )
    numbers = jnp.arange(len(subject.images))
    return Partial(jax.jit(split), run, subject.key, numbers, subject.images)


def _begin(key: Array, x: Array, *, steps: int) -> tuple[Array, Array]:
    """The steps still to go, and the image."""
    return jax.random.randint(key, (), 1, steps + 1), x


def _going(state: tuple[Array, Array]) -> Array:
    return state[0] > 0


def _step(state: tuple[Array, Array], *, score: Score) -> tuple[Array, Array]:
    left, x = state
    return left - 1, jnp.clip(x + 1e-3 * score(x, jnp.asarray(LEVEL)), 0.0, 1.0)


def _image(state: tuple[Array, Array]) -> Array:
    return state[1]
