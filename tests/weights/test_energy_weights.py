"""Published energies: equal to PyTorch's, and MNIST's has the values stated for it."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import shared_data
from nets import foreign
from nets.golden import make_energies

from purifax import nets, sample, score, weights
from purifax.weights import convnets, energies, network_folders, tutorials

READERS = {
    "sngan": lambda state: energies.sngan(state, side=12),
    "sngan in patches": lambda state: energies.sngan(state, patch=2, side=16),
    "light": energies.light,
    "tutorial": tutorials.energy,
}


@cache
def golden():
    return dict(np.load(make_energies.HERE / "energies.npz"))


def state(name):
    return foreign.draw(foreign.recorded(golden(), name), seed=0)


@pytest.mark.parametrize("name", READERS)
def test_energy_and_force_agree_with_pytorch(name):
    network = READERS[name](state(name))
    run = jax.jit(jax.vmap(jax.value_and_grad(network)))
    found = run(jnp.asarray(make_energies.inputs(name)))
    for part, ours in zip(("output", "gradient"), found, strict=True):
        expected = golden()[f"{name}/{part}"]
        scale = np.abs(expected).max()
        assert scale > 1e-3
        np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-5 * scale)


@pytest.mark.parity
@pytest.mark.parametrize("name", READERS)
def test_golden_file_is_what_pytorch_gives(name):
    pytest.importorskip("torch", reason="torch is not installed")
    shapes, output, gradient = make_energies.run(name)
    assert shapes == foreign.recorded(golden(), name)
    np.testing.assert_allclose(output, golden()[f"{name}/output"], atol=1e-5)
    np.testing.assert_allclose(gradient, golden()[f"{name}/gradient"], atol=1e-5)


FAULTS = {
    "sngan": ("block3.c2.bias", "block3_c2/bias"),
    "light": ("f.2.bias", "conv1/bias"),
    "tutorial": ("cnn_layers.2.bias", "conv1/bias"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named(name):
    given, (bias, ours) = state(name), FAULTS[name]
    del given[bias]
    given["more.bias"] = np.zeros(2, np.float32)
    words = f"does not fit an? .*1 missing: {ours}; 1 unknown: more/bias"
    with pytest.raises(ValueError, match=words):
        READERS[name](given)
    with pytest.raises(ValueError, match="this is not an? "):
        READERS[name]({"fc.bias": np.zeros(3)})


def test_a_patch_that_the_channels_do_not_make_is_refused():
    with pytest.raises(ValueError, match="3 channels, which squares of 2 x 2"):
        energies.sngan(state("sngan"), patch=2)


def test_a_work_directory_keeps_the_temperature(tmp_path):
    network = energies.sngan(state("sngan"), side=12)
    weights.save(tmp_path, network, (12, 12, 3), "energy", temperature=1e-4)
    found, x = weights.energy(tmp_path), jnp.asarray(make_energies.inputs("sngan")[0])
    assert found.temperature == 1e-4 and found.energy.module == network.module
    np.testing.assert_allclose(found(x), network(x) / 1e-4, rtol=1e-6)
    with pytest.raises(ValueError, match="holds an energy, which gives no score"):
        weights.score(tmp_path)


def test_a_temperature_of_zero_is_not_written(tmp_path):
    network = energies.sngan(state("sngan"), side=12)
    with pytest.raises(ValueError, match="must be positive; got 0"):
        network_folders.write(
            tmp_path, network.module, (12, 12, 3), "energy", temperature=0.0
        )
    assert not any(tmp_path.iterdir())


@cache
def published():
    return tutorials.energy(shared_data.arrays("weights/mnist_ebm_uva"))


def images(name, count):
    stored = shared_data.load(name)["images"][:count]
    return jnp.asarray(stored.reshape(count, 28, 28, 1) / 255, jnp.float32)


@jax.jit
def energies_of(network, x):
    return jax.vmap(network)(x)


@shared_data.needed
def test_the_stated_energies_are_reproduced():
    """Stated: digits 0.00, clothes 2.74, uniform noise 17.9."""
    assert nets.count(published().variables) == 76_993
    noise = jax.random.uniform(jax.random.key(0), (200, 28, 28, 1))
    stated = {"mnist_test_5000": 0.0, "fashion_mnist_test_5000": 2.74}
    for name, value in stated.items():
        found = np.asarray(energies_of(published(), images(name, 400)))
        assert abs(found.mean() - value) < 4 * found.std() / 400**0.5
    assert abs(energies_of(published(), noise).mean() - 17.9) < 0.1


@shared_data.needed
def test_chains_from_noise_become_digits():
    """The tutorial's own sampler: large steps, little noise, kept in the box.

    Its force is clipped too, which Langevin's is not; 60 steps then do as well. The
    step of its images from -1 to 1 is 10, and the noise 0.005.
    """
    pull, step_size, heat = score.from_energy(published()), 2.5, 1.25e-6
    start = jax.random.uniform(jax.random.key(0), (32, 28, 28, 1))

    @jax.jit
    @jax.vmap
    def run(key, x):
        def step(x, i):
            key_i = jax.random.fold_in(key, i)
            x = sample.langevin_step(key_i, x, pull, 0.0, step_size, temperature=heat)
            return jnp.clip(x, 0.0, 1.0), None

        return jax.lax.scan(step, x, jnp.arange(60))[0]

    ends = run(jax.random.split(jax.random.key(1), len(start)), start)
    assert energies_of(published(), start).min() > 15
    assert energies_of(published(), ends).max() < 1  # digits have 0.00, clothes 2.74
    classifier = convnets.lenet5(
        shared_data.arrays("weights/mnist_lenet5_clean_advertorch")
    )
    seen = jax.nn.softmax(energies_of(classifier, ends))
    sure = seen.max(-1) > 0.9
    assert sure.mean() > 0.5
    assert len(set(seen.argmax(-1)[sure].tolist())) >= 4
