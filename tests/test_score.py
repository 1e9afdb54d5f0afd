"""Scores: exact oracles, conversions between what networks predict, Tweedie."""

from dataclasses import dataclass

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, image, mixture

from purifax import energy, noise, score

X, SIGMA = image(), jnp.array(0.3)
MEAN = image(1)
ORACLES = {
    "gaussian": score.Gaussian(mean=MEAN, variance=jnp.array(0.07)),
    "mixture": mixture(),
}
every_oracle = pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)


def noise_of(x, sigma, oracle):
    return -sigma * oracle(x, sigma)


def scaled_of(x, sigma, oracle):
    return sigma * oracle(x, sigma)


def clean_of(x, sigma, oracle):
    return x + sigma**2 * oracle(x, sigma)


@jax.jit
def evaluate(fn, x, sigma):
    return fn(x, sigma)


@every_oracle
@pytest.mark.parametrize(
    "convert, network",
    [
        (score.from_scaled, scaled_of),
        (score.from_noise, noise_of),
        (score.from_denoiser, clean_of),
    ],
    ids=["scaled", "noise", "denoiser"],
)
def test_conversions_recover_the_score(oracle, convert, network):
    converted = convert(Partial(network, oracle=oracle))
    for sigma in (0.05, 0.3, 2.0):
        found = evaluate(converted, X, jnp.array(sigma))
        np.testing.assert_allclose(found, oracle(X, sigma), rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize(
    "process", [noise.VP(), noise.VPDiscrete(), noise.SubVP(), noise.VPCosine()]
)
def test_a_network_of_a_process_sees_what_it_was_trained_on(process):
    """The exact noise prediction at y_t = a(t) (y + s z), y in [-1, 1], s = 2 sigma."""
    mean, variance = 2 * 0.3 - 1, 4 * 0.07

    def predicted(y_t, t):
        scale, level = process.scale(t), 2 * process.sigma(t)
        return level * (y_t / scale - mean) / (variance + level**2)

    found = score.from_process(predicted, process)
    exact = score.Gaussian(0.3, 0.07)
    for sigma in (0.02, 0.3, 2.0):
        at = evaluate(found, X, jnp.array(sigma))
        np.testing.assert_allclose(at, exact(X, sigma), rtol=2e-3, atol=1e-4)


@every_oracle
def test_scaled_is_sigma_times_the_score(oracle):
    np.testing.assert_allclose(
        score.scaled(X, SIGMA, oracle), 0.3 * oracle(X, SIGMA), rtol=1e-6
    )


def test_mixture_score_is_the_gradient_of_its_log_density():
    for sigma in (0.0, 0.1, 1.0):
        slope = jax.grad(mixture().log_density)(X, sigma)
        np.testing.assert_allclose(mixture()(X, sigma), slope, rtol=1e-4, atol=1e-4)


def test_gaussian_score_is_the_gradient_of_its_log_density():
    one = score.Mixture(MEAN[None], jnp.array([0.07]), jnp.zeros(1))
    found = ORACLES["gaussian"](X, SIGMA)
    np.testing.assert_allclose(found, one(X, SIGMA), rtol=1e-5, atol=1e-6)
    slope = jax.grad(one.log_density)(X, SIGMA)
    np.testing.assert_allclose(found, slope, rtol=1e-5, atol=1e-5)


def test_tweedie_is_the_posterior_mean_of_a_gaussian():
    """x0 ~ N(m, v), x = x0 + sigma z: the mean of x0 given x."""
    expected = (0.09 * MEAN + 0.07 * X) / (0.09 + 0.07)
    found = score.denoise(X, SIGMA, ORACLES["gaussian"])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.05, 0.4])
@pytest.mark.parametrize("x", [-0.3, 0.45, 1.4])
def test_mixture_agrees_with_numeric_integration(sigma, x):
    """p_sigma(x) is the integral of p(y) N(x; y, sigma^2) over y."""
    weights, means, variances = [0.3, 0.7], [0.1, 0.9], [0.01, 0.04]
    oracle = score.Mixture(
        jnp.array(means).reshape(2, 1, 1, 1),
        jnp.array(variances),
        jnp.log(jnp.array(weights)),
    )
    y = np.linspace(-4, 5, 180_001)

    def bell(d, v):
        return np.exp(-(d**2) / (2 * v)) / np.sqrt(2 * np.pi * v)

    parts = zip(weights, means, variances, strict=True)
    joint = sum(w * bell(y - m, v) for w, m, v in parts) * bell(x - y, sigma**2)
    density = joint.sum() * (y[1] - y[0])
    posterior = (joint * y).sum() / joint.sum()
    point = jnp.full((1, 1, 1), x)
    log_density = oracle.log_density(point, sigma)
    np.testing.assert_allclose(jnp.exp(log_density), density, rtol=1e-3)
    denoised = score.denoise(point, sigma, oracle)[0, 0, 0]
    np.testing.assert_allclose(denoised, posterior, rtol=1e-3, atol=1e-4)
    slope = (posterior - x) / sigma**2
    np.testing.assert_allclose(oracle(point, sigma)[0, 0, 0], slope, rtol=1e-3)


def test_energy_and_score_of_a_gaussian_agree():
    at = energy.Gaussian(mean=MEAN, variance=0.07)
    clean = ORACLES["gaussian"](X, 0.0)
    np.testing.assert_allclose(energy.force(X, at), clean, rtol=1e-5)
    for sigma in (0.01, 5.0):
        found = score.from_energy(at)(X, jnp.array(sigma))
        np.testing.assert_allclose(found, clean, rtol=1e-5)


def test_energy_is_the_exponent_of_the_density():
    at = energy.Gaussian(mean=MEAN, variance=0.07)
    one = score.Mixture(MEAN[None], jnp.array([0.07]), jnp.zeros(1))
    energies = at(X) - at(MEAN)
    log_densities = one.log_density(MEAN, 0.0) - one.log_density(X, 0.0)
    np.testing.assert_allclose(energies, log_densities, rtol=1e-5)


def test_temperature_divides_the_force():
    at = energy.Gaussian(mean=MEAN, variance=0.07)
    cold, hot = (score.from_energy(at, t)(X, SIGMA) for t in (1.0, 4.0))
    np.testing.assert_allclose(4 * hot, cold, rtol=1e-6)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Network:
    weight: jax.Array

    def __call__(self, x, sigma):
        return self.weight * x * sigma


def bound_network(x, sigma, weight):
    return weight * x * sigma


def bare_network(x, sigma):
    return 2.0 * x * sigma


@pytest.mark.parametrize(
    "network",
    [bare_network, Partial(bound_network, weight=2.0), Network(jnp.array(2.0))],
    ids=["function", "Partial", "dataclass"],
)
def test_functions_partials_and_dataclasses_pass_into_jit(network):
    expected = {
        score.from_scaled: 2.0 * X,
        score.from_noise: -2.0 * X,
        score.from_denoiser: (0.6 * X - X) / 0.09,
    }
    for convert, value in expected.items():
        found = evaluate(convert(network), X, SIGMA)
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6)


def test_a_converted_network_keeps_its_own_leaves():
    convert = (score.from_scaled, score.from_noise, score.from_denoiser)
    for make in convert:
        assert jax.tree.leaves(make(Network(jnp.array(2.0)))) == [2.0]
        assert jax.tree.leaves(make(bare_network)) == []


def test_new_parameters_do_not_retrace():
    traces = []

    @jax.jit
    def once(fn, x, sigma):
        traces.append(None)
        return fn(x, sigma)

    for weight in (1.0, 2.0):
        once(score.from_scaled(Network(jnp.array(weight))), X, SIGMA)
        once(score.from_scaled(Partial(bound_network, weight=weight)), X, SIGMA)
    assert len(traces) == 2


@every_oracle
def test_oracles_keep_shape_and_map_over_levels(oracle):
    sigmas = jnp.array([0.0, 0.1, 1.0])
    found = jax.vmap(oracle, in_axes=(None, 0))(X, sigmas)
    assert found.shape == (3, *SHAPE)
    for row, sigma in zip(found, sigmas, strict=True):
        np.testing.assert_allclose(row, oracle(X, sigma), rtol=1e-5, atol=1e-5)
