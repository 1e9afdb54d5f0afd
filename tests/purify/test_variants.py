"""Variants of the adaptive purifier: detection, rounds, one step, two noise levels."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import bent_classifier, image, mixture

from purifax import classify, noise, purify, score
from purifax.purify import adp, adp_rounds, detection

KEY = jax.random.key(16)
X, MEAN = image(), image(1)
LEVELS = jnp.array([0.3, 0.25, 0.2])
HILL = replace(mixture(), variances=jnp.array([0.6, 0.9]))
FREE = {"rate": 0.2, "largest": 2.0}
PURIFIER = Partial(purify.adaptive, score=HILL, levels=LEVELS, **FREE)


@jax.jit
def run(fn, key, x, **knobs):
    return fn(key, x, **knobs)


def distance_score():
    """f(x) = m - x: its length is the distance to the mean."""
    return score.from_scaled(Partial(lambda x, level, mean: mean - x, mean=MEAN))


def test_scaled_norm_is_the_length_of_the_scaled_score():
    found = detection.scaled_norm(X, distance_score(), 0.3)
    np.testing.assert_allclose(found, np.linalg.norm(X - MEAN), rtol=1e-6)
    f = 0.3 * mixture()(X, 0.3)
    found = detection.scaled_norm(X, mixture(), 0.3)
    np.testing.assert_allclose(found, np.linalg.norm(f), rtol=1e-6)


def test_scaled_norm_has_a_finite_gradient_at_zero():
    slope = jax.grad(detection.scaled_norm)(MEAN, distance_score(), 0.3)
    assert jnp.isfinite(slope).all()


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_threshold_is_a_quantile_of_clean_norms(share):
    norms = jax.random.normal(KEY, (1000,))
    limit = detection.threshold(norms, share)
    np.testing.assert_allclose(limit, np.quantile(norms, 1 - share), rtol=1e-5)
    assert abs(float((norms > limit).mean()) - share) <= 1.5e-3


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_threshold_refuses_what_is_no_share(share):
    with pytest.raises(ValueError, match=f"share of clean images in .*{share}"):
        detection.threshold(jnp.ones(3), share)


def noised(sigma):
    """Compiled, as what it is compared with: roundings differ."""
    return run(Partial(noise.gaussian), KEY, X, sigma=sigma)


def test_detection_picks_the_noise_by_the_norm_of_the_clean_image():
    norm = float(detection.scaled_norm(X, distance_score(), 0.3))
    detect = Partial(
        purify.detect, purifier=Partial(noise.gaussian), score=distance_score()
    )
    for limit, sigma in ((0.99 * norm, 0.5), (1.01 * norm, 0.1)):
        found = run(detect, KEY, X, level=0.3, limit=limit, sigma=0.5, calm=0.2)
        np.testing.assert_allclose(found, noised(sigma), rtol=1e-5)
    plain = run(detect, KEY, X, level=0.3, limit=1.01 * norm)
    np.testing.assert_allclose(plain, noised(0.05), rtol=1e-5)
    plain = run(detect, KEY, X, level=0.3, limit=0.0)
    np.testing.assert_allclose(plain, noised(0.25), rtol=1e-5)


def test_detection_then_purification_is_purification_with_that_noise():
    detect = Partial(purify.detect, purifier=PURIFIER, score=mixture(), level=0.3)
    for limit, sigma in ((0.0, 0.3), (1e9, 0.06)):
        found = run(detect, KEY, X, limit=limit, sigma=0.3)
        np.testing.assert_allclose(found, run(PURIFIER, KEY, X, sigma=sigma), atol=1e-6)


def loop_of_rounds(sigmas):
    x = X
    for r, sigma in enumerate(sigmas):
        x = run(PURIFIER, jax.random.fold_in(KEY, r), x, sigma=sigma)
    return x


@pytest.mark.parametrize(
    "sigmas", [[0.15, 0.15, 0.15], np.geomspace(0.25, 0.05, 5).tolist()]
)
def test_rounds_are_a_loop(sigmas):
    bound = Partial(adp_rounds.rounds, purifier=PURIFIER)
    found = run(bound, KEY, X, sigmas=jnp.array(sigmas))
    np.testing.assert_allclose(found, loop_of_rounds(sigmas), atol=2e-5)


def test_rounds_of_a_longer_schedule_begin_alike():
    """Noise of round r depends on r alone: with all the rest silent, on sigma too."""
    bound = Partial(adp_rounds.rounds, purifier=Partial(noise.gaussian))
    long = run(bound, KEY, X, sigmas=jnp.array([0.1, 0.2, 0.0]))
    short = run(bound, KEY, X, sigmas=jnp.array([0.1, 0.2]))
    np.testing.assert_array_equal(long, short)


@pytest.mark.parametrize("perturb", [noise.gaussian, noise.binary])
def test_one_step_is_the_posterior_mean_of_a_gaussian(perturb):
    """y = clip(x + noise); the answer is (s^2 m + v y) / (s^2 + v), clipped."""
    oracle = score.Gaussian(mean=MEAN, variance=0.2)
    bound = Partial(purify.one_step, score=oracle, perturb=Partial(perturb))
    found = run(bound, KEY, X, sigma=0.4)
    y = np.clip(perturb(KEY, X, 0.4), 0, 1)
    np.testing.assert_allclose(found, (0.16 * MEAN + 0.2 * y) / 0.36, rtol=1e-5)


def test_one_step_stays_in_the_box():
    oracle = score.Gaussian(mean=jnp.where(MEAN > 0.5, 3.0, -3.0), variance=0.0)
    found = purify.one_step(KEY, X, oracle)
    np.testing.assert_array_equal(found, (MEAN > 0.5).astype(jnp.float32))


def test_two_noise_levels_are_halves_of_an_ensemble():
    model = Partial(classify.defend, purifier=PURIFIER, classifier=bent_classifier())
    sigmas = jnp.repeat(jnp.array([0.1, 0.25]), 2)
    each = Partial(classify.each, model=model, draws=jnp.arange(4))
    found = run(each, KEY, X, knobs={"sigma": sigmas})
    for draw, sigma in enumerate([0.1, 0.1, 0.25, 0.25]):
        y = run(PURIFIER, jax.random.fold_in(KEY, draw), X, sigma=sigma)
        np.testing.assert_allclose(found[draw], bent_classifier()(y), atol=1e-5)


def test_heteroscedastic_noise_enters_the_chain():
    perturb = Partial(noise.heteroscedastic, score=mixture(), level=0.3, slope=0.2)
    bound = Partial(adp.adaptive_trace, score=mixture(), levels=LEVELS, perturb=perturb)
    _, trace = run(bound, KEY, X, sigma=0.1)
    size = 0.1 + 0.2 * jnp.abs(0.3 * mixture()(X, 0.3))
    expected = jnp.clip(X + size * jax.random.normal(KEY, X.shape), 0, 1)
    np.testing.assert_allclose(trace.images[0], expected, atol=1e-5)
