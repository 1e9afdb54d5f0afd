"""Layers that several networks share, against oracles written out in NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import tools

from purifax.nets import layers


@pytest.mark.parametrize(("old", "new"), [((2, 3), (5, 7)), ((4, 5), (3, 1))])
def test_resize_aligns_corners(old, new):
    x = np.random.default_rng(0).normal(size=(2, *old, 3)).astype(np.float32)
    expected = np.zeros((2, *new, 3))
    for p in range(new[0]):
        for q in range(new[1]):
            a = p * (old[0] - 1) / max(new[0] - 1, 1)
            b = q * (old[1] - 1) / max(new[1] - 1, 1)
            i, j = min(int(a), old[0] - 2), min(int(b), old[1] - 2)
            top = (1 - b + j) * x[:, i, j] + (b - j) * x[:, i, j + 1]
            bottom = (1 - b + j) * x[:, i + 1, j] + (b - j) * x[:, i + 1, j + 1]
            expected[:, p, q] = (1 - a + i) * top + (a - i) * bottom
    found = layers.resize_align_corners(jnp.asarray(x), new)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_resize_to_the_same_shape_is_the_identity():
    x = tools.example(1, 4, 5, 2)
    np.testing.assert_array_equal(layers.resize_align_corners(x, (4, 5)), x)


@pytest.mark.parametrize("shape", [(1, 7, 6, 2), (1, 2, 3, 1)])
def test_max_pool_of_negative_images_against_numpy(shape):
    x = -1 - np.random.default_rng(0).random(shape).astype(np.float32)
    expected = np.empty_like(x)
    for i in range(shape[1]):
        for j in range(shape[2]):
            window = x[:, max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3]
            expected[:, i, j] = window.max(axis=(1, 2))
    np.testing.assert_array_equal(layers.max_pool_5x5(jnp.asarray(x)), expected)


def test_gradient_of_max_pool_goes_to_the_largest_pixel():
    x = tools.example(1, 6, 6, 2)
    weights = tools.example(1, 6, 6, 2, seed=5)

    def windowed(x):
        window, edges = (1, 5, 5, 1), ((0, 0), (2, 2), (2, 2), (0, 0))
        ones = (1, 1, 1, 1)
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, ones, edges)

    found, expected = (
        jax.grad(lambda x, pool=pool: jnp.sum(weights * pool(x)))(x)
        for pool in (layers.max_pool_5x5, windowed)
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_derivatives_of_max_pool_where_pixels_are_as_large():
    """Both modes, twice, against those of the comparisons that it is made of."""
    x = jnp.round(3 * tools.example(2, 7, 6, 3)) / 3
    push, pull = (tools.example(2, 7, 6, 3, seed=seed) for seed in (5, 6))

    def compared(x):
        for axis in (1, 2):
            border = [(2, 2) if a == axis else (0, 0) for a in range(4)]
            wide = jnp.pad(x, border, constant_values=-jnp.inf)
            size = x.shape[axis]
            parts = [
                jax.lax.slice_in_dim(wide, k, k + size, axis=axis) for k in range(5)
            ]
            x = functools.reduce(layers.larger, parts)
        return x

    def derivatives(pool):
        slope = jax.grad(lambda x: jnp.sum(pull * jnp.sin(pool(x))))
        return jax.jvp(pool, (x,), (push,)), jax.jvp(slope, (x,), (push,))

    found, expected = map(derivatives, (layers.max_pool_5x5, compared))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, expected
    )


def test_convolutions_start_as_in_pytorch():
    x = jnp.zeros((1, 4, 4, 16))
    conv = layers.torch_conv(x, 64, 3, dtype=jnp.float32, name="conv")
    params = conv.init(jax.random.key(0), x)["params"]
    bound = (9 * 16) ** -0.5
    for leaf in (params["kernel"], params["bias"]):
        assert 0.9 * bound < jnp.abs(leaf).max() <= bound
    assert jnp.std(params["kernel"]) == pytest.approx(bound / 3**0.5, rel=0.02)


def test_depth_to_space_inverts_space_to_depth():
    x = tools.example(2, 4, 6, 3)
    folded = layers.space_to_depth(x, 2)
    assert folded.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(folded[1, 1, 2], x[1, 2:4, 4:6].reshape(-1))
    np.testing.assert_array_equal(layers.depth_to_space(folded, 2), x)
