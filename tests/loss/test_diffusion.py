"""Losses of diffusion models: their laws, weights, minima and bounds, worked out."""

import math

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import loss, noise
from purifax.loss.bound import bound_term
from purifax.noise.discrete import linear_betas

SHAPE = (2, 2, 2)
SIZE = math.prod(SHAPE)
MEAN, VARIANCE = 0.7, 0.04
COUNT = 4096
KEYS = jax.random.split(jax.random.key(0), COUNT)
CHAIN = noise.VPDiscrete(linear_betas(50, 2e-3, 0.3))
TIMES = jnp.arange(50)


def predictor(x, sigma, gain):
    """The exact scaled score of Gaussian images, times a number."""
    return -gain * sigma * (x - MEAN) / (VARIANCE + sigma**2)


def squared(sigma, gain):
    """E |z + f|^2 for a pixel, by hand."""
    return 1 - (2 * gain - gain**2) * sigma**2 / (VARIANCE + sigma**2)


def at_table(weight):
    """Over the chain's table, by the published alpha_bar of images in [-1, 1]."""
    alpha_bar = np.cumprod(1 - np.asarray(CHAIN.betas, np.float64))
    sigma = np.sqrt(1 / alpha_bar - 1) / 2
    return sigma, weight(alpha_bar / (1 - alpha_bar)), np.full(50, 1 / 50)


def at_times():
    """Uniform time of the variance-preserving process with beta from 0.1 to 20."""
    t = 1e-5 + (1 - 1e-5) * (np.arange(20_000) + 0.5) / 20_000
    total = 0.1 * t + 0.5 * t**2 * 19.9
    sigma = np.sqrt(np.exp(total) - 1) / 2
    return sigma, np.ones_like(t), np.full_like(t, 1 / t.size)


def at_normal():
    """EDM's lambda times sigma^2, on images in [-1, 1], over its normal log sigma."""
    z = np.linspace(-6, 6, 20_001)
    wide = np.exp(-1.2 + 1.2 * z)
    weight = (wide**2 + 0.25) / (wide * 0.5) ** 2 * wide**2
    density = np.exp(-(z**2) / 2)
    return wide / 2, weight, density / density.sum()


LOSSES = {
    "simple": (
        Partial(loss.simple, noise=CHAIN, times=TIMES),
        at_table(np.ones_like),
    ),
    "min_snr": (
        Partial(loss.min_snr, noise=CHAIN, times=TIMES, cap=3.0),
        at_table(lambda snr: np.minimum(snr, 3.0) / snr),
    ),
    "continuous": (Partial(loss.continuous, noise=noise.VP()), at_times()),
    "edm": (Partial(loss.edm), at_normal()),
}


@jax.jit
def losses(one, gain):
    z = jax.random.normal(jax.random.key(1), (COUNT, *SHAPE))
    f = Partial(predictor, gain=gain)
    return jax.vmap(lambda key, x: one(key, x, f))(KEYS, MEAN + math.sqrt(VARIANCE) * z)


@pytest.mark.parametrize("name", LOSSES)
def test_expected_losses_have_their_laws_and_weights(name):
    """At the best predictor, where the loss is least, and beside it."""
    one, (sigma, weight, law) = LOSSES[name]
    least = None
    for gain in (1.0, 0.0, 1.4):
        found = np.asarray(losses(one, gain), np.float64)
        expected = SIZE / 2 * np.sum(law * weight * squared(sigma, gain))
        error = found.std() / math.sqrt(COUNT)
        assert abs(found.mean() - expected) < 4 * error
        least = expected if least is None else least
        assert expected >= least


def test_the_time_of_the_smallest_and_of_the_largest_label_are_drawn():
    chain = noise.VPDiscrete(jnp.array([0.1, 0.5]))

    def tell(x, sigma):
        return jnp.full_like(x, sigma) - x / sigma

    black = jnp.zeros(SHAPE)
    run = jax.vmap(lambda key: loss.simple(key, black, tell, chain, jnp.arange(2)))
    levels = np.sqrt(2 * np.asarray(run(KEYS[:1024])) / SIZE)
    first = np.isclose(levels, chain.sigma(0), rtol=1e-3)
    last = np.isclose(levels, chain.sigma(1), rtol=1e-3)
    assert (first | last).all()
    assert abs(first.sum() - 512) < 4 * 16


def published(x, denoised, fraction, place):
    """KL of the posterior and the network's step in the chain's own coordinates."""
    betas = np.asarray(CHAIN.betas, np.float64)
    alpha_bar = np.concatenate([[1.0], np.cumprod(1 - betas)])
    beta, before, now = betas[place], alpha_bar[place], alpha_bar[place + 1]
    tilde = beta * (1 - before) / (1 - now)
    log_v = fraction * np.log(beta) + (1 - fraction) * np.log(tilde)
    apart = np.sqrt(before) * beta / (1 - now) * 2 * (x - denoised)
    ratio = np.exp(np.log(tilde) - log_v)
    each = -1 + log_v - np.log(tilde) + ratio + apart**2 * np.exp(-log_v)
    return 0.5 * np.sum(each)


def test_the_terms_of_the_bound_are_the_published_divergences():
    x, denoised, fraction = (jax.random.uniform(key, SHAPE) for key in KEYS[:3])
    term = jax.jit(lambda place: bound_term(x, denoised, fraction, CHAIN, TIMES, place))
    for place in (1, 2, 20, 49):
        expected = published(
            *(np.asarray(a, np.float64) for a in (x, denoised, fraction)), place
        )
        np.testing.assert_allclose(term(place), expected, rtol=2e-4, atol=2e-6)


def test_the_last_step_has_the_probability_of_one_of_256_levels():
    """Against math.erf, and adding up to one; its small variance is the next step's."""
    betas = np.asarray(CHAIN.betas, np.float64)
    alpha_bar = np.cumprod(1 - betas)
    tilde = betas[1] * (1 - alpha_bar[0]) / (1 - alpha_bar[1])
    fraction, mean = 0.3, 0.02
    deviation = math.sqrt(betas[0] ** fraction * tilde ** (1 - fraction)) / 2
    levels = jnp.arange(256) / 255
    term = jax.vmap(
        lambda x: bound_term(
            x.reshape(1, 1, 1),
            jnp.full((1, 1, 1), mean),
            jnp.full((1, 1, 1), fraction),
            CHAIN,
            TIMES,
            0,
        )
    )
    found = np.exp(-np.asarray(jax.jit(term)(levels), np.float64))
    edges = (np.arange(1, 256) - 0.5) / 255
    below = [0.5 * (1 + math.erf((e - mean) / deviation / math.sqrt(2))) for e in edges]
    expected = np.diff(np.concatenate([[0.0], below, [1.0]]))
    np.testing.assert_allclose(found, np.maximum(expected, 1e-12), atol=2e-6)
    assert found.sum() == pytest.approx(1, abs=1e-5)


def linear(x, sigma, gain, fraction):
    return predictor(x, sigma, gain), jnp.full_like(x, fraction)


def test_the_bound_teaches_the_variances_alone():
    """Means learn from noise prediction, variances from T times the bound in bits."""
    key, x = KEYS[5], jnp.full(SHAPE, 0.4)

    @jax.jit
    def slopes(gain, fraction, weight):
        def of(gain, fraction):
            network = Partial(linear, gain=gain, fraction=fraction)
            return loss.hybrid(key, x, network, CHAIN, TIMES, weight=weight)

        def plain(gain):
            return loss.simple(key, x, Partial(predictor, gain=gain), CHAIN, TIMES)

        return jax.value_and_grad(of, (0, 1))(gain, fraction), jax.grad(plain)(gain)

    (alone, (_, nothing)), _ = slopes(0.8, 0.3, 0.0)
    (whole, (mean, variance)), simple = slopes(0.8, 0.3, 0.01)
    np.testing.assert_allclose(mean, simple, rtol=1e-5)
    assert nothing == 0
    assert variance != 0
    k_time, k_noise = jax.random.split(key)
    place = int(jax.random.randint(k_time, (), 0, 50))
    sigma = CHAIN.sigma(place)
    noised = x + sigma * jax.random.normal(k_noise, SHAPE)
    denoised = noised + sigma * predictor(noised, sigma, 0.8)
    term = bound_term(x, denoised, jnp.full(SHAPE, 0.3), CHAIN, TIMES, place)
    expected = 0.5 * 0.01 * 50 * float(term) / math.log(2)
    assert float(whole - alone) == pytest.approx(expected, rel=1e-3)


def test_the_gradient_of_the_last_step_is_finite():
    """White and black pixels, whose outer edges are infinite; hopeless estimates."""
    x = jnp.array([0.0, 1.0, 0.5, 1.0]).reshape(2, 2, 1)
    denoised = jnp.array([0.0, 1.0, 0.5, 0.0]).reshape(2, 2, 1)
    slope = jax.grad(
        lambda p: bound_term(x, denoised, jnp.full_like(x, p), CHAIN, TIMES, 0)
    )(0.4)
    assert jnp.isfinite(slope) and slope != 0


def test_draws_have_keys_of_their_own(strict):
    x, f = jnp.full(SHAPE, 0.4), Partial(predictor, gain=1.0)
    for i, (one, _) in enumerate(LOSSES.values()):
        one(jax.random.key(i), x, f)
    both = Partial(linear, gain=1.0, fraction=0.5)
    loss.hybrid(jax.random.key(9), x, both, CHAIN, TIMES)
