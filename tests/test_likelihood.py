"""Log-likelihood against closed forms."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture

from purifax import likelihood, score

KEY = jax.random.key(51)
TOP, LOW = 3.0, 0.05
exact = Partial(likelihood.exact_divergence)


def levels(steps):
    return jnp.geomspace(TOP, LOW, steps + 1)


@jax.jit
def run(key, x, oracle, sigmas, divergence, prior):
    return likelihood.log_likelihood(
        key, x, oracle, sigmas, divergence=divergence, prior=prior
    )


def mixture_prior(x, sigma):
    return mixture().log_density(x, sigma)


def test_mixture_density_has_its_closed_form():
    oracle = mixture()
    for x in (image(), oracle.means[1] + 0.05):
        found, _ = run(KEY, x, oracle, levels(200), exact, Partial(mixture_prior))
        np.testing.assert_allclose(found, oracle.log_density(x, LOW), atol=0.05)


def test_flow_ends_where_the_spread_does():
    target = score.Gaussian(0.4, jnp.array([0.05, 0.3]))
    x = jnp.array([0.1, 0.9])
    prior = Partial(likelihood.isotropic, centre=0.4, variance=target.variance)
    found, top = run(KEY, x, target, levels(100), exact, prior)
    growth = jnp.sqrt((target.variance + TOP**2) / (target.variance + LOW**2))
    np.testing.assert_allclose(top, 0.4 + (x - 0.4) * growth, rtol=1e-3)
    closed = likelihood.isotropic(x, LOW, centre=0.4, variance=target.variance)
    np.testing.assert_allclose(found, closed, atol=2e-3)


def test_density_converges_with_order_two(float64):
    variance = jnp.array([0.05, 0.3])
    target = score.Gaussian(jnp.array(0.4), variance)
    x = jnp.array([0.1, 0.9])
    prior = Partial(likelihood.isotropic, centre=jnp.array(0.4), variance=variance)
    closed = prior(x, jnp.array(LOW))
    coarse, fine = (
        abs(float(run(KEY, x, target, levels(n), exact, prior)[0] - closed))
        for n in (40, 80)
    )
    assert abs(np.log2(coarse / fine) - 2) < 0.1, (coarse, fine)


def test_hutchinson_is_unbiased():
    """Over 600 keys, on a Jacobian that is far from diagonal."""
    x, sigma = mixture().means.mean(0), jnp.array(0.3)
    _, trace = likelihood.exact_divergence(KEY, x, mixture(), sigma)
    matrix = jax.jacobian(lambda y: mixture()(y, sigma))(x).reshape(x.size, x.size)
    np.testing.assert_allclose(trace, jnp.trace(matrix), rtol=1e-4)
    one = Partial(likelihood.hutchinson, draws=jnp.arange(2))
    estimate = jax.jit(jax.vmap(lambda k: one(k, x, mixture(), sigma)[1]))
    found = np.asarray(estimate(jax.random.split(KEY, 600)))
    # The variance for 2 signs: half of twice the squares off the diagonal.
    symmetric = np.asarray(matrix + matrix.T) / 2
    off = np.sum(symmetric**2) - np.sum(np.diag(symmetric) ** 2)
    assert abs(found.var() / off - 1) < 0.3
    assert abs(found.mean() - float(trace)) < 4 * np.sqrt(off / len(found))


def test_estimated_density_is_unbiased():
    oracle = mixture()
    x, one = oracle.means.mean(0), Partial(likelihood.hutchinson)
    prior = Partial(mixture_prior)
    many = jax.vmap(lambda k: run(k, x, oracle, levels(60), one, prior)[0])
    found = np.asarray(many(jax.random.split(KEY, 300)))
    expected, _ = run(KEY, x, oracle, levels(60), exact, prior)
    error = found.std() / np.sqrt(len(found))
    assert error > 1e-3 and abs(found.mean() - float(expected)) < 4 * error + 1e-3


def test_keys_and_dtypes_are_kept_apart(strict):
    value, top = likelihood.log_likelihood(
        jax.random.key(3), image(), mixture(), levels(3)
    )
    assert value.shape == () and top.dtype == jnp.float32


def test_bits_are_those_of_a_known_density():
    value = likelihood.isotropic(jnp.full(4, 0.5), 0.0, variance=1 / (2 * np.pi))
    np.testing.assert_allclose(value, 0.0, atol=1e-5)
    bits = likelihood.bits_per_dimension(jnp.log(jnp.array(16.0)), jnp.zeros((2, 2, 1)))
    np.testing.assert_allclose(bits, -1.0, rtol=1e-6)


@pytest.mark.parametrize("last, message", [(0.0, "positive"), (9.0, "must fall")])
def test_levels_without_a_density_are_refused(last, message):
    with pytest.raises(ValueError, match=message):
        likelihood.log_likelihood(KEY, image(), mixture(), jnp.array([3.0, last]))
