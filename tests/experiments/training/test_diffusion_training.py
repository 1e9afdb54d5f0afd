"""Training of diffusion models: networks, losses by name, and one short run."""

import dataclasses

import flax.linen as nn
import jax
import numpy as np
import pytest
from jax import numpy as jnp
from PIL import Image
from training_runs import TRAIN, changed, score_run

from experiments import configs
from experiments.training import drawings, loop, networks, objectives
from experiments.training.config import (
    Data,
    Diffusion,
    DiffusionTraining,
    Drawing,
    Optim,
    ScoreNet,
)
from purifax import loss, nets, noise, score, weights
from purifax.noise.discrete import linear_betas
from purifax.purify import DiffPure
from purifax.weights import priors

PUBLISHED = {
    "cifar10_ddpm": (nets.UNet2D(dropout=0.1), "noise", 1.0),
    "cifar10_puregen_ddpm": (
        nets.UNet2D(widths=(128, 128, 256, 256, 512, 512), attention=(4,)),
        "noise",
        1.0,
    ),
    "cifar10_ddpmpp": (nets.DDPMpp(blocks=8), "noise", 999.0),
    "cifar10_edm": (nets.SongUNet(), "denoised", 1.0),
    "cifar10_eclipse_ddpm": (nets.OpenAIUNet(dropout=0.3), "noise_and_variance", 0.25),
}
SHRUNK = {
    "cifar10_ddpm": {"widths": (4,), "blocks": 1, "attention": (), "groups": 2},
    "cifar10_puregen_ddpm": {
        "widths": (4,),
        "blocks": 1,
        "attention": (),
        "groups": 2,
    },
    "cifar10_ddpmpp": {"width": 8, "multiples": (1,), "blocks": 1, "attention": ()},
    "cifar10_edm": {"width": 8, "multiples": (1,), "blocks": 1, "attention": ()},
    "cifar10_eclipse_ddpm": {
        "width": 8,
        "multiples": (1.0,),
        "blocks": 1,
        "attention": (),
        "groups": 2,
    },
}
X = jnp.full((4, 4, 1), 0.4)


def named(name):
    return configs.find(name)


def run(net=None, diffusion=None, **train):
    return DiffusionTraining(
        data=Data(name="digits"),
        net=net or ScoreNet(name="SmallScore", fold=2, widths=(8,), blocks=1),
        diffusion=diffusion or Diffusion(length=100),
        optim=Optim(learning_rate=1e-3, ema=0.9),
        train=dataclasses.replace(TRAIN, **train),
        drawing=Drawing(images=4, steps=3),
    )


def built(config, channels=3):
    networks.check(config)
    variance = networks.learns_variance(config)
    return networks.network(config.net, channels, 10, variance=variance)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_predict_what_they_should(name):
    module, predicts, label_scale = PUBLISHED[name]
    words = networks.prediction(named(name))
    assert built(named(name)) == module
    assert (words.predicts, words.label_scale) == (predicts, label_scale)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_loss_has_a_gradient_in_its_network(name):
    """Traced with small networks, not run."""
    config = changed(named(name), "net", **SHRUNK[name])
    module, images = built(config), jnp.zeros((2, 8, 8, 3))

    def slope(key):
        variables = nets.init(key, module, images[0], jnp.ones(()))
        of = objectives.objective(config, module)
        return variables, jax.grad(lambda v: of(v, key, images, None)[0])(variables)

    variables, slopes = jax.eval_shape(slope, jax.random.key(0))
    assert jax.tree.structure(variables) == jax.tree.structure(slopes)


def test_eclipse_trains_on_two_thousand_images():
    assert round(50_000 * (1 - named("cifar10_eclipse_ddpm").data.validation)) == 2000


def counting(x_t, label):
    """A network that tells its label."""
    return jnp.full_like(x_t, label)


def of_labels(x, sigma):
    """The scaled score of `counting` under the chain, told a tenth of the label."""
    return jnp.full_like(x, -0.1 * noise.VPDiscrete(linear_betas(50)).time(sigma))


CHAIN = noise.VPDiscrete(linear_betas(50))
TIMES = jnp.arange(50)
BY_NAME = {
    "simple": lambda key, f: loss.simple(key, X, f, CHAIN, TIMES),
    "min_snr": lambda key, f: loss.min_snr(key, X, f, CHAIN, TIMES[:9], cap=2.0),
    "edm": lambda key, f: loss.edm(key, X, f, mean=-3.0, deviation=0.5, spread=0.4),
}


@pytest.mark.parametrize("objective", BY_NAME)
def test_a_loss_by_name_is_that_of_the_library(objective):
    given = Diffusion(
        length=50,
        objective=objective,
        labels=9 if objective == "min_snr" else None,
        cap=2.0,
        mean=-3.0,
        deviation=0.5,
        spread=0.4,
        label_scale=0.1,
    )
    config = run(ScoreNet(name="UNet2D"), given)
    key = jax.random.key(3)
    found = jax.jit(lambda key: objectives.match(config)(key, X, counting))(key)
    np.testing.assert_allclose(found, BY_NAME[objective](key, of_labels), rtol=1e-3)


def test_the_hybrid_and_the_continuous_loss_by_name():
    def both(x_t, label):
        return jnp.concatenate([counting(x_t, label), 0.5 + 0 * x_t], axis=-1)

    key, given = jax.random.key(3), Diffusion(length=50, objective="hybrid", weight=0.1)
    config = run(ScoreNet(name="UNet2D"), dataclasses.replace(given, label_scale=0.1))
    found = jax.jit(lambda key: objectives.match(config)(key, X, both))(key)
    parts = lambda x, sigma: (of_labels(x, sigma), 0.75 + 0 * x)  # noqa: E731
    expected = loss.hybrid(key, X, parts, CHAIN, TIMES, weight=0.1)
    np.testing.assert_allclose(found, expected, rtol=1e-3)

    vp = Diffusion(process="VP", last=10.0, objective="continuous", label_scale=999.0)
    config = run(ScoreNet(name="DDPMpp"), vp)
    process = noise.VP(last=10.0)

    def f(x, sigma):
        return jnp.full_like(x, -999 * process.time(sigma))

    found = jax.jit(lambda key: objectives.match(config)(key, X, counting))(key)
    np.testing.assert_allclose(found, loss.continuous(key, X, f, process), rtol=1e-3)


class Dropping(nn.Module):
    """As small as a network with dropout can be."""

    dropout: float = 0.5

    @nn.compact
    def __call__(self, x, t, train=False):
        h = nn.Dropout(self.dropout, deterministic=not train)(x)
        return (
            h * self.param("gain", nn.initializers.ones, ())
            + 0 * t[:, None, None, None]
        )


def test_networks_with_dropout_drop_out_in_training_alone():
    config = run(ScoreNet(name="UNet2D"), Diffusion(length=10))
    module, keys = Dropping(), jax.random.split(jax.random.key(0), 1)
    variables = nets.init(keys[0], module, X, 1.0)

    @jax.jit
    def losses(key):
        of = objectives.objective(config, module)
        of_image = objectives.measure(config, module)
        trained = of(variables, key, X[None], None)[0]
        return trained, of_image(variables, key, X, None)["loss"]

    (first, whole), (again, _) = (losses(keys[0]) for _ in range(2))
    network, of_image = nets.Network(module, variables), objectives.match(config)
    of_image = jax.jit(of_image)
    assert whole == pytest.approx(float(of_image(keys[0], X, network)), rel=1e-5)
    # The same draws of time and noise, without the dropout.
    (k_image,) = jax.random.split(keys[0], 1)
    undropped = of_image(jax.random.split(k_image)[1], X, network)
    assert first == again and abs(first - undropped) > 0.01 * undropped


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two steps of a tiny network."""
    place = tmp_path_factory.mktemp("runs") / "diffusion"
    loop.train(run(steps=2, batch=8), place, None)
    return place


def test_a_run_says_what_its_network_predicts(folder):
    words = {"name": "linear", "length": 100}
    assert weights.prediction(folder) == weights.Prediction("scaled_score", words)
    with Image.open(folder / "samples.png") as picture:
        assert picture.size == (132, 132)
    assert (folder / "denoising.png").exists()


def test_a_trained_diffusion_model_purifies(folder):
    known = priors.load(folder)
    assert known.noise.betas.shape == (100,)
    given = DiffPure(sampler="ancestral", time=19, steps=2)
    x = jnp.full((8, 8, 1), 0.4)
    out = jax.jit(given.build(known))(jax.random.key(0), x)
    assert out.shape == x.shape and np.isfinite(out).all() and np.any(out != x)


def test_scaled_scores_know_the_times_they_were_trained_at():
    words = networks.prediction(run(diffusion=Diffusion(length=100)))
    assert words.predicts == "scaled_score"
    assert words.noise().betas.shape == (100,)
    f = words.score(lambda x, sigma: jnp.full_like(x, sigma))
    np.testing.assert_allclose(score.scaled(X, 0.3, f), jnp.full_like(X, 0.3))


def test_pictures_start_where_the_process_ends():
    for process in (noise.VP(), noise.VPDiscrete(), noise.EDM(), noise.VE()):
        sigmas = np.asarray(drawings.whole(process, 5))
        assert sigmas.shape == (6,) and sigmas[-1] == 0 and (np.diff(sigmas) < 0).all()
    assert drawings.whole(noise.VPDiscrete(), 5)[0] == noise.VPDiscrete().sigma(999)
    with pytest.raises(ValueError, match="this network knows none"):
        drawings.whole(None, 5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (run(diffusion=Diffusion(process="lineer")), "did you mean linear?"),
        (run(diffusion=Diffusion(process="VP")), "simple does not go with .*=VP"),
        (
            run(diffusion=Diffusion(objective="continuous")),
            "does not go with .*it needs VP, SubVP or VE",
        ),
        (run(diffusion=Diffusion(objective="hybrid")), "UNet2D or OpenAIUNet; got Sm"),
        (run(diffusion=Diffusion(process="EDM", length=3)), "EDM cannot be made"),
        (run(ScoreNet(name="SongUNet")), "SongUNet is told sigma: .* must be EDM"),
        (
            changed(score_run(), "net", name="UNet2D"),
            "needs a config of type",
        ),
    ],
)
def test_what_cannot_be_trained_is_one_clear_line(config, message):
    with pytest.raises(ValueError, match=message) as caught:
        networks.check(config)
    assert "\n" not in str(caught.value)
