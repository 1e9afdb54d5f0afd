"""From one image to many: indices, chunks, pytrees."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

import purifax

KEY = jax.random.key(31)
XS = jnp.arange(7.0)


def draw(key, x):
    return x + jax.random.normal(key)


def one_by_one(index):
    rows = zip(index, XS[: len(index)], strict=True)
    return np.array([draw(jax.random.fold_in(KEY, i), x) for i, x in rows])


@pytest.mark.parametrize("chunk", [None, 1, 3, 7, 100])
def test_every_image_has_the_key_of_its_index(chunk):
    found = purifax.batched(draw, chunk)(KEY, XS)
    np.testing.assert_allclose(found, one_by_one(range(7)), rtol=1e-6)


@pytest.mark.parametrize("chunk", [None, 2])
def test_an_image_is_known_by_the_index_given(chunk):
    index = [5, 1_000_003, 0]
    run = purifax.batched(draw, chunk)
    for given in (jnp.array(index), np.array(index, np.int64), index):
        found = run(KEY, XS[:3], index=given)
        np.testing.assert_allclose(found, one_by_one(index), rtol=1e-6)


@pytest.mark.parametrize("chunk", [0, -4])
def test_a_chunk_holds_an_image_at_least(chunk):
    with pytest.raises(ValueError, match=f"at least 1 image, or None; got {chunk}"):
        purifax.batched(draw, chunk)


@pytest.mark.parametrize("chunk", [None, 2])
def test_batches_and_results_may_be_pytrees(chunk):
    def fn(key, pair, scale):
        return {"sum": pair["a"] + pair["b"].sum(), "scaled": scale * pair["a"]}

    batch = {"a": jnp.arange(5.0), "b": jnp.ones((5, 2))}
    found = purifax.batched(fn, chunk)(KEY, batch, jnp.full(5, 3.0))
    np.testing.assert_array_equal(found["sum"], jnp.arange(5.0) + 2)
    np.testing.assert_array_equal(found["scaled"], 3 * jnp.arange(5.0))


def scaled_draw(key, x, scale):
    return scale * draw(key, x)


@pytest.mark.parametrize("chunk", [None, 2])
def test_a_rebuilt_map_does_not_retrace(chunk):
    traces = []

    @jax.jit
    def run(fn, key, xs):
        traces.append(None)
        return fn(key, xs)

    for scale in (1.0, 2.0):
        fn = purifax.batched(Partial(scaled_draw, scale=scale), chunk)
        found = run(fn, KEY, XS)
        np.testing.assert_allclose(found, scale * one_by_one(range(7)), rtol=1e-5)
    assert len(traces) == 1
    run(purifax.batched(Partial(scaled_draw, scale=1.0), 3), KEY, XS)
    assert len(traces) == 2, "another chunk is another program"


def test_parameters_of_the_function_are_leaves():
    fn = purifax.batched(Partial(scaled_draw, scale=2.5), chunk=2)
    assert jax.tree.leaves(fn) == [2.5]


def test_chunks_bound_what_runs_at_once():
    """The mapped program sees at most `chunk` images at a time."""
    text = jax.make_jaxpr(purifax.batched(lambda key, x: jnp.sin(x), 3))(KEY, XS)
    widths = {
        int(line.split(":f32[")[1].split("]")[0])
        for line in str(text).splitlines()
        if " sin " in line
    }
    assert widths == {3, 1}
