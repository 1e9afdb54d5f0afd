"""What a saved network predicts, and the score that follows from it."""

import json

import flax.linen as nn
import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import energy, nets, noise, sample, weights
from purifax.noise.discrete import cosine_betas
from purifax.score import Gaussian
from purifax.weights import network_folders, predictions

SHAPE = (2, 2, 1)
CENTRE, WIDTH, SCALE = 0.5, 2.0, 0.25
CLEAN = Gaussian(mean=0.62, variance=0.03)
PROCESSES = {
    "linear": {"name": "linear", "length": 200},
    "VP": {"name": "VP", "last": 15.0},
    "EDM": {"name": "EDM"},
}


def exact(x_t, label, predicts, process):
    """The best predictor for Gaussian images, worked out in the coordinates of x_t."""
    t = label / SCALE
    a = process.scale(t)
    s = a * process.sigma(t) * WIDTH
    mean, variance = WIDTH * (CLEAN.mean - CENTRE), WIDTH**2 * CLEAN.variance
    gain = a * variance / (a**2 * variance + s**2)
    u = mean + gain * (x_t - a * mean)
    z = (x_t - a * u) / s
    return {
        "noise": z,
        "noise_and_variance": jnp.concatenate([z, 0.5 + 0 * z], axis=-1),
        "velocity": a * z - s * u,
        "denoised": u,
    }[predicts]


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize(
    "predicts", [p for p in predictions.PREDICTIONS if not p.startswith("scaled")]
)
def test_every_prediction_of_a_process_is_the_same_score(predicts, name):
    words = weights.Prediction(predicts, PROCESSES[name], label_scale=SCALE)
    network = Partial(exact, predicts=predicts, process=words.noise())
    score = jax.jit(words.score(network))
    x = jax.random.uniform(jax.random.key(0), SHAPE)
    for sigma in (0.05, 0.4):
        sigma = jnp.float32(sigma)
        np.testing.assert_allclose(score(x, sigma), CLEAN(x, sigma), rtol=2e-3)


def test_a_scaled_score_is_divided_by_sigma_in_the_units_of_pixels():
    f = weights.Prediction().score(lambda x, sigma: sigma * CLEAN(x, sigma))
    x, sigma = jnp.full(SHAPE, 0.3), jnp.float32(0.2)
    np.testing.assert_allclose(f(x, sigma), CLEAN(x, sigma), rtol=1e-6)
    timed = weights.Prediction(process={"name": "VP"})
    assert timed.noise() == noise.VP()
    told = timed.score(lambda x, sigma: jnp.full_like(x, sigma**2))
    np.testing.assert_allclose(told(x, sigma), jnp.full(SHAPE, 0.2), rtol=1e-6)


def test_the_force_of_a_scaled_energy_is_divided_by_sigma():
    f = weights.Prediction("scaled_energy").score(energy.Gaussian(0.5, 0.25))
    x = jnp.full(SHAPE, 0.3)
    np.testing.assert_allclose(f(x, 0.1), jnp.full(SHAPE, 8.0), rtol=1e-5)


def test_the_learned_variance_lies_where_the_network_says():
    words = weights.Prediction("noise_and_variance", PROCESSES["VP"], label_scale=SCALE)
    network = Partial(exact, predicts="noise_and_variance", process=words.noise())
    x, sigma, below = jnp.full(SHAPE, 0.3), jnp.float32(0.4), jnp.float32(0.2)
    low, high = sample.small(x, sigma, below), sample.large(x, sigma, below)
    expected = high**0.75 * low**0.25
    found = words.variance(network)(x, sigma, below)
    assert found.shape == SHAPE
    np.testing.assert_allclose(found, jnp.full(SHAPE, expected), rtol=1e-5)
    f, fraction = words.parts(network)(x, sigma)
    np.testing.assert_allclose(f, sigma * CLEAN(x, sigma), rtol=1e-3)
    np.testing.assert_allclose(fraction, jnp.full(SHAPE, 0.75))
    plain = weights.Prediction("noise", PROCESSES["VP"]).variance(network)
    assert plain(x, sigma, below) == low


def test_processes_are_made_from_their_names_and_numbers():
    betas = [0.1, 0.2, 0.3]
    table = predictions.process("betas", betas=betas, width=1.0)
    np.testing.assert_allclose(table.betas, betas)
    assert table.width == 1.0
    np.testing.assert_array_equal(
        predictions.process("cosine", length=8).betas, cosine_betas(8)
    )
    assert predictions.process("SubVP", last=10.0) == noise.SubVP(last=10.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: predictions.process("lineer"), "did you mean linear?"),
        (lambda: predictions.process("VP", length=3), "VP cannot be made: .*length"),
        (lambda: weights.Prediction("noisy", {"name": "VP"}), "did you mean noise?"),
        (lambda: weights.Prediction("noise"), "predicting noise needs a process"),
    ],
)
def test_what_cannot_be_read_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class Doubling(nn.Module):
    """x and its label, with a parameter, so that there is something to save."""

    @nn.compact
    def __call__(self, x, label):
        del label
        return x * self.param("gain", nn.initializers.constant(2.0), ())


def test_a_saved_network_is_a_score_by_what_it_predicts(tmp_path, monkeypatch):
    monkeypatch.setattr(nets, "__all__", [*nets.__all__, "Doubling"])
    monkeypatch.setattr(nets, "Doubling", Doubling, raising=False)
    x, sigma = jnp.full(SHAPE, 0.3), jnp.float32(0.2)
    network = nets.Network(Doubling(), nets.init(jax.random.key(0), Doubling(), x, 1.0))
    for predicts in (
        weights.Prediction(),
        weights.Prediction("noise", {"name": "betas", "betas": [0.1] * 9}, 0.4, 3.0),
    ):
        place = tmp_path / predicts.predicts
        weights.save(place, network, SHAPE, "score", predicts)
        assert weights.prediction(place) == predicts
        np.testing.assert_allclose(
            weights.score(place)(x, sigma), predicts.score(network)(x, sigma)
        )


def test_a_network_without_the_entry_gives_the_scaled_score(tmp_path):
    network_folders.write(tmp_path, nets.MLP(), (8, 8, 1), "score")
    path = tmp_path / "network.json"
    words = json.loads(path.read_text())
    kept = {n: v for n, v in words.items() if n not in ("predicts", "checksum")}
    path.write_text(json.dumps(kept))
    assert "predicts" not in path.read_text()
    assert weights.prediction(tmp_path) == weights.Prediction()


def test_a_classifier_gives_no_score(tmp_path):
    network_folders.write(tmp_path, nets.MLP(), (8, 8, 1), "classifier")
    assert "predicts" not in (tmp_path / "network.json").read_text()
    with pytest.raises(ValueError, match="holds a classifier, which gives no score"):
        weights.score(tmp_path)
