"""Continuous batching: chains of different lengths in a batch that stays full.

Under `vmap` a loop runs until its slowest chain is done, and the others wait. Here a
slot whose chain is done takes the next waiting image, inside one program of fixed
shapes, so that no step is wasted while images wait: n images in s slots take about
(all steps of all chains) / s turns, and at most the length of the longest chain more.

A chain that may stop is four functions of one image, a `Chain`; `run_chain` runs it for
one image and `continuously_batched` for many.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax import Array, lax
from jax import numpy as jnp
from jax.tree_util import Partial, tree_leaves, tree_map

from purifax import _checks as checks
from purifax.transform.batching import batched, numbers
from purifax.types import as_pytree

__all__ = ["Chain", "continuously_batched", "run_chain"]

State = Any
"""A pytree of arrays: what a chain holds between its steps."""


class Chain(NamedTuple):
    """A chain for one image that decides itself when it is done.

    Attributes:
        begin: `(key, *example) -> state`, cheap: in a batch it runs at every turn.
        going: `state -> bool []`, whether to take another step.
        step: `state -> state`.
        end: `state -> result`, cheap for the same reason.

    A `Chain` of `Partial`s is a pytree and may be passed into `jit`.
    """

    begin: Callable[..., State]
    going: Callable[[State], Array]
    step: Callable[[State], State]
    end: Callable[[State], Any]


class _Slots(NamedTuple):
    """One turn: the states of the chains, their images, and the results so far.

    Attributes:
        states: of the chains, leading axis [slots].
        place: int [slots], the image of each slot; N in an empty slot.
        following: int [], the first image that still waits.
        results: leading axis [N].
    """

    states: State
    place: Array
    following: Array
    results: Any


def run_chain(chain: Chain, key: Array, *example: Any) -> Any:
    """Run the chain of one image until it is done; has no reverse-mode gradient.

    >>> import jax, jax.numpy as jnp
    >>> halve = Chain(lambda key, x: x, lambda x: x > 1, lambda x: x / 2, lambda x: x)
    >>> float(run_chain(halve, jax.random.key(0), jnp.array(5.0)))
    0.625
    """
    state = chain.begin(key, *example)
    return chain.end(lax.while_loop(chain.going, chain.step, state))


def continuously_batched(chain: Chain, slots: int) -> Callable[..., Any]:
    """Map a `Chain` over many images, `slots` at a time; none waits for another.

    Args:
        chain: made of `Partial`s or of plain functions.
        slots: chains that are stepped at once; bounds memory as a batch size does.

    Returns:
        `run(key, *batch, index=None)` with the keys and results of `batched`: image i
        has the key `fold_in(key, index[i])`. A pytree. It is one loop on one device;
        inside `shard_map` every device runs its own loop, without communication. It has
        no reverse-mode gradient.

    Raises:
        ValueError: `slots` is not positive.

    >>> import jax, jax.numpy as jnp
    >>> halve = Chain(lambda key, x: x, lambda x: x > 1, lambda x: x / 2, lambda x: x)
    >>> run = continuously_batched(halve, slots=2)
    >>> run(jax.random.key(0), jnp.array([5.0, 0.5, 6.0]))
    Array([0.625, 0.5  , 0.75 ], dtype=float32)
    """
    if slots < 1:
        raise ValueError(f"`slots` must be at least 1 chain; got {slots}.")
    return Partial(_Run(slots), Chain(*map(as_pytree, chain)))


@dataclasses.dataclass(frozen=True)
class _Run:
    """The mapping itself; equal for equal slots, so that `jit` does not retrace."""

    slots: int

    def __call__(
        self, chain: Chain, key: Array, *batch: Any, index: Array | None = None
    ) -> Any:
        places, key = numbers(batch, index), checks.batchable(key)
        count = places.shape[0]
        if count == 0:
            return batched(Partial(run_chain, chain))(key, *batch)

        def begin(place: Array) -> State:
            here = jnp.minimum(place, count - 1)
            own = jax.random.fold_in(key, places[here])
            return chain.begin(own, *tree_map(lambda rows: rows[here], batch))

        def turn(now: _Slots) -> _Slots:
            states = jax.vmap(Partial(_stepped, chain))(now.states)
            done = ~jax.vmap(chain.going)(states) & (now.place < count)
            results = _written(now, done, jax.vmap(chain.end)(states))
            waiting = jnp.minimum(now.following + jnp.cumsum(done) - 1, count)
            place = jnp.where(done, waiting, now.place)
            states = jax.vmap(_choose)(done, jax.vmap(begin)(place), states)
            return _Slots(states, place, now.following + jnp.sum(done), results)

        first = _first(chain, begin, min(self.slots, count), count)
        return lax.while_loop(
            lambda now: jnp.any(now.place < count), turn, first
        ).results


def _first(chain: Chain, begin: Callable, slots: int, count: int) -> _Slots:
    """The first images in the slots, and empty results.

    Constant carries fail in `shard_map`, so a zero made from the states is added.
    """
    places = jnp.arange(slots)
    states = jax.vmap(begin)(places)
    going = jax.vmap(chain.going)(states)
    zero = jnp.sum(going & ~going)
    row = jax.eval_shape(jax.vmap(chain.end), states)
    results = tree_map(
        lambda a: jnp.zeros((count, *a.shape[1:]), a.dtype) + zero.astype(a.dtype), row
    )
    return _Slots(states, places + zero, slots + zero, results)


def _stepped(chain: Chain, state: State) -> State:
    return _choose(chain.going(state), chain.step(state), state)


def _written(now: _Slots, done: Array, ended: Any) -> Any:
    """The results with those of the chains that are done; other rows are dropped."""
    count = tree_leaves(now.results)[0].shape[0]
    target = jnp.where(done, now.place, count)
    return tree_map(
        lambda rows, new: rows.at[target].set(new, mode="drop"), now.results, ended
    )


def _choose(condition: Array, one: Any, other: Any) -> Any:
    return tree_map(lambda a, b: jnp.where(condition, a, b), one, other)
