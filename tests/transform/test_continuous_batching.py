"""Chains whose places are taken as they end: same results, and no turn wasted."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.sharding import PartitionSpec
from jax.tree_util import Partial
from oracles import image, mixture

import purifax
from purifax import purify
from purifax.purify import adp_early
from purifax.transform.continuous_batching import Chain, continuously_batched, run_chain

KEY = jax.random.key(11)
LEVELS = jnp.full(12, 0.2)
LENGTHS = jnp.array([3, 0, 7, 1, 1, 12, 2, 5, 4, 0, 6])


def begin(key, length):
    """A walk of `length` steps; its state holds the steps left and where it is."""
    return length, jax.random.normal(key), key


def step(state):
    left, x, key = state
    return left - 1, 0.5 * x + jax.random.normal(jax.random.fold_in(key, left)), key


def going(state):
    return state[0] > 0


def end(state):
    return {"at": state[1]}


WALK = Chain(begin, going, step, end)


@pytest.mark.parametrize("slots", [1, 2, 3, 11, 40])
def test_results_are_those_of_the_mapped_chain(slots):
    wanted = purifax.batched(Partial(run_chain, WALK))(KEY, LENGTHS)
    found = jax.jit(continuously_batched(WALK, slots))(KEY, LENGTHS)
    np.testing.assert_array_equal(found["at"], wanted["at"])


def test_an_image_has_the_result_of_its_number():
    whole = continuously_batched(WALK, 3)(KEY, LENGTHS)["at"]
    some = jnp.array([7, 2, 10])
    part = continuously_batched(WALK, 2)(KEY, LENGTHS[some], index=some)["at"]
    np.testing.assert_array_equal(part, whole[some])


def turns(lengths, slots):
    """Turns until all chains are done when a free slot takes the next image at once.

    A chain without a step holds its slot for the turn in which this is seen.
    """
    free, waiting = [0] * min(slots, len(lengths)), [max(1, n) for n in lengths]
    for length in waiting:
        free.sort()
        free[0] += length
    return max(free)


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_no_turn_is_wasted(slots):
    calls = []

    def counted(state):
        jax.debug.callback(lambda: calls.append(None))
        return step(state)

    continuously_batched(WALK._replace(step=counted), slots)(KEY, LENGTHS)
    jax.effects_barrier()
    assert len(calls) == turns(LENGTHS.tolist(), slots)


def test_a_chain_that_never_moves_and_a_batch_of_none():
    found = continuously_batched(WALK, 2)(KEY, jnp.zeros(5, jnp.int32))["at"]
    wanted = purifax.batched(lambda key, n: begin(key, n)[1])(KEY, jnp.zeros(5))
    np.testing.assert_array_equal(found, wanted)
    empty = continuously_batched(WALK, 2)(KEY, jnp.zeros(0, jnp.int32))
    assert empty["at"].shape == (0,)


def test_slots_are_checked():
    with pytest.raises(ValueError, match="at least 1 chain; got 0"):
        continuously_batched(WALK, 0)


def test_equal_slots_do_not_compile_again():
    traced = []

    def seen(state):
        traced.append(None)
        return going(state)

    chain = Chain(Partial(begin), Partial(seen), Partial(step), Partial(end))
    run = jax.jit(lambda fn, key, lengths: fn(key, lengths))
    run(continuously_batched(chain, 2), KEY, LENGTHS)
    once = len(traced)
    run(continuously_batched(chain, 2), KEY, LENGTHS + 1)
    assert len(traced) == once


def parts():
    knobs = {"sigma": 0.1, "stop": 0.04, "rate": 0.2}
    return (mixture(), LEVELS), knobs


def test_adp_in_slots_gives_the_images_of_adp():
    bound, knobs = parts()
    images = jnp.stack([image(i) for i in range(9)])
    chain = adp_early.adaptive_chain(*bound, **knobs)
    found = jax.jit(continuously_batched(chain, 4))(KEY, images)
    fn = Partial(purify.adaptive, score=bound[0], levels=bound[1], **knobs)
    wanted = jax.jit(purifax.batched(fn))(KEY, images)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=5e-7)


def test_every_device_has_its_own_loop_and_none_speaks():
    """Under `shard_map`: the same images, and no collective in the program."""
    bound, knobs = parts()
    images = jnp.stack([image(i) for i in range(8)])
    run = continuously_batched(adp_early.adaptive_chain(*bound, **knobs), 2)
    mesh = jax.make_mesh(
        (len(jax.devices()),), ("i",), axis_types=(jax.sharding.AxisType.Auto,)
    )
    rows = PartitionSpec("i")
    split = jax.jit(
        jax.shard_map(
            lambda key, x, index: run(key, x, index=index),
            mesh=mesh,
            in_specs=(PartitionSpec(), rows, rows),
            out_specs=rows,
        )
    )
    at = jnp.arange(8)
    text = split.lower(KEY, images, at).compile().as_text()
    assert not any(w in text for w in ("all-reduce", "all-gather", "all-to-all"))
    np.testing.assert_allclose(
        split(KEY, images, at), run(KEY, images), rtol=0, atol=5e-7
    )
