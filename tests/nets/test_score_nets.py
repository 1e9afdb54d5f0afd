"""The small score network."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from nets import tools

from purifax import nets
from purifax.data import digits

TINY = nets.SmallScore(channels=1, widths=(8,), blocks=1)


@pytest.mark.parametrize(
    ("fields", "shape", "parameters"),
    [
        ({}, (32, 32, 3), 284_780),
        ({"channels": 1, "blocks": 1}, (28, 28, 1), 152_164),
        ({"channels": 1, "widths": (64,)}, (8, 8, 1), 204_612),
        ({"channels": 1, "widths": (32,), "blocks": 4}, (8, 8, 1), 98_724),
    ],
)
def test_presets_keep_the_shape_and_stay_small(fields, shape, parameters):
    values, out = tools.shapes(nets.SmallScore(**fields), jnp.zeros(shape), 0.3)
    assert (out.shape, out.dtype) == (shape, jnp.float32)
    assert nets.count(values) == parameters


def test_untrained_network_is_the_scaled_score_of_gaussian_data():
    module = nets.SmallScore(widths=(8,), blocks=1, centre=0.4, spread=0.3)
    x = tools.example(4, 4, 3)
    network = nets.Network(module, nets.init(jax.random.key(0), module, x, 0.0))
    run = jax.jit(network.__call__)
    for sigma in (0.0, 0.05, 2.0):
        expected = -sigma * (x - 0.4) / (sigma**2 + 0.3**2)
        np.testing.assert_allclose(run(x, sigma), expected, rtol=1e-5, atol=1e-6)


def test_the_learned_part_has_the_spread_of_its_target():
    x = jnp.full((8, 8, 1), TINY.centre)  # so that there is no other part
    params = tools.variables(TINY, x, 0.3)["params"]
    last = jax.tree.map(jnp.zeros_like, params["Conv_1"])
    params["Conv_1"] = {**last, "bias": jnp.ones_like(last["bias"])}
    run = jax.jit(nets.Network(TINY, {"params": params}).__call__)
    for sigma in (0.0, 0.1, 1.0):
        # What x leaves open of z, for Gaussian data.
        spread = TINY.spread / (sigma**2 + TINY.spread**2) ** 0.5
        np.testing.assert_allclose(run(x, sigma), jnp.full_like(x, spread), rtol=1e-5)


def test_the_learned_part_is_told_the_noise_level():
    x = jnp.full((8, 8, 1), TINY.centre)  # the input is then the same for every sigma
    network = nets.Network(TINY, tools.variables(TINY, x, 0.3))
    sigmas = jnp.array([0.1, 0.2])
    found = jax.jit(jax.vmap(lambda sigma: network(x, sigma)))(sigmas)
    first, second = found * jnp.sqrt(sigmas**2 + TINY.spread**2).reshape(2, 1, 1, 1)
    assert jnp.abs(first - second).max() > 0.01


def test_each_image_has_its_own_noise_level():
    x = tools.example(2, 8, 8, 1)
    values = tools.variables(TINY, x[0], 0.3)
    sigmas = jnp.array([0.1, 0.9])
    batch = tools.apply(TINY, values, x, sigmas)
    single = jax.jit(nets.Network(TINY, values).__call__)
    for k in range(2):
        np.testing.assert_allclose(batch[k], single(x[k], sigmas[k]), atol=1e-5)


def test_gradients_are_finite_without_noise():
    x = tools.example(8, 8, 1)
    network = nets.Network(TINY, tools.variables(TINY, x, 0.3))
    loss = lambda x, sigma: jnp.sum(network(x, sigma) ** 2)  # noqa: E731
    for gradient in jax.jit(jax.grad(loss, (0, 1)))(x, 0.0):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("shape", [(10, 8, 1), (8, 10, 1), (8, 8, 3)])
def test_images_that_do_not_fit_are_refused(shape):
    module = nets.SmallScore(channels=1, fold=2, widths=(8, 8))
    with pytest.raises(ValueError, match="multiples of 4; got"):
        tools.shapes(module, jnp.zeros(shape), 0.3)


def test_training_beats_the_gaussian():
    """Eighty steps on digits take the loss well below where it starts."""
    images = jnp.asarray(digits.published()[0][..., None] / 16, jnp.float32)
    module = nets.SmallScore(channels=1, widths=(16,), blocks=1)
    values = nets.init(jax.random.key(0), module, images[0], 0.3)
    optimiser = optax.adam(3e-3)

    def loss(values, key):
        k_index, k_sigma, k_noise = jax.random.split(key, 3)
        x = images[jax.random.randint(k_index, (64,), 0, len(images))]
        sigma = jnp.exp(jax.random.uniform(k_sigma, (64,), minval=-3.0, maxval=0.0))
        z = jax.random.normal(k_noise, x.shape)
        f = module.apply(values, x + sigma.reshape(-1, 1, 1, 1) * z, sigma)
        return 0.5 * jnp.mean((f + z) ** 2)

    @jax.jit
    def step(values, state, key):
        value, gradient = jax.value_and_grad(loss)(values, key)
        update, state = optimiser.update(gradient, state)
        return optax.apply_updates(values, update), state, value

    state, losses = optimiser.init(values), []
    for key in jax.random.split(jax.random.key(1), 80):
        values, state, value = step(values, state, key)
        losses.append(float(value))
    assert np.mean(losses[-10:]) < 0.7 * losses[0] < 0.35
