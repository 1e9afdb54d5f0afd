"""Guided purification: published steps, what guides, where the gradient goes."""

from functools import partial

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture
from scipy import ndimage

from purifax import noise, purify, sample
from purifax.purify import distance, gdmp, guided_diffusion, mimic

pytestmark = pytest.mark.usefixtures("unoptimised")

KEY, CHAIN = jax.random.key(51), noise.VPDiscrete()
LEVELS = CHAIN.sigma(jnp.array([60, 30, -1]))
each_distance = pytest.mark.parametrize(
    "measure, scales",
    [
        (distance.mean_square, guided_diffusion.square_scales),
        (distance.dissimilarity, guided_diffusion.similarity_scales),
    ],
)


@jax.jit
def guide(key, x, scales, levels=LEVELS, **more):
    return purify.guided(key, x, mixture(), levels, scales, **more)


@jax.jit
def purified(key, x, sigmas, scales, distance):
    return mimic.mimic_from_noise(key, x, mixture(), sigmas, scales, distance=distance)


def published(x, sigma):
    """The coordinates of the network, and the way back, at a level."""
    a = 1 / np.sqrt(1 + 4 * np.float64(sigma) ** 2)
    return a * (2 * x - 1), lambda y: (y / a + 1) / 2, a


@each_distance
def test_a_guided_step_is_the_published_one(measure, scales):
    """mean + V s grad(-distance) + sqrt(V) z with s = sqrt(1 / ab - 1) / m."""
    sigma, below = LEVELS[:2]
    x, near = image(), image(1)
    k_near, k_step = jax.random.split(KEY)
    y, back, a = published(np.asarray(x, np.float64), sigma)
    y_near, _, _ = published(noise.gaussian(k_near, near, sigma), sigma)
    _, back_below, a_below = published(x, below)
    if measure is distance.mean_square:
        pull = jax.grad(lambda y: jnp.mean((y - y_near) ** 2))(jnp.array(y))
    else:
        pull = jax.grad(lambda y: measure(back(y), back(y_near)))(jnp.array(y))
    beta = 1 - (a / a_below) ** 2
    m = 16 / 255 / 3 / (6e4 if measure is distance.mean_square else 7e4)
    s = np.sqrt(1 - a**2) / (m * a)
    e = -float(sigma) * np.asarray(mixture()(x, sigma), np.float64)
    mean = (y - beta / np.sqrt(1 - a**2) * e) * a_below / a
    z = np.asarray(jax.random.normal(k_step, x.shape))
    expected = back_below(mean - beta * s * np.asarray(pull) + np.sqrt(beta) * z)
    found = guided_diffusion.guided_step(
        KEY, x, near, mixture(), *LEVELS[:2], scales(LEVELS)[0], distance=measure
    )
    np.testing.assert_allclose(found, expected, rtol=3e-4, atol=1e-4)


def test_without_a_scale_it_is_ddpms_purifier():
    k_noise, k_steps = jax.random.split(KEY)
    x = noise.gaussian(k_noise, image(), LEVELS[0])
    for i in range(2):
        _, key = jax.random.split(jax.random.fold_in(k_steps, i))
        at = LEVELS[i], LEVELS[i + 1]
        large = Partial(sample.large)
        x = sample.ancestral_step(key, x, mixture(), *at, variance=large)
    found = guide(KEY, image(), jnp.zeros(2))
    np.testing.assert_allclose(found, jnp.clip(x, 0, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("measure", [distance.mean_square, distance.dissimilarity])
def test_guidance_leads_to_the_image_it_is_given(measure):
    near, levels = image(3), jnp.array([0.6, 0.3, 0.0])
    run = partial(guide, KEY, image(), levels=levels, near=near)
    run = partial(run, distance=Partial(measure))
    pulls = (jnp.full(2, s) for s in (0.0, 10.0, 30.0))
    apart = [float(jnp.mean((run(scales=s) - near) ** 2)) for s in pulls]
    assert apart[0] > 1.1 * apart[1] and apart[1] > 1.1 * apart[2]


def test_every_round_is_guided_to_the_input():
    scales, x = jnp.full(2, 50.0), image()
    run = jax.jit(partial(gdmp.guided_rounds, score=mixture(), sigmas=LEVELS))
    found = run(KEY, x, scales=scales, draws=jnp.array([3, 8]))
    for draw in (3, 8):
        x = guide(jax.random.fold_in(KEY, draw), x, scales, near=image())
    np.testing.assert_allclose(found, x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("verb", [purify.guided, mimic.mimic_from_noise])
def test_schedules_that_do_not_fit_are_refused(verb):
    with pytest.raises(ValueError, match="3 levels need 2 scales"):
        verb(KEY, image(), mixture(), LEVELS, jnp.ones(3))
    with pytest.raises(ValueError, match=r"must fall.*sigmas\[::-1\]"):
        verb(KEY, image(), mixture(), LEVELS[::-1], jnp.ones(2))


# Distances.


def windowed(v):
    """The Gaussian window of 11 pixels, zero beyond the border, by SciPy."""
    reach = np.arange(-5, 6)
    weights = np.exp(-0.5 * (reach / 1.5) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        v = ndimage.correlate1d(v, weights, axis, mode="constant")
    return v


def published_ssim(x, y):
    mx, my = windowed(x), windowed(y)
    vx, vy = windowed(x**2) - mx**2, windowed(y**2) - my**2
    both = (2 * mx * my + 1e-4) * (2 * (windowed(x * y) - mx * my) + 9e-4)
    return np.mean(both / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))


@pytest.mark.parametrize("shape", [(4, 4, 2), (20, 13, 3)])
def test_ssim_is_that_of_scipy(shape):
    x, y = np.random.default_rng(0).uniform(size=(2, *shape))
    y = 0.7 * x + 0.3 * y
    found = distance.ssim(jnp.array(x, jnp.float32), jnp.array(y, jnp.float32))
    np.testing.assert_allclose(found, published_ssim(x, y), rtol=1e-5)


def test_ssim_prefers_the_same_structure():
    x = jnp.array(np.random.default_rng(1).uniform(size=(16, 16, 1)), jnp.float32)
    noised = x + 0.1 * jax.random.normal(KEY, x.shape)
    assert abs(distance.ssim(x, x) - 1) < 1e-6
    assert (
        distance.ssim(x, 0.9 * x) > distance.ssim(x, noised) > distance.ssim(x, 1 - x)
    )


# Mimic.


def test_a_mimic_step_is_that_of_the_released_code():
    """Two guidances, each rho sqrt(ab) times the gradient, in x_t, of the norm's mean
    over pixels and a batch of 16, with the predicted noise held constant.
    """
    sigma, below = LEVELS[:2]
    x, near = image(), image(1)
    y, _, a = published(np.asarray(x, np.float64), sigma)
    _, back, a_below = published(x, below)
    e = -float(sigma) * np.asarray(mixture()(x, sigma), np.float64)
    clean = (y - np.sqrt(1 - a**2) * e) / a
    pull = np.sign(clean - (2 * np.asarray(near) - 1)) / a / (16 * 4 * 4)
    c1 = np.sqrt((1 - (a / a_below) ** 2) * (1 - a_below**2) / (1 - a**2))
    c2 = np.sqrt(1 - a_below**2 - c1**2)
    z = np.asarray(jax.random.normal(KEY, x.shape))
    y = a_below * clean + c1 * z + c2 * e - 2 * 3000 * a * pull
    scale = mimic.mimic_scales(LEVELS, start=-1.0)[0]
    found = mimic.mimic_step(KEY, x, near, mixture(), sigma, below, scale)
    np.testing.assert_allclose(found, back(y), rtol=2e-4, atol=1e-4)


def test_mimic_guides_in_the_middle_of_its_steps():
    levels = CHAIN.sigma(jnp.append(jnp.arange(990, -1, -10), -1))
    guided = np.flatnonzero(mimic.mimic_scales(levels))
    np.testing.assert_array_equal(guided, np.arange(21, 90))


def test_mimic_sees_the_image_by_its_guidance_alone():
    levels = jnp.array([20.0, 2.0, 0.5, 0.0])
    bound = Partial(distance.mean_square)
    free = [purified(KEY, x, levels, jnp.zeros(3), bound) for x in (image(), image(1))]
    np.testing.assert_array_equal(*free)
    led = purified(KEY, image(1), levels, jnp.array([0.0, 8.0, 8.0]), bound)
    apart = [float(jnp.abs(x - image(1)).mean()) for x in (free[0], led)]
    assert apart[1] < 0.8 * apart[0]


def test_the_manhattan_distance_hides_the_gradient_and_the_square_does_not():
    levels, scales = jnp.array([20.0, 2.0, 0.5, 0.0]), jnp.array([0.0, 1.0, 1.0])

    def total(x, distance):
        return jnp.sum(jnp.sin(purified(KEY, x, levels, scales, distance)))

    gradient = jax.jit(jax.grad(total))
    assert not gradient(image(), Partial(distance.manhattan)).any()
    assert jnp.abs(gradient(image(), Partial(distance.mean_square))).max() > 1e-4
