"""Energy networks: published sizes, precision, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import tools

from purifax import energy, loss, nets, purify, score

SHAPES = {
    "SNGAN": (nets.SNGANEnergy(), (32, 32, 3), 1_053_824),
    "SNGAN on 2 x 2 pixels": (nets.SNGANEnergy(patch=2), (64, 64, 3), 1_065_344),
    "light": (nets.LightEnergy(), (32, 32, 3), 693_569),
    "light for digits": (nets.LightEnergy(), (28, 28, 1), 691_201),
    "small": (nets.SmallEnergy(), (8, 8, 1), 41_825),
    "smallest": (nets.SmallEnergy(widths=(8,), hidden=16), (8, 8, 1), 9_473),
    "small for digits": (nets.SmallEnergy(fold=2), (28, 28, 1), 76_049),
    "tutorial": (nets.TutorialEnergy(), (28, 28, 1), 76_993),
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_energy_is_one_number_of_the_stated_parameters(name):
    module, shape, parameters = SHAPES[name]
    values, out = tools.shapes(module, jnp.zeros(shape))
    assert (out.shape, out.dtype) == ((), jnp.float32)
    assert nets.count(values) == parameters


@pytest.mark.parametrize("module", [nets.SNGANEnergy(width=4), nets.LightEnergy()])
def test_published_networks_start_as_published(module):
    """Xavier's uniform kernels and no biases; PyTorch's uniform for both."""
    values = nets.init(jax.random.key(0), module, jnp.zeros((16, 16, 3)))
    for path, leaf in jax.tree.leaves_with_path(values["params"]):
        kernel = values["params"][path[0].key]["kernel"]
        fan_in = np.prod(kernel.shape[:-1])
        bound = fan_in**-0.5
        if isinstance(module, nets.SNGANEnergy):
            outputs = np.prod(kernel.shape[:-2]) * kernel.shape[-1]
            bound = (6 / (fan_in + outputs)) ** 0.5 * (path[1].key == "kernel")
        largest = jnp.abs(leaf).max()
        assert largest <= bound * (1 + 1e-6)
        assert leaf.size < 30 or largest >= 0.85 * bound


TINY = {
    "sngan": (nets.SNGANEnergy(width=4, activation="swish"), (8, 8, 1)),
    "light": (nets.LightEnergy(width=2, activation="swish"), (8, 9, 1)),
    "small": (nets.SmallEnergy(widths=(4, 4), hidden=4), (4, 4, 1)),
}


def bound(name):
    module, shape = TINY[name]
    return nets.Network(module, tools.variables(module, jnp.zeros(shape)))


@pytest.mark.parametrize("name", TINY)
def test_the_gradient_of_a_loss_of_the_force_is_its_slope(name, float64, unoptimised):
    """Both derivatives of every layer: denoising score matching trains by them."""
    network, shape = bound(name), TINY[name][1]
    network = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), network)
    network = nets.Network(network.module.clone(dtype=jnp.float64), network.variables)
    x, key = tools.example(*shape).astype(jnp.float64), jax.random.key(0)

    @jax.jit
    @jax.value_and_grad
    def matched(variables):
        fn = score.from_energy(nets.Network(network.module, variables))
        f = jax.tree_util.Partial(score.scaled, score=fn)
        return loss.dsm_single(key, x, f, 0.3)

    value, gradient = matched(network.variables)
    random = np.random.default_rng(0)
    way = jax.tree.map(lambda a: 1e-5 * random.standard_normal(a.shape), gradient)
    up, down = (
        matched(jax.tree.map(lambda v, w, s=s: v + s * w, network.variables, way))[0]
        for s in (1, -1)
    )
    slope = sum(
        jnp.vdot(g, w)
        for g, w in zip(jax.tree.leaves(gradient), jax.tree.leaves(way), strict=True)
    )
    assert value > 0 and abs(slope) > 1e-7
    # The head of a network works in float32.
    np.testing.assert_allclose((up - down) / 2, slope, rtol=3e-3)


@pytest.mark.parametrize("activation", ["leaky", "swish"])
def test_a_force_constant_in_pieces_makes_the_exact_gradient_the_identitys(activation):
    """Exact is straight-through for the published networks, and not for smooth ones."""
    module = nets.LightEnergy(width=2, activation=activation)
    x = tools.example(8, 8, 1)
    network = nets.Network(module, tools.variables(module, x))
    purifier = jax.tree_util.Partial(
        purify.langevin, energy=network, step_sizes=jnp.full(3, 0.01), temperature=0.01
    )

    @jax.jit
    def pulled(x):
        return jax.vjp(lambda x: purifier(jax.random.key(0), x), x)[1](x)[0]

    same = jnp.abs(pulled(x) - x).max() < 1e-6
    assert same == (activation == "leaky")


def test_short_floats_stay_close():
    network, x = bound("sngan"), tools.example(8, 8, 1)
    short = nets.Network(network.module.clone(dtype=jnp.bfloat16), network.variables)
    run = jax.jit(lambda fn, x: (fn(x), energy.force(x, fn)))
    (found, push), (expected, _) = run(short, x), run(network, x)
    assert found.dtype == jnp.float32
    assert 1e-6 < abs(found - expected) < 0.03 * max(1.0, abs(expected))
    assert push.dtype == jnp.float32 and np.isfinite(push).all()


def test_folded_pixels_keep_their_place():
    """With a patch the map is half as large; pixels of one patch are not alike."""
    module = nets.SNGANEnergy(width=4, patch=2)
    network = nets.Network(module, tools.variables(module, jnp.zeros((8, 8, 1))))
    x = tools.example(8, 8, 1)
    assert abs(network(x) - network(jnp.roll(x, 1, axis=0))) > 1e-5


WRONG = [
    (nets.SNGANEnergy(width=4), (10, 8, 1), "multiples of 4; got 10 x 8"),
    (nets.SNGANEnergy(width=4, patch=2), (8, 12, 1), "multiples of 8; got 8 x 12"),
    (nets.SmallEnergy(fold=2), (8, 6, 1), "multiples of 4; got 8 x 6"),
    (nets.LightEnergy(width=2), (7, 9, 1), "must be 8 or more; got 7 x 9"),
    (nets.SmallEnergy(activation="gelu"), (8, 8, 1), "relu, leaky, swish; got 'gelu'"),
]


@pytest.mark.parametrize(("module", "shape", "message"), WRONG)
def test_what_does_not_fit_is_refused(module, shape, message):
    with pytest.raises(ValueError, match=message):
        tools.shapes(module, jnp.zeros(shape))
