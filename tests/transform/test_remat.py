"""Recomputation: the same results and gradients, at the memory that is promised."""

import itertools
from functools import partial

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import sample
from purifax.transform import remat

SCANS = [
    remat.none,
    remat.every_step,
    remat.square_root,
    remat.auto,
    remat.Within(2**20),
    remat.Within(150),
    remat.Within(0),
]
PIXELS = 64


def swing(x, size):
    """One smooth step, with a result of its own at each step."""
    return x + size * jnp.sin(3 * x), jnp.sum(x)


@partial(jax.jit, static_argnames=("scan", "segment"))
def pulled(scan, x, sizes, segment=None):
    """The last state, all results, and the gradient of both in start and sizes."""
    more = {} if segment is None else {"segment": segment}

    def run(x, sizes):
        return scan(swing, x, sizes, **more)

    value, pull = jax.vjp(run, x, sizes)
    return value, pull(jax.tree.map(jnp.cos, value))


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("scan", SCANS)
def test_every_scan_has_the_states_and_the_gradient_of_the_plain_one(
    scan, steps, float64
):
    x, sizes = jnp.linspace(0.1, 0.9, 5), jnp.linspace(0.3, 0.1, steps)
    ours = jax.tree.leaves(pulled(scan, x, sizes))
    plain = jax.tree.leaves(pulled(jax.lax.scan, x, sizes))
    for a, b in zip(ours, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("segment", [1, 2, 4, 7, 9])
def test_no_step_is_dropped_whatever_the_segment(segment):
    x, sizes = jnp.linspace(0.1, 0.9, 5), jnp.linspace(0.3, 0.1, 7)
    ours = pulled(remat.square_root, x, sizes, segment)
    plain = pulled(jax.lax.scan, x, sizes)
    assert ours[0][1].shape == (7,)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scan", SCANS)
def test_a_schedule_without_steps_changes_nothing(scan):
    x = jnp.ones(3)
    last, results = scan(swing, x, jnp.zeros(0))
    np.testing.assert_array_equal(last, x)
    assert results.shape == (0,)


def test_a_segment_needs_a_step():
    with pytest.raises(ValueError, match="at least 1 step, or None; got 0"):
        remat.square_root(swing, jnp.ones(2), jnp.ones(3), segment=0)


def images_kept(scan, steps):
    """Temporary memory of an exact gradient through Langevin steps, in images."""

    def score(x, sigma):
        return jnp.tanh(-x) + sigma * jnp.sin(3 * x) + jnp.exp(-x * x)

    def loss(x, key, schedule):
        chain = Partial(sample.langevin, score=score, scan=Partial(scan))
        last, _ = chain(key, x, sigmas=schedule, step_sizes=schedule)
        return jnp.sum(jnp.square(last))

    shapes = jax.ShapeDtypeStruct((PIXELS, PIXELS, 1), jnp.float32)
    schedule = jax.ShapeDtypeStruct((steps,), jnp.float32)
    lowered = jax.jit(jax.grad(loss)).lower(shapes, jax.random.key(0), schedule)
    found = lowered.compile().memory_analysis().temp_size_in_bytes
    return found / (4 * PIXELS**2)


def test_memory_grows_as_promised():
    """By the compiler's own figures: T A, T S + A and 2 sqrt(T) S + A images."""
    few, many = 100, 900
    kept = {
        scan: [images_kept(scan, steps) for steps in (few, many)]
        for scan in (remat.none, remat.every_step, remat.square_root)
    }
    slope = {scan: (b - a) / (many - few) for scan, (a, b) in kept.items()}
    assert slope[remat.none] > 3
    assert slope[remat.every_step] == pytest.approx(1, rel=0.05)
    more = kept[remat.square_root][1] - kept[remat.square_root][0]
    assert more == pytest.approx(2 * (30 - 10), rel=0.1)
    assert kept[remat.square_root][1] < 90 < 900 < kept[remat.every_step][1]


def test_auto_nests_long_chains_alone():
    short, long = remat.LONG - 1, remat.LONG
    each, nested, auto = remat.every_step, remat.square_root, remat.auto
    assert images_kept(auto, short) == images_kept(each, short)
    assert images_kept(auto, long) == images_kept(nested, long)
    assert images_kept(nested, long) < images_kept(each, long) / 2


@partial(jax.jit, static_argnames=("scan", "step"))
def witnessed(scan, step, x, sizes):
    def last(x, report):
        return jnp.sum(remat.witness(step, x, sizes, scan=scan, report=report)[0] ** 2)

    return jax.grad(last, argnums=(0, 1))(x, jnp.zeros(2))


@pytest.mark.parametrize("scan", SCANS)
def test_a_pure_step_is_computed_again_alike(scan):
    x, sizes = jnp.linspace(0.1, 0.9, 5), jnp.linspace(0.3, 0.1, 7)
    gradient, (gap, count) = witnessed(scan, swing, x, sizes)
    plain = jax.grad(lambda x: jnp.sum(jax.lax.scan(swing, x, sizes)[0] ** 2))(x)
    np.testing.assert_allclose(gradient, plain, rtol=1e-5)
    assert count == 7 and gap < 7e-7


COUNTER = itertools.count()


def restless(x, size):
    """A step that is never the same twice: hidden state, as a lost seed."""
    draw = jax.pure_callback(
        lambda s: np.float32(s * (next(COUNTER) % 97)),
        jax.ShapeDtypeStruct((), jnp.float32),
        jax.lax.stop_gradient(size),
    )
    return x + draw, None


@pytest.mark.parametrize("scan", [remat.every_step, remat.square_root])
def test_states_that_are_not_the_stored_ones_are_found(scan):
    _, (gap, count) = witnessed(scan, restless, jnp.ones(3), jnp.full(6, 0.1))
    assert count == 6 and gap > 0.1


def test_what_is_not_a_number_is_not_the_same():
    def broken(x, size):
        return x + jnp.log(-size), None

    _, (gap, _) = witnessed(remat.square_root, broken, jnp.ones(3), jnp.full(4, 0.1))
    assert np.isnan(gap)


def test_leaves_that_are_not_numbers_pass_through():
    def step(carry, size):
        x, on = carry
        return (x + size, on & (jnp.sum(x) < 3)), None

    def last(report):
        start = (jnp.ones(2), jnp.array(True))
        (x, on), _ = remat.witness(
            step, start, jnp.ones(5), scan=remat.square_root, report=report
        )
        return jnp.where(on, 0.0, jnp.sum(x))

    assert jax.grad(last)(jnp.zeros(2)).tolist() == [0.0, 5.0]
