"""Metropolis-adjusted Langevin: the exact law at any step, and the memory of chains."""

import math

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image

from purifax import energy, purify, sample, score
from purifax.sample import mala_chain
from purifax.sample.mala_chain import acceptance

KEY = jax.random.key(17)
CHAINS = 4096
MEAN, VARIANCE, STEP = 0.7, 0.04, 0.02
BOWL = energy.Gaussian(MEAN, VARIANCE)
# Two modes of unequal weight and width, overlapping.
PAIR = energy.Mixture(
    jnp.array([0.2, 0.8]).reshape(2, 1, 1, 1),
    jnp.array([0.02, 0.01]),
    jnp.log(jnp.array([0.6, 0.4])),
)


@jax.jit
def ends(sampler, key, start):
    keys = jax.random.split(key, start.shape[0])
    return jax.vmap(lambda key, x: sampler(key, x)[0])(keys, start)


def metropolis(fn, steps, size):
    return Partial(sample.mala, energy=fn, step_sizes=jnp.full(steps, size))


def unadjusted(fn, steps, size):
    sizes = jnp.full(steps, size)
    how = {"sigmas": sizes, "step_sizes": sizes}
    return Partial(sample.langevin, score=score.from_energy(fn), **how)


def normal(key, shape, variance):
    return MEAN + math.sqrt(variance) * jax.random.normal(key, (CHAINS, *shape))


def has_variance(x, variance):
    """Within four standard errors of independent values; the mean too."""
    x = np.asarray(x, np.float64).ravel()
    assert abs(x.mean() - MEAN) < 4 * math.sqrt(variance / x.size)
    assert abs(x.var() / variance - 1) < 4 * math.sqrt(2 / x.size)


def test_langevin_has_its_bias_and_metropolis_none():
    """Started in the law of the target: v / (1 - h / 2v) for Langevin, v for MALA."""
    start = normal(jax.random.key(1), (1, 1, 1), VARIANCE)
    has_variance(ends(metropolis(BOWL, 30, STEP), KEY, start), VARIANCE)
    biased = VARIANCE / (1 - STEP / (2 * VARIANCE))
    assert biased > 1.3 * VARIANCE
    has_variance(ends(unadjusted(BOWL, 30, STEP), KEY, start), biased)


def test_metropolis_keeps_the_law_of_many_pixels():
    """16 pixels, and steps of which a good part is refused."""
    start = normal(jax.random.key(2), (4, 4, 1), VARIANCE)
    chain = metropolis(BOWL, 10, STEP)
    has_variance(ends(chain, KEY, start), VARIANCE)
    _, path = jax.jit(chain)(KEY, start[0])
    assert 0.2 < acceptance(jnp.asarray(path)) < 1


def test_metropolis_forgets_where_it_started():
    start = jnp.zeros((CHAINS, 1, 1, 1))
    has_variance(ends(metropolis(BOWL, 60, STEP), KEY, start), VARIANCE)


def kolmogorov(x, distribution):
    x = np.sort(np.asarray(x, np.float64).ravel())
    ranks = (np.arange(x.size) + 0.5) / x.size
    return np.abs(distribution(x) - ranks).max() * math.sqrt(x.size)


def pair_distribution(x):
    total = 0.0
    weights = np.exp(PAIR.log_weights)
    for m, v, w in zip(PAIR.means.ravel(), PAIR.variances, weights, strict=True):
        z = (x - float(m)) / math.sqrt(2 * float(v))
        total = total + float(w) * 0.5 * (1 + np.vectorize(math.erf)(z))
    return total


def test_on_a_mixture_metropolis_is_exact_and_langevin_nearly():
    """Kolmogorov's statistic: 1.95 is exceeded by one true sample in a thousand."""
    start = jnp.full((CHAINS, 1, 1, 1), 0.5)
    exact = ends(metropolis(PAIR, 500, 0.02), KEY, start)
    assert kolmogorov(exact, pair_distribution) < 1.95
    # Langevin leaves that law at once with long steps, and not with short ones.
    for size, kept in ((0.01, False), (2e-4, True)):
        moved = ends(unadjusted(PAIR, 150, size), jax.random.key(9), exact)
        assert (kolmogorov(moved, pair_distribution) < 1.95) == kept


def test_a_temperature_widens_the_law():
    chain = Partial(metropolis(BOWL, 60, STEP), temperature=0.5)
    start = jnp.full((CHAINS, 1, 1, 1), MEAN)
    has_variance(ends(chain, KEY, start), 0.5 * VARIANCE)


def test_the_ratio_is_that_of_the_densities(float64):
    """Accepted exactly if log u is below the ratio worked out from its definition."""
    x = image().astype(jnp.float64)
    wells = Partial(lambda x: jnp.sum(jnp.cos(4 * x) + x**2))
    size = 0.08
    state, taken = mala_chain.MALAState.at(x, wells), []

    def log_q(to, at, h=size):
        gap = to - at - h * energy.force(at, wells)
        return -jnp.sum(jnp.square(gap)) / (4 * h)

    step = jax.jit(sample.mala_step)
    for i in range(20):
        key = jax.random.fold_in(KEY, i)
        k_noise, k_accept = jax.random.split(key)
        z = jax.random.normal(k_noise, x.shape, x.dtype)
        y = x + size * energy.force(x, wells) + jnp.sqrt(2 * size) * z
        ratio = wells(x) - wells(y) + log_q(x, y) - log_q(y, x)
        level = -jax.random.exponential(k_accept, (), x.dtype)
        found, accepted = step(key, state, wells, size)
        assert accepted == (level <= ratio)
        np.testing.assert_allclose(found.x, y if accepted else x, rtol=1e-12)
        taken.append(bool(accepted))
    assert 0 < sum(taken) < 20


@pytest.mark.parametrize("beyond", [jnp.nan, -jnp.inf, jnp.inf])
def test_a_step_into_nowhere_is_refused(beyond):
    wall = Partial(lambda x: jnp.sum(jnp.where(x > 0.9, beyond, 0.0 * x)))
    chain = metropolis(wall, 40, 0.05)
    last, path = jax.jit(chain)(KEY, jnp.full((1, 1, 1), 0.5))
    assert np.isfinite(last).all() and path.max() <= 0.9
    assert 0 < acceptance(path) < 1


def test_longer_chains_pass_through_the_states_of_shorter_ones():
    _, long = metropolis(BOWL, 7, STEP)(KEY, image())
    _, short = metropolis(BOWL, 4, STEP)(KEY, image())
    np.testing.assert_array_equal(long[:5], short)


def images_kept(sampler, steps, path=False):
    """Temporary and returned memory of a chain under `jit`, in images."""
    side = 32

    def run(key, x, sizes):
        last, states = sampler(key, x, BOWL, sizes)
        return (last, states) if path else last

    shape = jax.ShapeDtypeStruct((side, side, 1), jnp.float32)
    sizes = jax.ShapeDtypeStruct((steps,), jnp.float32)
    lowered = jax.jit(run).lower(jax.random.key(0), shape, sizes)
    found = lowered.compile().memory_analysis()
    return (found.temp_size_in_bytes + found.output_size_in_bytes) / (4 * side**2)


def walk(key, x, fn, sizes):
    return sample.langevin(key, x, score.from_energy(fn), sizes, sizes)


@pytest.mark.parametrize("sampler", [walk, sample.mala], ids=["langevin", "mala"])
def test_memory_of_a_chain_does_not_grow_unless_its_path_is_asked_for(sampler):
    short, long = (images_kept(sampler, steps) for steps in (10, 1500))
    assert long < short + 20
    assert images_kept(sampler, 1500, path=True) > 1500


def test_a_purifier_of_many_steps_needs_no_more_memory():
    for purifier in (purify.langevin, purify.mala):
        one = Partial(_only, purifier=purifier)
        assert images_kept(one, 1500) < images_kept(one, 10) + 20


def _only(key, x, fn, sizes, purifier):
    return purifier(key, x, fn, sizes), None
