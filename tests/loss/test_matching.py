"""Denoising score matching: its minimum, its two forms, its levels."""

import math

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import loss
from purifax.loss.matching import denoise

SHAPE = (2, 2, 2)
SIZE = math.prod(SHAPE)
MEAN, VARIANCE, SIGMA = 0.7, 0.04, 0.3
BEST_SLOPE = SIGMA / (VARIANCE + SIGMA**2)
COUNT = 4096
KEYS = jax.random.split(jax.random.key(0), COUNT)


def line(x, sigma, slope, centre):
    """A scaled score that is linear in x; the exact one for Gaussian images."""
    return -slope * (x - centre)


def zero(x, sigma):
    return jnp.zeros_like(x)


def tell(x, sigma):
    """On a black image the loss of this network is d sigma^2 / 2: it tells sigma."""
    return -x / sigma + sigma


def images():
    z = jax.random.normal(jax.random.key(1), (COUNT, *SHAPE))
    return MEAN + math.sqrt(VARIANCE) * z


@jax.jit
def losses(slope, centre):
    f = Partial(line, slope=slope, centre=centre)
    run = jax.vmap(loss.dsm_single, in_axes=(0, 0, None, None))
    return run(KEYS, images(), f, SIGMA)


@jax.jit
def sample_minimiser():
    """The loss is quadratic in (slope, slope centre): one Newton step is exact."""

    def mean_loss(p):
        f = Partial(line, slope=p[0], centre=0.0)
        shifted = Partial(lambda x, sigma, f, b: f(x, sigma) + b, f=f, b=p[1])
        run = jax.vmap(loss.dsm_single, in_axes=(0, 0, None, None))
        return jnp.mean(run(KEYS, images(), shifted, SIGMA))

    start = jnp.zeros(2)
    slope, offset = -jnp.linalg.solve(
        jax.hessian(mean_loss)(start), jax.grad(mean_loss)(start)
    )
    return slope, offset


@pytest.mark.parametrize(
    "slope, centre", [(BEST_SLOPE, MEAN), (0.0, 0.0), (1.0, 0.2), (4.0, 0.9)]
)
def test_expected_loss_of_a_linear_network(slope, centre):
    """E 1/2 |z - a (x0 + sigma z - c)|^2, worked out by hand."""
    bias = slope**2 * (VARIANCE + (MEAN - centre) ** 2)
    expected = SIZE / 2 * (bias + (1 - slope * SIGMA) ** 2)
    found = np.asarray(losses(slope, centre), np.float64)
    error = found.std() / math.sqrt(COUNT)
    assert abs(found.mean() - expected) < 4 * error


def test_the_minimum_is_the_exact_scaled_score():
    """Least squares of -z on x: errors as in any regression with d N rows."""
    slope, offset = (float(p) for p in sample_minimiser())
    rows = COUNT * SIZE
    spread = math.sqrt(VARIANCE + SIGMA**2)
    left = math.sqrt(VARIANCE) / spread
    error = left / spread / math.sqrt(rows)
    assert abs(slope - BEST_SLOPE) < 4 * error
    centre_error = left / math.sqrt(rows) / BEST_SLOPE
    assert abs(offset / slope - MEAN) < 4 * centre_error


def test_both_parametrisations_have_one_loss():
    """NCSNv2: 1/2 sum (s - target)^2 sigma^2, s = f / sigma, target = -z / sigma."""
    x, z = (jax.random.normal(key, SHAPE) for key in KEYS[:2])
    for sigma in (0.01, 0.3, 50.0):
        f = Partial(line, slope=0.8 / sigma, centre=0.4)
        ours = denoise(z, x, f, sigma)
        s, target = f(x + sigma * z, sigma) / sigma, -z / sigma
        theirs = 0.5 * jnp.sum((s - target) ** 2) * sigma**2
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_the_network_is_told_the_level():
    def f(x, sigma):
        return jnp.full_like(x, sigma)

    z, x = jnp.zeros(SHAPE), jnp.zeros(SHAPE)
    np.testing.assert_allclose(denoise(z, x, f, 0.5), SIZE / 8)


@jax.jit
def at_the_start():
    ladder = jnp.array([1.0, 0.1])
    return (
        jax.vmap(lambda k, x: loss.dsm_single(k, x, zero, SIGMA))(KEYS, images()),
        jax.vmap(lambda k, x: loss.dsm_ladder(k, x, zero, ladder))(KEYS, images()),
        jax.vmap(lambda k, x: loss.dsm_continuous(k, x, zero, 0.1, 1.0))(
            KEYS, images()
        ),
    )


def test_a_network_that_says_nothing_scores_half_the_size():
    for found in at_the_start():
        found = np.asarray(found, np.float64)
        error = math.sqrt(SIZE / 2 / COUNT)
        assert abs(found.mean() - SIZE / 2) < 4 * error
        assert abs(found.var() / (SIZE / 2) - 1) < 4 * math.sqrt(
            (2 + 12 / SIZE) / COUNT
        )


@jax.jit
def drawn_levels(ladder):
    black = jnp.zeros(SHAPE)
    found = jax.vmap(lambda key: loss.dsm_ladder(key, black, tell, ladder))(KEYS)
    return jnp.sqrt(2 * found / SIZE)


def test_every_level_of_the_ladder_is_drawn_equally_often():
    ladder = np.geomspace(2.0, 0.02, 8).astype(np.float32)
    levels = np.asarray(drawn_levels(ladder))
    nearest = np.abs(np.log(levels[:, None] / ladder)).argmin(axis=1)
    np.testing.assert_allclose(levels, ladder[nearest], rtol=1e-3)
    counts = np.bincount(nearest, minlength=8)
    error = math.sqrt(COUNT * (1 / 8) * (7 / 8))
    assert np.abs(counts - COUNT / 8).max() < 4 * error


def test_the_continuous_level_is_log_uniform():
    @jax.jit
    def levels(low, high):
        black = jnp.zeros(SHAPE)
        run = jax.vmap(lambda k: loss.dsm_continuous(k, black, tell, low, high))
        return jnp.sqrt(2 * run(KEYS) / SIZE)

    u = np.log(np.asarray(levels(0.02, 2.0)) / 0.02) / math.log(100)
    assert u.min() > -1e-3 and u.max() < 1 + 1e-3
    assert abs(u.mean() - 1 / 2) < 4 * math.sqrt(1 / 12 / COUNT)
    gap = np.abs(np.sort(u) - (np.arange(COUNT) + 0.5) / COUNT).max()
    assert gap < 1.95 / math.sqrt(COUNT)


def test_levels_and_noise_are_drawn_with_their_own_keys(strict):
    x, ladder = jnp.zeros(SHAPE), jnp.array([1.0, 0.1])
    loss.dsm_single(jax.random.key(0), x, zero, 0.5)
    loss.dsm_ladder(jax.random.key(1), x, zero, ladder)
    loss.dsm_continuous(jax.random.key(2), x, zero, 0.1, 1.0)


def test_gradients_reach_the_network():
    @jax.grad
    def slope_of(slope):
        f = Partial(line, slope=slope, centre=MEAN)
        return loss.dsm_ladder(KEYS[0], images()[0], f, jnp.array([SIGMA]))

    assert slope_of(0.0) < 0 < slope_of(50.0)
