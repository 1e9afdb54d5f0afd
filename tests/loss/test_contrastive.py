"""Maximum likelihood and score matching of energies, where the answer is known."""

import math

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import loss, sample, score

KEY = jax.random.key(23)
SHAPE = (2, 2, 1)
COUNT = 4096
MEAN, VARIANCE, SIGMA = 0.6, 0.04, 0.2


def bowl(x, slope, centre):
    """The energy of a Gaussian of precision `slope`."""
    return 0.5 * slope * jnp.sum(jnp.square(x - centre))


def truth():
    return {"slope": jnp.array(1 / VARIANCE), "centre": jnp.array(MEAN)}


def normal(key, variance=VARIANCE):
    return MEAN + math.sqrt(variance) * jax.random.normal(key, (COUNT, *SHAPE))


@jax.jit
def gradients(parameters, positives, negatives):
    """Of every pair by itself, in the slope and the centre."""

    def one(parameters, positive, negative):
        return loss.contrastive(positive, negative, Partial(bowl, **parameters))

    each = jax.vmap(jax.grad(one), (None, 0, 0))
    return each(parameters, positives, negatives)


def mean_is(values, expected):
    """Within four standard errors."""
    values = np.asarray(values, np.float64)
    assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize("by", ["samples", "chains"])
def test_the_gradient_is_zero_at_the_truth(by):
    k_data, k_start, k_chain = jax.random.split(KEY, 3)
    negatives = normal(k_start)
    if by == "chains":
        # A chain in its stationary law stays there: Metropolis has no bias.
        fn, steps = Partial(bowl, **truth()), jnp.full(10, 0.02)
        keys = jax.random.split(k_chain, COUNT)
        run = jax.jit(jax.vmap(lambda key, x: sample.mala(key, x, fn, steps)[0]))
        negatives = run(keys, negatives)
    for found in gradients(truth(), normal(k_data), negatives).values():
        mean_is(found, 0.0)


def test_the_gradient_elsewhere_is_the_gap_of_the_moments():
    """The data are wider than the model: the slope must fall, by half the gap."""
    k_data, k_model = jax.random.split(KEY)
    found = gradients(truth(), normal(k_data, 2 * VARIANCE), normal(k_model))
    mean_is(found["slope"], math.prod(SHAPE) / 2 * VARIANCE)
    assert found["slope"].mean() > 0.05


def test_no_gradient_flows_into_the_sampler():
    fn, x = Partial(bowl, **truth()), jnp.full(SHAPE, 0.3)
    assert not jax.grad(lambda y: loss.contrastive(x, y, fn))(3 * x).any()


def test_temperature_and_decay():
    fn, x = Partial(bowl, **truth()), jnp.full(SHAPE, 0.3)
    low, high = fn(x), fn(2 * x)
    found = loss.contrastive(x, 2 * x, fn, temperature=0.1, decay=0.5)
    expected = (low - high) / 0.1 + 0.5 * (low**2 + high**2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_bad_pairs_are_refused():
    fn, x = Partial(bowl, **truth()), jnp.zeros(SHAPE)
    with pytest.raises(ValueError, match="must be positive; got 0"):
        loss.contrastive(x, x, fn, temperature=0.0)
    with pytest.raises(ValueError, match=r"negative of shape \(3, 2, 1\)"):
        loss.contrastive(x, jnp.zeros((3, 2, 1)), fn)


@pytest.mark.parametrize("kind", ["plain", "scaled"])
def test_score_matching_of_an_energy_has_its_minimum_at_the_smoothed_truth(kind):
    """-dE/dx is the score of the data with noise, or sigma times it."""
    total = VARIANCE + SIGMA**2
    make = {"plain": score.from_energy, "scaled": score.from_scaled_energy}[kind]
    best = {"plain": 1 / total, "scaled": SIGMA / total}[kind]

    def one(parameters, key, x):
        fn = make(Partial(bowl, **parameters))
        return loss.dsm_single(key, x, Partial(score.scaled, score=fn), SIGMA)

    each = jax.jit(jax.vmap(jax.grad(one), (None, 0, 0)))
    keys, x = jax.random.split(KEY, COUNT), normal(jax.random.key(1))
    for factor, at_best in ((1.0, True), (1.2, False)):
        parameters = {"slope": jnp.array(factor * best), "centre": jnp.array(MEAN)}
        found = np.asarray(each(parameters, keys, x)["slope"], np.float64)
        error = found.std() / math.sqrt(COUNT)
        assert (abs(found.mean()) < 4 * error) == at_best
