"""Names in a config become the published networks, schedules and optimisers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments import configs
from experiments.training import networks, objectives, optimisers
from experiments.training.config import (
    Data,
    EnergyNet,
    Noise,
    Optim,
    ScoreNet,
)
from purifax import nets


def parameters(config, *conditions):
    module = networks.network(config.net, 3, 10)
    image = jnp.zeros((32, 32, 3))
    shapes = jax.eval_shape(
        lambda key: nets.init(key, module, image, *conditions), jax.random.key(0)
    )
    return nets.count(shapes)


def test_published_networks_have_their_published_sizes():
    assert parameters(configs.find("cifar10_dsm"), jnp.ones(())) == 29_694_083
    assert parameters(configs.find("cifar10_classifier")) == 36_489_290


def test_an_energy_is_built_with_its_fields():
    net = EnergyNet("SmallEnergy", widths=(8,), hidden=4, activation="leaky")
    expected = nets.SmallEnergy(widths=(8,), hidden=4, activation="leaky")
    assert networks.network(net, 1, 10) == expected
    with pytest.raises(ValueError, match="did you mean LightEnergy"):
        networks.network(EnergyNet("LigthEnergy"), 3, 10)
    with pytest.raises(ValueError, match="net.patch is set, but LightEnergy has no"):
        networks.network(EnergyNet("LightEnergy", patch=2), 3, 10)


def test_data_decide_channels_and_classes():
    assert networks.network(configs.find("digits_dsm").net, 1, 10).channels == 1
    net = configs.find("digits_classifier").net
    assert networks.network(net, 1, 7).num_classes == 7


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "SmallScor"}, "did you mean SmallScore?"),
        ({"name": "Wide"}, "known: NCSNv2, NCSNpp, SmallScore"),
        ({"name": "NCSNv2", "blocks": 2}, "net.blocks is set, but NCSNv2 has no"),
    ],
)
def test_a_network_that_cannot_be_built_is_named(fields, message):
    net = ScoreNet(**{"name": "SmallScore", **fields})
    with pytest.raises(ValueError, match=message):
        networks.network(net, 3, 10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Optim(name="adm"), "did you mean adam?"),
        (
            lambda: Optim(schedule="cosin"),
            "did you mean cosine?",
        ),
        (
            lambda: with_noise(law="lader"),
            "did you mean ladder?",
        ),
    ],
)
def test_unknown_names_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def with_noise(**fields):
    return dataclasses.replace(configs.find("digits_dsm"), noise=Noise(**fields))


def test_the_wide_resnet_rate_drops_after_60_120_and_160_of_200_epochs():
    config = configs.find("cifar10_classifier")
    epoch = config.train.steps / 200
    rate = optimisers.learning_rate(config.optim, config.train.steps)
    got = [float(rate(round(e * epoch))) for e in (0, 59, 61, 119, 121, 159, 161, 199)]
    expected = np.repeat(0.1 * 0.2 ** np.arange(4), 2)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_warmup_rises_and_cosine_ends_at_zero():
    optim = Optim(learning_rate=2.0, schedule="cosine", warmup=10)
    rate = optimisers.learning_rate(optim, 110)
    np.testing.assert_allclose([rate(0), rate(5), rate(10)], [0, 1, 2], atol=1e-6)
    np.testing.assert_allclose([rate(60), rate(110)], [1, 0], atol=1e-6)


def one_update(optim, grads, params):
    optimiser = optimisers.optimiser(optim, 10)
    return optimiser.update(grads, optimiser.init(params), params)[0]


def test_adam_is_the_published_one():
    optim = Optim(learning_rate=0.1, beta1=0.5, beta2=0.9, eps=1e-3)
    grads, params = jnp.array([3.0, -4.0]), jnp.zeros(2)
    adam = optax.adam(0.1, 0.5, 0.9, 1e-3)
    expected = adam.update(grads, adam.init(params), params)[0]
    np.testing.assert_allclose(one_update(optim, grads, params), expected)


def test_weight_decay_is_added_to_the_gradient_and_clipping_comes_first():
    optim = Optim(name="sgd", learning_rate=1.0, weight_decay=0.5, clip=1.0)
    grads, params = jnp.array([3.0, -4.0]), jnp.array([2.0, 2.0])
    # The norm 5 is clipped to 1, then half of the weights is added.
    update = one_update(optim, grads, params)
    np.testing.assert_allclose(update, [-1.6, -0.2], rtol=1e-6)


def test_adamw_is_optaxs():
    optim = Optim(name="adamw", learning_rate=0.1, weight_decay=0.5)
    grads, params = jnp.array([3.0, -4.0]), jnp.array([2.0, 2.0])
    adamw = optax.adamw(0.1, weight_decay=0.5)
    expected = adamw.update(grads, adamw.init(params), params)[0]
    np.testing.assert_allclose(one_update(optim, grads, params), expected)


def test_momentum_gathers_gradients():
    optim = Optim(name="sgd", learning_rate=1.0, momentum=0.5)
    optimiser = optimisers.optimiser(optim, 10)
    grads = params = jnp.ones(1)
    _, state = optimiser.update(grads, optimiser.init(params), params)
    update, _ = optimiser.update(grads, state, params)
    np.testing.assert_allclose(update, [-1.5])


def test_augmentation_is_only_what_the_config_asks_for():
    x = jnp.arange(16.0).reshape(4, 4, 1) + 1
    keys = jax.random.split(jax.random.key(0), 32)

    def all_of(**fields):
        change = networks.augmentation(Data("digits", **fields))
        return np.asarray(jax.vmap(lambda key: change(key, x))(keys))

    assert (all_of() == np.asarray(x)).all()
    flipped = [np.array_equal(one, x[:, ::-1]) for one in all_of(flip=True)]
    assert 6 < sum(flipped) < 26
    assert (all_of(crop=1) == 0).any() and not (all_of(flip=True) == 0).any()


@pytest.mark.parametrize("law", ["single", "ladder", "continuous"])
def test_the_score_objective_is_the_mean_of_the_loss_of_each_image(law):
    config = with_noise(law=law, smallest=0.1, largest=1.0, levels=3)
    module = networks.network(ScoreNet("SmallScore", fold=2, widths=(8,)), 1, 10)
    variables = nets.init(jax.random.key(0), module, jnp.zeros((8, 8, 1)), jnp.ones(()))
    key, images = jax.random.key(1), jax.random.uniform(jax.random.key(2), (4, 8, 8, 1))
    got, changed = objectives.objective(config, module)(variables, key, images, None)
    measure = objectives.measure(config, module)
    keys = jax.random.split(key, 4)
    each = [
        measure(variables, k, x, jnp.zeros(()))["loss"]
        for k, x in zip(keys, images, strict=True)
    ]
    np.testing.assert_allclose(got, np.mean(each), rtol=1e-5)
    assert changed == {}


def test_the_tiny_imagenet_ladder_is_the_published_one():
    noise = configs.find("tiny_imagenet_dsm").noise
    assert (noise.largest, noise.smallest, noise.levels) == (90.0, 0.01, 500)


def test_smoothing_moves_the_targets():
    config = dataclasses.replace(configs.find("digits_classifier"), smoothing=0.2)
    module = networks.network(config.net, 1, 10)
    x, label = jnp.zeros((1, 8, 8, 1)), jnp.array([3])
    variables = nets.init(jax.random.key(0), module, x[0])
    got, _ = objectives.objective(config, module)(
        variables, jax.random.key(1), x, label
    )
    log_p = jax.nn.log_softmax(module.apply(variables, x)[0])
    expected = -(0.8 * log_p[3] + 0.02 * log_p.sum())
    np.testing.assert_allclose(got, expected, rtol=1e-5)
