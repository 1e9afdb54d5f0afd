"""Early exit is the masked scan; precision of the two curvatures."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, image, mixture

import purifax
from purifax import purify, score
from purifax.purify import adp, curvature
from purifax.purify.adp_early import adaptive_early

KEY = jax.random.key(6)
MEAN = image(1)
LEVELS = jnp.full(12, 0.2)


def flattening(x, level, mean):
    """Bends more the nearer the mean: near images stop sooner."""
    return (mean - x) / ((mean - x) ** 2 + 0.5)


CURVED = score.from_scaled(Partial(flattening, mean=jnp.full(SHAPE, 0.5)))


def spread_images():
    """Grey images at several distances from the mean."""
    offsets = jnp.array([0.0, 0.1, 0.3, 0.35, 0.4, 0.49])
    signs = jnp.where(image() > 0.5, 1.0, -1.0)
    return 0.5 + offsets.reshape(-1, 1, 1, 1) * signs[None]


@jax.jit
def one(fn, key, x):
    return fn(key, x)


@jax.jit
def many(fn, key, images):
    return purifax.batched(fn)(key, images)


def bound(verb, **knobs):
    return Partial(verb, score=CURVED, levels=LEVELS, **knobs)


@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_early_exit_gives_the_same_bits(sigma):
    knobs = {"sigma": sigma, "stop": 0.04}
    whole, early = (bound(v, **knobs) for v in (purify.adaptive, adaptive_early))
    for x in spread_images():
        np.testing.assert_array_equal(one(whole, KEY, x), one(early, KEY, x))
    _, trace = many(bound(adp.adaptive_trace, **knobs), KEY, spread_images())
    taken = (np.asarray(trace.step_sizes) > 0).sum(axis=1)
    assert len(set(taken.tolist())) > 2, "the images are to stop at different steps"
    assert taken.max() < len(LEVELS)


def test_early_exit_in_a_batch_waits_for_the_slowest_and_changes_no_image():
    """The two loops fuse differently under `vmap`: equal to the last bit or two."""
    whole, early = (
        many(bound(verb, sigma=0.1, stop=0.04), KEY, spread_images())
        for verb in (purify.adaptive, adaptive_early)
    )
    np.testing.assert_allclose(whole, early, rtol=0, atol=5e-7)


def test_early_exit_alone_gives_the_same_bits_at_the_last_step():
    whole, early = (
        jax.jit(verb)(KEY, image(), mixture(), jnp.full(3, 0.2), largest=0.5)
        for verb in (purify.adaptive, adaptive_early)
    )
    np.testing.assert_array_equal(whole, early)


@pytest.mark.parametrize("verb, steps", [(purify.adaptive, 5), (adaptive_early, 2)])
def test_early_exit_leaves_the_loop(verb, steps):
    """The image stops at the second of five steps; a step calls the score twice."""
    calls = []

    def counting(x, level):
        jax.debug.callback(lambda: calls.append(None))
        return (MEAN - x) / level

    levels = jnp.array([0.5, 0.01, 0.5, 0.5, 0.5])
    how = Partial(curvature.by_difference)
    fn = score.from_scaled(counting)
    verb(KEY, image(), fn, levels, curvature=how).block_until_ready()
    jax.effects_barrier()
    assert len(calls) == 2 * steps


def test_what_follows_the_stop_does_not_matter():
    towards = score.from_scaled(Partial(lambda x, s, mean: (mean - x) / s, mean=MEAN))
    levels = jnp.array([0.5, 0.01, jnp.nan, jnp.nan])
    for verb in (purify.adaptive, adaptive_early):
        found = verb(KEY, image(), towards, levels, sigma=0.0)
        np.testing.assert_allclose(
            found, MEAN + 0.95 * (image() - MEAN), rtol=1e-5, atol=1e-6
        )


def network_in(dtype):
    """The scaled score of a small smooth network that computes in `dtype`."""
    size = MEAN.size
    w = (0.05 * jax.random.normal(jax.random.key(1), (size, size))).astype(dtype)
    mean = MEAN.astype(dtype).ravel()

    def network(x, level):
        h = x.astype(dtype).ravel()
        out = (mean - h) * 2 + w @ jnp.tanh(h)
        return out.reshape(x.shape).astype(x.dtype)

    return score.from_scaled(network)


def first_step(bend, dtype, x):
    level = jnp.array(0.2, x.dtype)
    return curvature.step_size(bend(x, level, network_in(dtype))[1])


def test_jvp_tolerates_bfloat16_and_the_difference_does_not():
    exact = first_step(curvature.by_jvp, jnp.float32, image())
    assert 0.001 < exact < 0.1
    error = {
        curvature: abs(first_step(curvature, jnp.bfloat16, image()) / exact - 1)
        for curvature in (curvature.by_jvp, curvature.by_difference)
    }
    assert error[curvature.by_jvp] < 0.05 < error[curvature.by_difference]
    same = first_step(curvature.by_difference, jnp.float32, image())
    assert abs(same / exact - 1) < 0.01


def test_bfloat16_images_stay_bfloat16_and_close():
    x = image().astype(jnp.bfloat16)
    half = first_step(curvature.by_jvp, jnp.bfloat16, x)
    exact = first_step(curvature.by_jvp, jnp.float32, image())
    assert abs(half / exact - 1) < 0.05
    fn = network_in(jnp.bfloat16)
    for verb in (purify.adaptive, adaptive_early):
        found = verb(KEY, x, fn, LEVELS.astype(jnp.bfloat16))
        assert found.dtype == jnp.bfloat16
        assert jnp.isfinite(found).all()
