"""Samplers against the exact law of their discrete chain on a Gaussian."""

import math

import jax
import numpy as np
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture

from purifax import sample, schedule, score

KEY = jax.random.key(4)
SIDE = 64
MEAN = jnp.array([0.2, 0.9])
VARIANCE = jnp.array([0.05, 0.3])
SIGMAS = jnp.array([0.4, 0.3, 0.3, 0.1, 0.2])
STEPS = jnp.array([0.1, 0.03, 0.08, 0.02, 0.05])


def gaussian():
    """Every pixel of a channel is one independent chain."""
    shape = (SIDE, SIDE, 2)
    return score.Gaussian(
        jnp.broadcast_to(MEAN, shape), jnp.broadcast_to(VARIANCE, shape)
    )


@jax.jit
def chains(key, start, sigmas, step_sizes, temperature):
    x = jnp.broadcast_to(jnp.asarray(start), (SIDE, SIDE, 2))
    return sample.langevin(
        key, x, gaussian(), sigmas, step_sizes, temperature=temperature
    )


def exact_law(start, sigmas, steps, temperature):
    """Mean and variance after each step: x' = m + r (x - m) + sqrt(2 h T) z."""
    mean, variance = np.full(2, start), np.zeros(2)
    m, v = np.asarray(MEAN, np.float64), np.asarray(VARIANCE, np.float64)
    for sigma, h in zip(np.asarray(sigmas), np.asarray(steps), strict=True):
        r = 1 - h / (v + sigma**2)
        mean, variance = m + r * (mean - m), r**2 * variance + 2 * h * temperature
        yield mean, variance


def agrees(states, mean, variance):
    """Sample mean and variance within four standard errors of those of the law."""
    states = np.asarray(states, np.float64).reshape(-1, 2)
    count = len(states)
    assert (np.abs(states.mean(0) - mean) < 4 * np.sqrt(variance / count)).all()
    ratio = states.var(0) / variance
    assert (np.abs(ratio - 1) < 4 * math.sqrt(2 / count)).all()


def test_langevin_has_its_exact_law_at_every_step():
    for temperature in (1.0, 0.3):
        last, path = chains(KEY, 0.5, SIGMAS, STEPS, temperature)
        laws = exact_law(0.5, SIGMAS, STEPS, temperature)
        for states, (mean, variance) in zip(path[1:], laws, strict=True):
            agrees(states, mean, variance)
        np.testing.assert_array_equal(last, path[-1])
        np.testing.assert_array_equal(path[0], np.full_like(path[0], 0.5))


def test_langevin_is_stationary_with_the_bias_of_its_step():
    """Variance V / (1 - h / 2V), V = variance + sigma^2: not that of the target."""
    sigmas, steps = jnp.full(200, 0.1), jnp.full(200, 0.04)
    last, path = chains(KEY, 0.5, sigmas, steps, 1.0)
    target = np.asarray(VARIANCE, np.float64) + 0.01
    biased = target / (1 - 0.04 / (2 * target))
    agrees(last, np.asarray(MEAN), biased)
    assert np.asarray(last)[..., 0].var() > 1.3 * target[0]
    centred = np.asarray(path[150:], np.float64).reshape(51, -1, 2)
    centred -= np.asarray(MEAN)
    along = (centred[:-1] * centred[1:]).mean((0, 1)) / (centred**2).mean((0, 1))
    exact = 1 - 0.04 / target
    error = np.sqrt((1 - exact**2) / (50 * SIDE**2))
    assert (np.abs(along - exact) < 4 * error).all()


def test_langevin_is_a_loop_of_its_step():
    x = image()
    _, path = sample.langevin(KEY, x, mixture(), SIGMAS, STEPS, temperature=0.5)
    for i, (sigma, size) in enumerate(zip(SIGMAS, STEPS, strict=True)):
        key = jax.random.fold_in(KEY, i)
        x = sample.langevin_step(key, x, mixture(), sigma, size, temperature=0.5)
        np.testing.assert_allclose(path[i + 1], x, rtol=1e-4, atol=1e-5)


def test_longer_runs_pass_through_the_states_of_shorter_ones():
    for sampler in (
        Partial(sample.langevin, KEY),
        Partial(sample.annealed_langevin, KEY),
        sample.ascend,
    ):
        run = jax.jit(sampler)
        _, long = run(image(), mixture(), SIGMAS, STEPS)
        _, short = run(image(), mixture(), SIGMAS[:3], STEPS[:3])
        np.testing.assert_array_equal(long[:4], short)


def test_ascent_has_its_closed_form():
    x, oracle = image(), score.Gaussian(image(1), 0.2)
    last, path = sample.ascend(x, oracle, SIGMAS, STEPS)
    shrink = np.cumprod(1 - np.asarray(STEPS / (0.2 + SIGMAS**2), np.float64))
    for state, r in zip(path[1:], shrink, strict=True):
        np.testing.assert_allclose(state, image(1) + r * (x - image(1)), rtol=1e-5)
    np.testing.assert_array_equal(path[0], x)
    np.testing.assert_array_equal(last, path[-1])


def test_langevin_without_heat_is_ascent():
    cold, _ = sample.langevin(KEY, image(), mixture(), SIGMAS, STEPS, temperature=0.0)
    plain, _ = sample.ascend(image(), mixture(), SIGMAS, STEPS)
    np.testing.assert_allclose(cold, plain, rtol=1e-5, atol=1e-6)


def test_annealing_ends_with_one_denoising_step():
    last, path = sample.annealed_langevin(KEY, image(), mixture(), SIGMAS, STEPS)
    expected = path[-1] + SIGMAS[-1] ** 2 * mixture()(path[-1], SIGMAS[-1])
    np.testing.assert_allclose(last, expected, rtol=1e-5, atol=1e-6)
    _, plain = sample.langevin(KEY, image(), mixture(), SIGMAS, STEPS)
    np.testing.assert_allclose(path, plain, rtol=1e-5, atol=1e-6)


def test_annealing_finds_both_modes_in_their_shares():
    """From wide noise down to nothing: the clean mixture, 3 : 7."""
    means = jnp.array([0.2, 0.8]).reshape(2, 1, 1, 1)
    pair = score.Mixture(means, jnp.full(2, 4e-4), jnp.log(jnp.array([0.3, 0.7])))
    sigmas = jnp.repeat(schedule.geometric(1.0, 0.01, 24), 10)
    steps = schedule.langevin_steps(sigmas, 3e-5)

    @jax.jit
    @jax.vmap
    def run(key):
        k_start, k_chain = jax.random.split(key)
        x = 0.5 + jax.random.normal(k_start, (1, 1, 1))
        return sample.annealed_langevin(k_chain, x, pair, sigmas, steps)[0][0, 0, 0]

    ends = np.asarray(run(jax.random.split(KEY, 2000)))
    high = ends > 0.5
    assert abs(high.mean() - 0.7) < 4 * math.sqrt(0.21 / 2000)
    for found, mean in ((ends[~high], 0.2), (ends[high], 0.8)):
        assert abs(found.mean() - mean) < 4 * 0.02 / math.sqrt(len(found))
        assert abs(found.std() / 0.02 - 1) < 0.15
