"""NCSNv2 and its normalisation, against oracles written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import tools

from purifax import nets
from purifax.nets import ncsn


@pytest.mark.parametrize(
    ("channels", "side", "parameters"), [(3, 32, 29_694_083), (1, 28, 29_689_473)]
)
def test_parameters_and_shape_at_full_size(channels, side, parameters):
    x = jnp.zeros((side, side, channels))
    values, out = tools.shapes(nets.NCSNv2(channels=channels), x, 0.3)
    assert nets.count(values) == parameters
    assert (out.shape, out.dtype) == (x.shape, jnp.float32)


def test_instance_norm_plus_against_numpy():
    x = np.random.default_rng(0).normal(3, 2, (2, 4, 3, 5)).astype(np.float32)
    x[..., 1] *= 4
    names = ("alpha", "beta", "gamma")
    rows = np.random.default_rng(1).normal(1, 0.5, (3, 5)).astype(np.float32)
    values = {"params": dict(zip(names, rows, strict=True))}
    alpha, beta, gamma = rows
    for k in range(2):
        mean = x[k].reshape(-1, 5).mean(0)
        variance = x[k].reshape(-1, 5).var(0)
        spread = np.sum((mean - mean.mean()) ** 2) / (5 - 1)
        pattern = (mean - mean.mean()) / np.sqrt(spread + 1e-5)
        h = (x[k] - mean) / np.sqrt(variance + 1e-5) + alpha * pattern
        found = ncsn.InstanceNormPlus().apply(values, jnp.asarray(x))[k]
        np.testing.assert_allclose(found, gamma * h + beta, atol=1e-5)


def test_instance_norm_plus_adds_its_epsilon_to_both_variances():
    # Pixels and channel means vary by about sqrt(1e-5): there the epsilons rule.
    x = 3e-3 * jnp.array([1.0, -1.0, 3.0, 1.0]).reshape(1, 2, 1, 2)
    ones = jnp.ones(2)
    values = {"params": {"alpha": ones, "gamma": ones, "beta": jnp.zeros(2)}}
    flat = np.array(x, np.float64).reshape(2, 2)
    mean, variance = flat.mean(0), flat.var(0)
    pattern = (mean - mean.mean()) / np.sqrt(mean.var(ddof=1) + 1e-5)
    expected = (flat - mean) / np.sqrt(variance + 1e-5) + pattern
    found = ncsn.InstanceNormPlus().apply(values, x).reshape(2, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_instance_norm_plus_computes_statistics_in_float32():
    x = (100 + tools.example(1, 8, 8, 4)).astype(jnp.bfloat16)
    norm = ncsn.InstanceNormPlus()
    values = norm.init(jax.random.key(0), x)
    found = norm.apply(values, x)
    assert found.dtype == jnp.bfloat16
    exact = norm.apply(values, x.astype(jnp.float32))
    np.testing.assert_allclose(found.astype(jnp.float32), exact, atol=0.02)


@pytest.mark.parametrize(("dilation", "side"), [(1, 4), (2, 8), (4, 8)])
def test_dilated_blocks_go_down_without_losing_resolution(dilation, side):
    block = ncsn._Residual(6, down=True, dilation=dilation, dtype=jnp.float32)
    x = jnp.zeros((1, 8, 8, 4))
    out, values = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
    assert out.shape == (1, side, side, 6)
    size = 1 if dilation == 1 else 3
    assert values["params"]["shortcut"]["kernel"].shape == (size, size, 4, 6)


def test_sigma_is_ignored():
    module = nets.NCSNv2(width=2)
    x = tools.example(8, 8, 3)
    values = tools.variables(module, x)
    run = jax.make_jaxpr(lambda sigma: module.apply(values, x[None], sigma))
    traced = run(jnp.ones(1)).jaxpr
    assert traced.eqns
    assert all(traced.invars[0] not in eqn.invars for eqn in traced.eqns)


def test_norms_start_near_one():
    size = 10_000
    x = jnp.zeros((1, 1, 1, size))
    params = ncsn.InstanceNormPlus().init(jax.random.key(0), x)["params"]
    assert not params["beta"].any()
    assert not np.array_equal(params["alpha"], params["gamma"])
    for name in ("alpha", "gamma"):
        # Within 4 standard errors of the mean and the spread of N(1, 0.02).
        assert abs(params[name].mean() - 1) < 4 * 0.02 / size**0.5
        assert abs(params[name].std() - 0.02) < 4 * 0.02 / (2 * size) ** 0.5


@pytest.mark.parametrize("shape", [(7, 8, 3), (8, 7, 3), (8, 8, 1)])
def test_images_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="3 channels and even sides; got"):
        tools.shapes(nets.NCSNv2(width=2), jnp.zeros(shape), 0.3)
