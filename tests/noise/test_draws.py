"""Noise: moments of the draws, and the variance-exploding process."""

import math
from dataclasses import dataclass

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import noise, schedule

KEY = jax.random.key(5)
SHAPE = (64, 64, 3)
COUNT = math.prod(SHAPE)
X = jnp.full(SHAPE, 0.3)
SIGMA = 0.25


def within(value, expected, deviation, count=COUNT, errors=4.0):
    """`value`, a mean of `count` draws, is within some standard errors."""
    assert abs(float(value) - expected) < errors * deviation / math.sqrt(count)


def test_gaussian_has_gaussian_moments():
    z = (np.asarray(noise.gaussian(KEY, X, SIGMA)) - 0.3) / SIGMA
    within(z.mean(), 0.0, 1.0)
    within((z**2).mean(), 1.0, math.sqrt(2))
    within(np.abs(z).mean(), math.sqrt(2 / math.pi), math.sqrt(1 - 2 / math.pi))
    within((z**3).mean(), 0.0, math.sqrt(15))
    within((z**4).mean(), 3.0, math.sqrt(96))


@pytest.mark.parametrize("draw", [noise.gaussian, noise.binary])
def test_pixels_are_independent(draw):
    z = np.asarray(draw(KEY, X, 1.0)) - 0.3
    z = z / z.std()
    for axis in range(3):
        neighbours = (z * np.roll(z, 1, axis)).mean()
        within(neighbours, 0.0, 1.0)


def test_binary_has_two_values_in_equal_shares():
    z = np.asarray(noise.binary(KEY, jnp.zeros(SHAPE), SIGMA))
    np.testing.assert_allclose(np.abs(z), SIGMA * math.sqrt(2 / math.pi), rtol=1e-6)
    within((z > 0).mean(), 0.5, 0.5)


def test_binary_and_gaussian_have_the_same_mean_absolute_value():
    two, bell = (
        np.abs(np.asarray(draw(KEY, jnp.zeros(SHAPE), SIGMA))).mean()
        for draw in (noise.binary, noise.gaussian)
    )
    within(bell / SIGMA, float(two / SIGMA), math.sqrt(1 - 2 / math.pi))


@pytest.mark.parametrize("draw", [noise.gaussian, noise.binary])
def test_noise_adds_to_the_image_in_proportion_to_sigma(draw):
    base = draw(KEY, jnp.zeros(SHAPE), 1.0)
    np.testing.assert_allclose(draw(KEY, X, SIGMA), X + SIGMA * base, atol=1e-6)
    np.testing.assert_array_equal(draw(KEY, X, 0.0), X)
    per_pixel = jnp.linspace(0, 1, COUNT).reshape(SHAPE)
    expected = X + per_pixel * base
    np.testing.assert_allclose(draw(KEY, X, per_pixel), expected, atol=1e-6)


def test_noise_is_not_clipped():
    assert noise.gaussian(KEY, X, 1.0).min() < 0
    assert noise.binary(KEY, X, 1.0).max() > 1


def test_heteroscedastic_deviation_grows_with_the_scaled_score():
    f = jnp.linspace(-3, 5, COUNT).reshape(SHAPE)
    score = Partial(lambda x, sigma, f: f / sigma, f=f)
    y = noise.heteroscedastic(KEY, X, 0.1, score=score, level=0.2, slope=0.3)
    z = noise.gaussian(KEY, jnp.zeros(SHAPE), 1.0)
    np.testing.assert_allclose(y, X + (0.1 + 0.3 * jnp.abs(f)) * z, atol=2e-6)


def test_heteroscedastic_looks_at_the_clean_image_at_its_level():
    score = Partial(lambda x, sigma: x / sigma**2)
    y = noise.heteroscedastic(KEY, X, 0.1, score=score, level=0.5, slope=1.0)
    z = noise.gaussian(KEY, jnp.zeros(SHAPE), 1.0)
    np.testing.assert_allclose(y, X + (0.1 + 0.3 / 0.5) * z, rtol=1e-5, atol=1e-6)


def test_exploding_process_starts_and_ends_at_its_levels():
    process = noise.VE(smallest=0.02, largest=3.0)
    np.testing.assert_allclose(process.sigma(0.0), 0.02, rtol=1e-6)
    np.testing.assert_allclose(process.sigma(1.0), 3.0, rtol=1e-6)
    np.testing.assert_allclose(process.sigma(0.5), math.sqrt(0.06), rtol=1e-6)
    np.testing.assert_array_equal(process.scale(jnp.array([0.0, 0.7])), 1.0)


def test_time_inverts_sigma():
    process, times = noise.VE(), jnp.linspace(0, 1, 11)
    sigmas = jax.vmap(process.sigma)(times)
    assert (jnp.diff(sigmas) > 0).all()
    np.testing.assert_allclose(jax.vmap(process.time)(sigmas), times, atol=1e-6)


def test_published_ladder_is_the_default_process_on_an_even_grid():
    ladder = schedule.geometric(50.0, 0.01, 232)
    assert ladder.shape == (232,)
    np.testing.assert_allclose(ladder[jnp.array([0, -1])], [50.0, 0.01], rtol=1e-5)
    np.testing.assert_allclose(ladder[:-1] / ladder[1:], 1.03756, rtol=2e-5)
    on_grid = noise.VE().sigma(jnp.linspace(1.0, 0.0, 232))
    np.testing.assert_allclose(ladder, on_grid, rtol=1e-5)


def test_levels_of_a_process_may_be_traced():
    at = jax.jit(lambda process, t: process.sigma(t))
    assert at(noise.VE(1.0, 4.0), 0.5) == 2.0
    slope = jax.grad(lambda top: noise.VE(1.0, top).sigma(1.0))(4.0)
    np.testing.assert_allclose(slope, 1.0, rtol=1e-6)


@dataclass(frozen=True)
class Shrinking:
    def scale(self, t):
        return 1 - t

    def sigma(self, t):
        return 3 * t


def test_perturb_scales_the_noised_image():
    y = noise.perturb(KEY, X, Shrinking(), 0.25)
    expected = 0.75 * noise.gaussian(KEY, X, 0.75)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


def test_perturb_under_the_exploding_process_adds_its_level():
    process = noise.VE(0.01, 1.0)
    y = noise.perturb(KEY, X, process, process.time(0.2))
    np.testing.assert_allclose(y, noise.gaussian(KEY, X, 0.2), atol=1e-5)


def test_draws_keep_the_dtype_and_use_a_key_once(strict):
    x = jnp.full((4, 4, 1), 0.5, jnp.bfloat16)
    bound = {"score": Partial(lambda x, sigma: x / sigma), "level": 0.2}
    for draw in (noise.gaussian, noise.binary, Partial(noise.heteroscedastic, **bound)):
        assert draw(jax.random.key(1), x, 0.1).dtype == jnp.bfloat16
    assert noise.perturb(jax.random.key(2), x, noise.VE(), 0.5).dtype == jnp.bfloat16
