"""The classifiers: sizes, normalisation, running averages, dropout."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from nets import tools

from purifax import nets
from purifax.data import digits
from purifax.nets.classifiers import _halve

SMALL = {
    "MLP": nets.MLP(widths=(16,)),
    "SmallCNN": nets.SmallCNN(widths=(4, 4), hidden=8),
    "ResNet": nets.ResNet(depth=8, width=4),
    "ResNet18": nets.ResNet18(width=4),
    "WideResNet": nets.WideResNet(depth=10, widen=1),
    "biased WideResNet": nets.WideResNet(depth=10, widen=1, biased=True),
}
AVERAGED = [name for name in SMALL if "ResNet" in name]


def trained(module):
    """One pass in training: (variables, x) -> (logits, new running averages)."""
    return jax.jit(lambda v, x: module.apply(v, x, True, mutable=["batch_stats"]))


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (nets.WideResNet(biased=True), 36_489_290),
        (nets.WideResNet(biased=True, num_classes=100), 36_546_980),
        (nets.WideResNet(), 36_479_194),
        (nets.ResNet18(), 11_173_962),
        (nets.ResNet(depth=20), 269_722),
        (nets.ResNet(depth=32), 464_154),
    ],
)
def test_parameters_at_full_size(module, parameters):
    values, logits = tools.shapes(module, jnp.zeros((32, 32, 3)))
    assert nets.count(values) == parameters
    assert (logits.shape, logits.dtype) == ((module.num_classes,), jnp.float32)


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 11, 3)])
@pytest.mark.parametrize("name", SMALL)
def test_any_image_size(name, shape):
    module = SMALL[name].clone(num_classes=7)
    assert tools.shapes(module, jnp.zeros(shape))[1].shape == (7,)


# Of the residual networks test_parity.py shows it, with PyTorch.
@pytest.mark.parametrize("name", ["MLP", "SmallCNN"])
def test_normalisation_belongs_to_the_classifier(name):
    module = SMALL[name]
    x = tools.example(8, 8, 3)
    values = tools.variables(module, x)
    mean, std = (0.5, 0.2, 0.3), (0.1, 0.2, 0.3)
    inside = module.clone(mean=mean, std=std)
    found = tools.apply(inside, values, x[None])
    outside = (x - jnp.array([[mean]])) / jnp.array([[std]])
    expected = tools.apply(module, values, outside[None])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_one_mean_serves_all_channels():
    x = tools.example(8, 8, 3)
    one, three = (
        nets.MLP(widths=(4,), mean=(0.5,) * n, std=(0.1,) * n) for n in (1, 3)
    )
    values = tools.variables(one, x)
    found, expected = (tools.apply(m, values, x[None]) for m in (one, three))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("fields", [{"mean": (0.5, 0.5)}, {"std": (0.5,) * 4}])
def test_normalisation_of_other_images_is_refused(fields):
    with pytest.raises(ValueError, match="numbers but the image has 3 channels"):
        tools.shapes(nets.MLP(**fields), jnp.zeros((8, 8, 3)))


@pytest.mark.parametrize("name", AVERAGED)
def test_training_moves_the_running_averages_and_inference_does_not(name):
    module = SMALL[name]
    x = tools.example(4, 8, 8, 3)
    values = tools.variables(module, x[0])
    moved = trained(module)(values, x)[1]
    before, after = map(jax.tree.leaves, (values["batch_stats"], moved["batch_stats"]))
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    # They are not mutable here: an update would raise.
    jax.eval_shape(module.apply, values, x)


def test_running_averages_keep_nine_tenths():
    module = nets.ResNet(depth=8, width=4)
    x = tools.example(4, 8, 8, 3)
    values = tools.variables(module, x[0])
    before = values["batch_stats"]["bn1"]
    after = trained(module)(values, x)[1]["batch_stats"]["bn1"]

    kernel = values["params"]["Conv_0"]["kernel"]
    seen = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    for name, batch in [("mean", seen.mean((0, 1, 2))), ("var", seen.var((0, 1, 2)))]:
        expected = 0.9 * before[name] + 0.1 * batch
        np.testing.assert_allclose(after[name], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("biased", "share"), [(False, 0.1), (True, 0.9)])
def test_the_last_normalisation_of_the_biased_network_forgets_fast(biased, share):
    module = nets.WideResNet(depth=10, widen=1, biased=biased)
    x = tools.example(4, 8, 8, 3)
    values = tools.variables(module, x[0])
    means, train = [values["batch_stats"]["bn1"]["mean"]], trained(module)
    for _ in range(2):
        values = {**values, **train(values, x)[1]}
        means.append(values["batch_stats"]["bn1"]["mean"])
    # The batch's mean b stays: m -> m + share (b - m), so steps shrink by 1 - share.
    steps = np.diff(means, axis=0)
    np.testing.assert_allclose(steps[1], (1 - share) * steps[0], rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize("biased", [False, True])
def test_dropout_acts_in_training_alone(biased):
    module = nets.WideResNet(depth=10, widen=1, biased=biased, dropout=0.5)
    x = tools.example(2, 8, 8, 3)
    # Here a layer that drops would ask for a key.
    values = tools.variables(module, x[0])

    @jax.jit
    def train(key):
        keys = {"dropout": key}
        return module.apply(values, x, True, mutable=["batch_stats"], rngs=keys)[0]

    assert not np.allclose(train(jax.random.key(0)), train(jax.random.key(1)))


@pytest.mark.parametrize(
    ("module", "nearest"),
    [
        (nets.ResNet(depth=18), 20),
        (nets.ResNet(depth=1), 8),
        (nets.WideResNet(depth=30), 28),
        (nets.WideResNet(depth=4), 10),
    ],
)
def test_wrong_depth_names_the_nearest(module, nearest):
    with pytest.raises(ValueError, match=f"Did you mean {nearest}?"):
        tools.shapes(module, jnp.zeros((8, 8, 3)))


def test_halving_keeps_the_largest_of_each_square():
    x = np.array(tools.example(2, 4, 5, 3))
    expected = np.empty((2, 2, 2, 3))
    for i in range(2):
        for j in range(2):
            square = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            expected[:, i, j] = square.max(axis=(1, 2))
    np.testing.assert_array_equal(_halve(jnp.asarray(x)), expected.astype(np.float32))


def test_small_cnn_learns_digits():
    values, labels = digits.published()
    order = np.random.default_rng(0).permutation(len(labels))
    images = jnp.asarray(values[order, ..., None] / 16, jnp.float32)
    labels = jnp.asarray(labels[order])
    module = nets.SmallCNN(widths=(16, 32), hidden=64)
    values = nets.init(jax.random.key(0), module, images[0])
    optimiser = optax.adam(3e-3)

    def loss(values, index):
        logits = module.apply(values, images[index])
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels[index])
        return losses.mean()

    @jax.jit
    def step(values, state, key):
        index = jax.random.randint(key, (64,), 0, 1297)
        update, state = optimiser.update(jax.grad(loss)(values, index), state)
        return optax.apply_updates(values, update), state

    state = optimiser.init(values)
    for key in jax.random.split(jax.random.key(1), 150):
        values, state = step(values, state, key)
    predicted = tools.apply(module, values, images[1297:]).argmax(-1)
    # About 97%; of 500 images one standard error is 0.8%.
    assert (predicted == labels[1297:]).mean() > 0.94
