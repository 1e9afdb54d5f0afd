"""Diffusion purification: what it removes on a Gaussian, and how it is composed."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, image, mixture

from purifax import noise, purify, sample, schedule

KEY = jax.random.key(31)
SIZE = image().size
SIGMA = 0.1
EIGEN = np.geomspace(2e-4, 5e-3, SIZE)  # below the noise and above it
BASIS = np.linalg.qr(np.random.default_rng(0).normal(size=(SIZE, SIZE)))[0]


def correlated():
    """The score of N(1/2, BASIS diag(EIGEN) BASIS^T): no pixel is independent."""
    basis, eigen = jnp.array(BASIS, jnp.float32), jnp.array(EIGEN, jnp.float32)

    def score(x, sigma, basis, eigen):
        along = basis.T @ (x - 0.5).ravel()
        return -(basis @ (along / (eigen + sigma**2))).reshape(x.shape)

    return Partial(score, basis=basis, eigen=eigen)


def in_eigen(x):
    """Coordinates along the eigen-directions."""
    return np.asarray(x, np.float64).reshape(*x.shape[:-3], SIZE) @ BASIS


@pytest.mark.parametrize(
    "sampler, power",
    [
        (Partial(sample.sde), 1.0),
        (Partial(sample.ancestral), 1.0),
        (Partial(sample.heun), 0.5),
        (Partial(sample.dpm_solver), 0.5),
    ],
)
def test_diffuse_removes_the_divergence_that_theory_says(sampler, power):
    """Along an eigen-direction of variance c, a shift of the mean keeps the share
    c / (c + sigma^2) of its divergence under the noise. Deterministic sampling is
    invertible and keeps that; stochastic sampling squares it.
    """
    shift = 0.02 * BASIS.sum(1).reshape(SHAPE)  # 0.02 along every direction
    sigmas = schedule.karras(SIGMA, 0.002, 40)
    run = jax.jit(Partial(purify.diffuse_from, score=correlated(), sigmas=sigmas))
    shifts = run(KEY, 0.5 + jnp.array(shift, jnp.float32), sampler=sampler)
    moved = in_eigen(shifts - run(KEY, jnp.full(SHAPE, 0.5), sampler=sampler))
    left = (moved / 0.02) ** 2
    kept = (EIGEN / (EIGEN + SIGMA**2)) ** (2 * power)
    np.testing.assert_allclose(left, kept, rtol=0.03, atol=1e-4)


def divergence(mean, variance):
    """Of a Gaussian from the clean law, along each eigen-direction."""
    ratio = variance / EIGEN
    return (ratio - 1 - np.log(ratio) + mean**2 / EIGEN) / 2


@pytest.mark.parametrize("sampler", [sample.sde, sample.heun])
def test_a_law_comes_out_with_the_divergence_that_theory_says(sampler):
    """The clean law stays; one that is shifted, and too wide along every other
    eigen-direction, comes out as a Gaussian again. With k = c / (c + sigma^2) and v the
    variance with the noise, the stochastic sampler leaves k^2 v + k sigma^2 of it and
    k times the shift, the deterministic one k v and sqrt(k) times the shift.
    """
    count, sigmas = 3000, schedule.karras(SIGMA, 0.002, 60)
    k_start, k_run = jax.random.split(KEY)
    z = np.asarray(jax.random.normal(k_start, (count, SIZE)))
    bound = {"score": correlated(), "sigmas": sigmas, "sampler": Partial(sampler)}
    run = jax.jit(jax.vmap(Partial(purify.diffuse_from, **bound)))
    k = EIGEN / (EIGEN + SIGMA**2)
    for shift, wide in ((0.0, np.ones(SIZE)), (0.02, 1 + 3.0 * (np.arange(SIZE) % 2))):
        start = 0.5 + (shift + z * np.sqrt(wide * EIGEN)) @ BASIS.T
        start = jnp.array(start, jnp.float32).reshape(count, *SHAPE)
        found = in_eigen(run(jax.random.split(k_run, count), start) - 0.5)
        noised = wide * EIGEN + SIGMA**2
        stochastic = sampler is sample.sde
        mean = shift * (k if stochastic else np.sqrt(k))
        variance = k**2 * noised + k * SIGMA**2 if stochastic else k * noised
        error = np.sqrt(variance / count)
        assert (np.abs(found.mean(0) - mean) < 4.5 * error + 0.03 * shift).all()
        ratio = found.var(0) / variance
        assert (np.abs(ratio - 1) < 0.03 + 4 * np.sqrt(2 / count)).all(), ratio
        left = divergence(found.mean(0), found.var(0))
        expected = divergence(mean, variance)
        np.testing.assert_allclose(left, expected, rtol=0.15, atol=0.02)
        assert (expected <= divergence(shift, wide * EIGEN) + 1e-12).all()


def test_times_and_levels_say_the_same():
    times = jnp.array([0.1, 0.05, 0.0])
    by_time = purify.diffuse(KEY, image(), mixture(), noise.VP(), times)
    levels = noise.VP().sigma(times)
    by_level = purify.diffuse_from(KEY, image(), mixture(), levels)
    np.testing.assert_array_equal(by_time, by_level)
    labels = jnp.array([50, 20, -1])
    chain = noise.VPDiscrete()
    by_label = purify.diffuse(KEY, image(), mixture(), chain, labels)
    by_level = purify.diffuse_from(KEY, image(), mixture(), chain.sigma(labels))
    np.testing.assert_array_equal(by_label, by_level)


def test_diffuse_noises_to_its_first_level_with_a_key_of_its_own():
    k_noise, k_sample = jax.random.split(KEY)
    levels = jnp.array([0.2, 0.1, 0.0])
    noised = noise.gaussian(k_noise, image(), 0.2)
    expected = sample.sde(k_sample, noised, mixture(), levels)[0]
    found = purify.diffuse_from(KEY, image(), mixture(), levels)
    np.testing.assert_array_equal(found, jnp.clip(expected, 0, 1))
    times = jnp.array([0.1, 0.05, 1e-4])
    noised = noise.gaussian(k_noise, image(), noise.VP().sigma(0.1))
    run = Partial(sample.sde_in_time, k_sample, noised, mixture(), noise.VP(), times)
    found = purify.diffuse_in_time(KEY, image(), mixture(), noise.VP(), times)
    np.testing.assert_array_equal(found, jnp.clip(run()[0], 0, 1))


def test_both_discretisations_of_the_sde_have_one_limit():
    """Their noise is alike too, for small steps."""
    times = jnp.linspace(0.1, 1e-5, 301)
    in_time = purify.diffuse_in_time(KEY, image(), mixture(), noise.VP(), times)
    in_level = purify.diffuse(KEY, image(), mixture(), noise.VP(), times)
    assert np.abs(in_time - in_level).max() < 0.02


def test_gradual_is_rounds_of_diffuse():
    chain = noise.VPDiscrete()
    stages = [
        (jnp.array([9, 4, -1]), jnp.arange(2)),
        (jnp.array([30, 9, -1]), jnp.arange(5, 6)),
    ]
    found = purify.gradual(KEY, image(), mixture(), chain, stages)
    x = image()
    for i, (times, draws) in enumerate(stages):
        for draw in draws:
            key = jax.random.fold_in(jax.random.fold_in(KEY, i), draw)
            x = purify.diffuse(
                key, x, mixture(), chain, times, sampler=Partial(sample.ancestral)
            )
    np.testing.assert_allclose(found, x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("verb", [purify.diffuse, purify.diffuse_in_time])
def test_times_that_rise_are_refused(verb):
    with pytest.raises(ValueError, match=r"must fall.*sigmas\[::-1\]"):
        verb(KEY, image(), mixture(), noise.VP(), jnp.array([0.0, 0.1]))
