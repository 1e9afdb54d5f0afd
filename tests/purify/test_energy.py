"""Purification by energies, and PureGen's combinations with a diffusion."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture

from purifax import energy, noise, purify, sample, score
from purifax.noise.discrete import linear_betas
from purifax.purify import puregen, puregen_filter
from purifax.purify.puregen_filter import filtered

KEY = jax.random.key(61)
STEPS = jnp.array([4e-4, 3e-4, 2e-4])
CHAIN = noise.VPDiscrete(linear_betas(8, 0.01, 0.3))
TIMES = jnp.array([5, 4, 3, 2, 1, 0, -1])


def pair():
    known = mixture()
    return energy.Mixture(known.means, known.variances, known.log_weights)


@pytest.mark.parametrize("verb", [purify.langevin, purify.mala])
def test_a_chain_without_steps_is_the_identity(verb):
    np.testing.assert_array_equal(verb(KEY, image(), pair(), STEPS[:0]), image())


def test_a_purifier_is_the_end_of_its_chain_at_its_temperature():
    pull = score.from_energy(pair(), 0.2)
    expected, _ = sample.langevin(KEY, image(), pull, STEPS, STEPS)
    found = purify.langevin(KEY, image(), pair(), STEPS, temperature=0.2)
    np.testing.assert_array_equal(found, expected)
    expected, _ = sample.mala(KEY, image(), energy.Tempered(pair(), 0.2), STEPS)
    found = purify.mala(KEY, image(), pair(), STEPS, temperature=0.2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_no_published_chain_is_clipped():
    outside = purify.langevin(KEY, jnp.ones((4, 4, 2)), pair(), 50 * STEPS)
    assert outside.max() > 1


@pytest.mark.parametrize("verb", [purify.langevin, purify.mala])
def test_a_temperature_of_zero_is_refused(verb):
    with pytest.raises(ValueError, match="must be positive; got 0"):
        verb(KEY, image(), pair(), STEPS, temperature=0.0)


def parts():
    ebm = Partial(purify.langevin, energy=pair(), step_sizes=STEPS)
    ddpm = Partial(puregen.puregen_ddpm, score=mixture(), noise=CHAIN, times=TIMES)
    return ebm, ddpm


def test_naive_and_reps_are_chains_and_rounds():
    """In PureGen's terms: T = [n, t, 1], and [n, t, 2]."""
    ebm, ddpm = parts()
    x, rounds = image(), []
    for r in range(2):
        key = jax.random.fold_in(KEY, r)
        x = ebm(jax.random.fold_in(key, 0), x)
        x = ddpm(jax.random.fold_in(key, 1), x)
        rounds.append(x)
    for draws, expected in zip((1, 2), rounds, strict=True):
        found = puregen.puregen_rounds(KEY, image(), parts(), jnp.arange(draws))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_filter_purifies_above_its_limit_alone():
    """One image at a time, it chooses those that `highest` does."""
    images = jnp.stack([image(), 1 - image(), 0.2 * image(), jnp.full_like(image(), 2)])
    energies = jax.vmap(pair())(images)
    purifier, limit = parts()[0], jnp.median(energies)
    bound = Partial(filtered, purifier=purifier, energy=pair(), limit=limit)
    found = jax.vmap(bound, (None, 0))(KEY, images)
    expected = jnp.where(
        puregen_filter.highest(energies, 0.5)[:, None, None, None],
        jax.vmap(purifier, (None, 0))(KEY, images),
        images,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def published(key, x):
    """PureGen's program in its own coordinates: label t, sampled from t - 1."""
    k_noise, k_sample = jax.random.split(key)
    betas = np.asarray(CHAIN.betas, np.float64)
    total = np.cumprod(1 - betas)
    t = int(TIMES[0])
    z = np.asarray(jax.random.normal(k_noise, x.shape), np.float64)
    u = total[t] ** 0.5 * (2 * np.asarray(x, np.float64) - 1)
    u = u + (1 - total[t]) ** 0.5 * z
    for i, label in enumerate(range(t - 1, -1, -1)):
        a, s = total[label] ** 0.5, (1 - total[label]) ** 0.5
        level = s / a / 2
        seen = jnp.asarray(0.5 + u / a / 2, jnp.float32)
        eps = -level * np.asarray(mixture()(seen, level), np.float64)
        u = (u - betas[label] / s * eps) / (1 - betas[label]) ** 0.5
        if label:
            variance = betas[label] * (1 - total[label - 1]) / (1 - total[label])
            draw = jax.random.normal(jax.random.fold_in(k_sample, i), x.shape)
            u = u + variance**0.5 * np.asarray(draw, np.float64)
    return np.clip((u + 1) / 2, 0, 1)


def test_puregens_diffusion_is_that_of_its_program():
    found = parts()[1](KEY, image())
    np.testing.assert_allclose(found, published(KEY, image()), atol=2e-5)
    ours = purify.diffuse(
        KEY, image(), mixture(), CHAIN, TIMES, sampler=Partial(sample.ancestral)
    )
    assert np.abs(found - ours).max() > 0.01  # one label apart


def test_a_diffusion_of_one_step_is_refused():
    with pytest.raises(ValueError, match="three times or more.*got 2"):
        puregen.puregen_ddpm(KEY, image(), mixture(), CHAIN, TIMES[-2:])


ENERGIES = jnp.array([0.3, -1.0, 0.9, 0.3, jnp.nan, 0.1, 0.2])


@pytest.mark.parametrize("fraction", [0.0, 0.29, 0.5, 1.0])
def test_the_filter_takes_its_share_of_the_highest(fraction):
    """Seven images: int(7 k) of them."""
    worst_first = [4, 2, 0, 3, 6, 5, 1]
    expected = np.isin(np.arange(7), worst_first[: int(7 * fraction)])
    found = puregen_filter.highest(ENERGIES, fraction)
    np.testing.assert_array_equal(found, expected)
    traced = jax.jit(puregen_filter.highest)(ENERGIES, fraction)
    np.testing.assert_array_equal(traced, expected)


def test_a_share_that_floats_round_is_that_of_the_program():
    """int(0.29 * 100) is 28 in double precision."""
    assert int(puregen_filter.highest(jnp.arange(100.0), 0.29).sum()) == 28


def test_what_is_no_share_is_refused():
    with pytest.raises(ValueError, match=r"share of the set in \[0, 1\]; got 1.5"):
        puregen_filter.highest(ENERGIES, 1.5)
