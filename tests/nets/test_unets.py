"""Diffusion UNets: published sizes, precision, dropout, and what they refuse."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import tools

from purifax import nets, noise, score
from purifax.nets import openai, unet_blocks

# Everything but what changes the resolution; the middle attends.
TINY = nets.UNet2D(channels=1, widths=(8,), blocks=1, attention=(), groups=4)


@pytest.mark.parametrize(
    ("module", "side", "parameters"),
    [
        (nets.UNet2D(), 32, 35_746_307),
        (
            nets.UNet2D(widths=(128, 128, 256, 256, 512, 512), attention=(4,)),
            32,
            113_673_219,
        ),
        (nets.OpenAIUNet(), 32, 52_546_438),
        (
            nets.OpenAIUNet(
                width=256,
                multiples=(1, 1, 2, 2, 4, 4),
                blocks=2,
                attention=(3, 4, 5),
                head_width=64,
                resize="block",
            ),
            64,
            552_814_086,
        ),
    ],
)
def test_published_configurations_have_the_published_parameters(
    module, side, parameters
):
    values, out = tools.shapes(module, jnp.zeros((side, side, 3)), 7)
    assert nets.count(values) == parameters
    doubled = 2 if isinstance(module, nets.OpenAIUNet) else 1
    assert (out.shape, out.dtype) == ((side, side, 3 * doubled), jnp.float32)


def test_short_floats_stay_close_and_inside():
    x, times = tools.example(1, 8, 8, 1), jnp.array([3.0])
    values = tools.variables(TINY, x[0], 3.0)
    found = TINY.apply(values, x, times)
    short = tools.apply(TINY.clone(dtype=jnp.bfloat16), values, x, times)
    assert short.dtype == found.dtype == jnp.float32
    assert jnp.abs(found).max() > 0.1
    assert 1e-4 < jnp.abs(short - found).max() < 0.05 * jnp.abs(found).max()


def test_the_last_layers_of_blocks_and_of_the_network_start_at_zero():
    values = nets.init(jax.random.key(0), TINY, jnp.zeros((8, 8, 1)), 3.0)
    paths = jax.tree.leaves_with_path(values["params"])
    kernels = {p[-2].key: k for p, k in paths if p[-1].key == "kernel"}
    zero = {name for name, kernel in kernels.items() if not kernel.any()}
    assert zero == {"conv2", "out", "conv_out"}


def test_dropout_acts_in_training_alone():
    block = unet_blocks.ResidualBlock(8, groups=4, epsilon=1e-6, dropout=0.5)
    h, c = tools.example(1, 4, 4, 8), tools.example(1, 6)
    values = block.init(jax.random.key(0), h, c, False)
    kernel = tools.example(3, 3, 8, 8, seed=4)
    values["params"]["conv2"]["kernel"] = kernel  # it starts at zero

    def run(train, *key):
        return block.apply(values, h, c, train, rngs=dict(zip(["dropout"], key)))  # noqa: B905

    first, second = (run(True, jax.random.key(k)) for k in (1, 2))
    assert jnp.abs(first - second).max() > 0.1
    still = block.clone(dropout=0.0).apply(values, h, c, True)
    np.testing.assert_array_equal(run(False), still)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_group_norm_of_features_with_a_large_mean(dtype):
    x = (1000 + 8 * tools.example(1, 4, 4, 4)).astype(dtype)

    class Norm(nn.Module):
        @nn.compact
        def __call__(self, h):
            return unet_blocks.group_norm(2, 1e-6, dtype, "norm")(h)

    ones = {"params": {"norm": {"scale": jnp.ones(4), "bias": jnp.zeros(4)}}}
    found = Norm().apply(ones, x)
    assert found.dtype == dtype
    groups = np.asarray(x, np.float64).reshape(16, 2, 2)
    groups -= groups.mean(axis=(0, 2), keepdims=True)
    groups /= np.sqrt(np.mean(groups**2, axis=(0, 2), keepdims=True) + 1e-6)
    tolerance = 1e-3 if dtype == jnp.float32 else 2e-2
    expected = groups.reshape(x.shape)
    np.testing.assert_allclose(found.astype(jnp.float32), expected, atol=tolerance)


def test_the_two_parts_of_a_learned_variance():
    def network(x, t):
        return jnp.concatenate([x * t, 2 * x - 1], axis=-1)

    x, t = tools.example(4, 4, 3), jnp.array(3.0)
    np.testing.assert_allclose(openai.noise_part(network)(x, t), 3 * x)
    np.testing.assert_allclose(openai.fraction_part(network)(x, t), x, atol=1e-6)
    chain = noise.VPDiscrete()
    found = score.from_process(openai.noise_part(network), chain)(x, chain.sigma(3))
    assert found.shape == x.shape


@pytest.mark.parametrize(
    ("module", "side", "message"),
    [
        (nets.UNet2D(), 12, "divide by 8; got 12 x 12 x 3"),
        (nets.UNet2D(channels=1), 8, r"UNet2D\(channels=1\).*8 x 8 x 3"),
        (nets.UNet2D(attention=(4,)), 8, r"levels, 0 to 3; got \(4,\)"),
        (nets.UNet2D(padding=2), 8, "must be 0 or 1; got 2"),
        (nets.UNet2D(head_width=48), 8, "heads of 48 channels do not divide 256"),
        (nets.OpenAIUNet(), 12, "OpenAIUNet.* divide by 8"),
        (nets.OpenAIUNet(heads=3), 8, "3 attention heads do not divide 256"),
        (nets.OpenAIUNet(resize="block"), 8, None),
        (nets.OpenAIUNet(resize="blocks"), 8, "`resize` must be one of"),
        (nets.OpenAIUNet(num_classes=10), 8, "is 10, but no label was given"),
    ],
)
def test_what_cannot_work_is_refused(module, side, message):
    x = jnp.zeros((side, side, 3))
    if message is None:
        assert tools.shapes(module, x, 1)[1].shape == (side, side, 6)
        return
    with pytest.raises(ValueError, match=message):
        tools.shapes(module, x, 1)


def test_a_label_without_classes_is_refused():
    with pytest.raises(ValueError, match="is None, but a label was given"):
        tools.shapes(nets.OpenAIUNet(), jnp.zeros((8, 8, 3)), 1, 2)
