"""A module and its variables as one callable of one example."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import tools

from purifax import nets

CLASSIFIERS = {
    "MLP": (nets.MLP(widths=(16,)), (8, 8, 1)),
    "SmallCNN": (nets.SmallCNN(widths=(8, 8), hidden=16), (8, 8, 1)),
    "ResNet": (nets.ResNet(depth=8, width=4), (8, 8, 3)),
    "ResNet18": (nets.ResNet18(width=4), (8, 8, 3)),
    "WideResNet": (nets.WideResNet(depth=10, widen=1), (8, 8, 3)),
}
SCORES = {
    "SmallScore": (nets.SmallScore(widths=(8, 16), blocks=1), (8, 8, 3)),
    "NCSNv2": (nets.NCSNv2(width=4), (8, 8, 3)),
}
ALL = {**CLASSIFIERS, **SCORES}
# The others' derivatives are compared with PyTorch's in test_parity.py.
SMALL = ["MLP", "SmallCNN", "ResNet", "SmallScore"]


def conditions(name):
    return (0.3,) if name in SCORES else ()


@cache
def bound(name):
    module, shape = ALL[name]
    x = tools.example(*shape)
    values = tools.variables(module, x, *conditions(name))
    return nets.Network(module, values), x


@cache
def module_on_two(name):
    """A function of another image: the module on the network's image and that one."""
    network, x = bound(name)
    sigmas = [jnp.full(2, c) for c in conditions(name)]
    run = jax.jit(network.module.apply)
    return lambda other: run(network.variables, jnp.stack([x, other]), *sigmas)


@pytest.mark.parametrize("name", ALL)
def test_an_image_does_not_see_its_neighbour(name):
    _, x = bound(name)
    first, second = (module_on_two(name)(y) for y in (jnp.zeros_like(x), 1 - x))
    np.testing.assert_array_equal(first[0], second[0])
    assert not np.allclose(first[1], second[1])


# NCSNv2 as a network is in test_parity.py too.
@pytest.mark.parametrize("name", [name for name in ALL if name != "NCSNv2"])
def test_network_is_its_module_on_one_image(name):
    network, x = bound(name)
    expected = module_on_two(name)(1 - x)[0]
    found = jax.jit(lambda x: network(x, *conditions(name)))(x)
    assert found.shape == expected.shape
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["ResNet", "SmallScore"])
def test_vmap_of_a_network_is_its_module(name):
    network, x = bound(name)
    mapped = jax.jit(jax.vmap(lambda x: network(x, *conditions(name))))
    found = mapped(jnp.stack([x, 1 - x]))
    np.testing.assert_allclose(found, module_on_two(name)(1 - x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_forward_and_reverse_mode_agree(name):
    network, x = bound(name)

    def inner_products(x, v, u):
        f = lambda x: network(x, *conditions(name))  # noqa: E731
        y, forward = jax.jvp(f, (x,), (v,))
        u = u[: y.size].reshape(y.shape)
        return jnp.vdot(u, forward), jnp.vdot(jax.vjp(f, x)[1](u)[0], v)

    v = jax.random.normal(jax.random.key(3), x.shape)
    u = jax.random.normal(jax.random.key(4), (x.size,))
    forward, reverse = jax.jit(inner_products)(x, v, u)
    assert abs(forward) > 1e-3
    np.testing.assert_allclose(forward, reverse, rtol=1e-3, atol=1e-4)


def test_reverse_over_forward_mode_matches_a_difference():
    network, x = bound("SmallScore")
    v, w = (jax.random.normal(jax.random.key(k), x.shape) for k in (3, 4))

    def curvature(network, x):
        _, tangent = jax.jvp(lambda x: network(x, 0.3), (x,), (v,))
        return jnp.vdot(tangent, tangent)

    step = 3e-3
    value = jax.jit(curvature)
    ends = [value(network, x + s * step * w) for s in (1, -1)]
    by_network, gradient = jax.jit(jax.grad(curvature, (0, 1)))(network, x)
    expected = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(jnp.vdot(gradient, w), expected, rtol=0.02)
    leaves = jax.tree.leaves(by_network)
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    assert len(leaves) == len(jax.tree.leaves(network.variables["params"]))


def test_equal_modules_do_not_retrace():
    traces = []

    @jax.jit
    def run(network, x):
        traces.append(1)
        return network(x)

    x = jnp.zeros((4, 4, 1))
    for key in jax.random.split(jax.random.key(0)):
        module = nets.MLP(widths=(8,), mean=(0.5,))
        run(nets.Network(module, nets.init(key, module, x)), x)
    assert len(traces) == 1


def test_leaves_of_a_network_are_its_variables():
    network, _ = bound("MLP")
    leaves = jax.tree.leaves(network)
    assert sum(leaf.size for leaf in leaves) == nets.count(network.variables)
    doubled = jax.tree.map(lambda leaf: 2 * leaf, network)
    assert doubled.module == network.module


def test_the_repr_of_a_network_is_a_line():
    network, _ = bound("ResNet")
    counted = f"{nets.count(network.variables):,}"
    assert repr(network) == f"Network(ResNet, {counted} parameters)"
    seen = []
    jax.jit(lambda network: seen.append(repr(network)))(network)
    assert seen == [repr(network)]
    structure = jax.tree.structure(network)
    assert repr(structure.unflatten([0] * structure.num_leaves)) == "Network(ResNet)"


def test_count_leaves_out_running_averages():
    module, shape = CLASSIFIERS["ResNet"]
    values, _ = tools.shapes(module, jnp.zeros(shape))
    assert set(values) == {"params", "batch_stats"}
    # Three stages of one block: a stem, six convolutions, seven normalisations, a head.
    kernels = 9 * (3 * 4 + 2 * 4 * 4 + 4 * 8 + 8 * 8 + 8 * 16 + 16 * 16)
    norms = 2 * (3 * 4 + 2 * 8 + 2 * 16)
    assert nets.count(values) == kernels + norms + 16 * 10 + 10


def test_init_depends_on_the_key_and_not_on_the_image():
    module = nets.MLP(widths=(8,))
    first, second, third = (
        nets.init(jax.random.key(k), module, jnp.full((4, 4, 1), value))
        for k, value in [(0, 0.0), (0, 1.0), (1, 0.0)]
    )
    kernel = lambda values: values["params"]["Dense_0"]["kernel"]  # noqa: E731
    np.testing.assert_array_equal(kernel(first), kernel(second))
    assert not np.array_equal(kernel(first), kernel(third))


@pytest.mark.parametrize("name", SMALL)
def test_bfloat16_is_near_float32(name):
    network, x = bound(name)
    half = nets.Network(network.module.clone(dtype=jnp.bfloat16), network.variables)
    run = jax.jit(lambda network, x: network(x, *conditions(name)))
    exact, rough = run(network, x), run(half, x)
    error = jnp.linalg.norm(rough - exact) / jnp.linalg.norm(exact)
    assert 1e-5 < error < 0.1


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_parameters_and_output_are_float32(name, dtype):
    module, shape = ALL[name]
    arguments = (jnp.zeros(shape), *conditions(name))
    leaves = jax.tree.leaves(tools.shapes(module.clone(dtype=dtype), *arguments))
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", ALL)
def test_no_implicit_promotion(name):
    module, shape = ALL[name]
    tools.shapes(module, jnp.zeros(shape), *map(jnp.float32, conditions(name)))
