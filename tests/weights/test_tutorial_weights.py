"""The tutorials' diffusion networks: equal to PyTorch's, and the published ones of
MNIST have the losses stated for them and purify."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import shared_data
from nets import foreign
from nets.golden import make_tutorials

from purifax import nets, sample
from purifax.weights import Prediction, containers, convnets, tutorials

READERS = {"noise": tutorials.noise, "score": tutorials.score}
CHAIN = Prediction(
    "noise",
    {"name": "linear", "length": 1001, "width": 1.0},
    width=1.0,
    label_scale=1e-3,
)


@cache
def golden():
    return dict(np.load(make_tutorials.HERE / "tutorials.npz"))


def shapes(name):
    return foreign.recorded(golden(), name)


def state(name):
    return foreign.draw(shapes(name), seed=0)


@pytest.mark.parametrize("name", READERS)
def test_a_network_agrees_with_pytorch(name):
    network = READERS[name](state(name))
    x, level = make_tutorials.inputs(name)
    found = jax.jit(jax.vmap(network))(x, level)
    expected = golden()[f"{name}/output"]
    scale = np.abs(expected).max()
    assert scale > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("name", READERS)
def test_faults_are_named(name):
    given = state(name)
    bias = {"noise": "blocks.2.bias", "score": "tconv1.bias"}[name]
    del given[bias]
    given["more.bias"] = np.zeros(2, np.float32)
    words = "does not fit a .*1 missing: (conv_out|back1)/bias; 1 unknown: more/bias"
    with pytest.raises(ValueError, match=words):
        READERS[name](given)
    with pytest.raises(ValueError, match="this is not a "):
        READERS[name]({"fc.bias": np.zeros(3)})


@pytest.mark.parity
@pytest.mark.parametrize("name", READERS)
def test_golden_file_is_what_pytorch_gives(name):
    pytest.importorskip("torch", reason="torch is not installed")
    found, output = make_tutorials.run(name)
    assert found == shapes(name)
    np.testing.assert_allclose(output, golden()[f"{name}/output"], atol=1e-5)


FILES = {
    "noise": "mnist_ddpm_sdaloglu__ddpm_mnist.pth",
    "score": "mnist_scoresde_ve25__ckpt.pth",
}


@cache
def published(name):
    """The network, and its score."""
    raw = containers.read(shared_data.folder() / "weights_raw" / FILES[name])
    network = READERS[name](raw)
    return network, (CHAIN if name == "noise" else Prediction()).score(network)


@cache
def digits():
    stored = shared_data.load("mnist_test_5000")
    x = stored["images"][:32].reshape(-1, 28, 28, 1) / 255
    return jnp.asarray(x, jnp.float32), stored["labels"][:32]


STATED = {
    "noise": {20: 0.090, 100: 0.042, 300: 0.022, 600: 0.002},
    "score": {0.24: 0.086, 0.64: 0.048, 1.37: 0.028, 3.7: 0.013},
}


@shared_data.needed
@pytest.mark.parametrize("name", STATED)
def test_the_stated_losses_are_reproduced(name):
    """Mean squares of the noise left, for 32 digits; stated to two digits."""
    network, _ = published(name)
    # The stated count of the first has two tables of 1,001 and 16 frequencies in it.
    stated = {"noise": 293_235 - 2 * 1001 - 16, "score": 1_022_977}[name]
    assert nets.count(network.variables) == stated
    x, _ = digits()
    z = jax.random.normal(jax.random.key(0), x.shape)

    @jax.jit
    def loss(level):
        if name == "score":
            noise = -jax.vmap(network, (0, None))(x + level * z, level)
        else:
            a = CHAIN.noise().scale(level)
            x_t = a * (x - 0.5) + jnp.sqrt(1 - a**2) * z
            noise = jax.vmap(network, (0, None))(x_t, level / 1000)
        return jnp.mean(jnp.square(noise - z))

    for level, stated in STATED[name].items():
        assert abs(loss(jnp.asarray(level)) - stated) < 0.0006 + 0.05 * stated


@shared_data.needed
@pytest.mark.parametrize("name", FILES)
def test_a_published_network_purifies(name):
    """Digits under noise of 0.6, which a classifier reads after but not before."""
    _, score = published(name)
    x, labels = digits()
    classifier = convnets.lenet5(
        shared_data.arrays("weights/mnist_lenet5_clean_advertorch")
    )
    sigmas = jnp.append(jnp.geomspace(0.6, 0.03, 8), 0.0)

    @jax.jit
    def run(keys, x):
        def one(key, x):
            k_noise, k_steps = jax.random.split(key)
            noised = x + 0.6 * jax.random.normal(k_noise, x.shape)
            clean, _ = sample.ddim(k_steps, noised, score, sigmas)
            return classifier(noised), classifier(clean)

        return jax.vmap(one)(keys, x)

    answers = run(jax.random.split(jax.random.key(1), len(x)), x)
    noised, clean = (np.mean(np.argmax(a, -1) == labels) for a in answers)
    assert clean > 0.9 and clean > noised + 0.1
