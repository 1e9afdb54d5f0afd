"""NaN and infinity, from wherever they come, are errors that say who made them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bad_input import Fault, Line
from jax.tree_util import Partial

import purifax
from purifax import classify, nets, purify, sample, weights
from purifax.certify.smoothing import counts
from purifax.purify.adp_early import adaptive_early
from purifax.purify.detection import detect
from purifax.purify.puregen import puregen_rounds
from purifax.purify.puregen_filter import filtered
from purifax.score import Gaussian
from purifax.threat import L1, L2, Linf

KEY, NAN, INF = jax.random.key(0), float("nan"), float("inf")
X = jnp.full((4, 4, 1), 0.5)
HALF = np.stack([np.full((8, 8, 1), v, np.uint8) for v in (10, 250, 250)])
LEVELS, STEPS, DOWN = jnp.full(3, 0.2), jnp.full(3, 0.05), jnp.array([0.2, 0.1, 0.0])
NORMAL = Gaussian(0.5, 0.1)


def images(weights="digits_dsm", *, given=HALF, **more):
    return lambda f: purifax.purify_images(given, weights, key=KEY, **more)


def brights(bad):
    """A purifier that fails on bright images alone."""
    return Partial(lambda key, x: jnp.where(jnp.mean(x) > 0.5, bad, x))


def logits_of_dark(x):
    return jnp.where(jnp.mean(x) > 0.5, NAN, 1.0) * jnp.arange(10.0)


def evaluate(classifier="digits_classifier", **more):
    given = {"attacks": (), "keys": 1, "samples": 1} | more
    return lambda f: purifax.evaluate(classifier, HALF, [1, 2, 3], **given)


def lost_attack(key, x, label):
    return jnp.where(jnp.mean(x) > 0.5, NAN, x)


def diverged(folder):
    """A network that a training left with one NaN."""
    module, x = nets.MLP(num_classes=10), jnp.zeros((8, 8, 1))
    variables = nets.init(KEY, module, x)
    kernel = variables["params"]["Dense_0"]["kernel"]
    variables["params"]["Dense_0"]["kernel"] = kernel.at[0, 0].set(NAN)
    weights.save(
        folder / "net", nets.Network(module, variables), (8, 8, 1), "classifier"
    )


LOST = "gave images that are not finite: 2 of 3, the first of them image 1"
EVALUATE = "evaluate --config=digits_adp --config.images.count=16 --config.purifier."
ROWS = [
    Fault("nan", "sigma", images(sigma=NAN), "ADP.sigma .* got nan"),
    Fault("nan", "sigma of infinity", images(sigma=INF), "ADP.sigma .* got inf"),
    Fault("nan", "rate", images(rate=NAN), "ADP.rate"),
    Fault("nan", "largest step", images(largest=INF), "ADP.largest"),
    Fault("nan", "purifier on some", images(None, purifier=brights(NAN)), LOST),
    Fault("nan", "purifier to infinity", images(None, purifier=brights(INF)), LOST),
    Fault("nan", "floats, purifier on some",
          images(None, given=HALF / np.float32(255), purifier=brights(NAN)), LOST),
    Fault("nan", "score", images(lambda x, s: NAN * x, purifier=purify.ADP()),
          "not finite: 3 of 3"),
    Fault("nan", "energy", images(None, energy=lambda x: NAN * jnp.sum(x),
                                  purifier=purify.MALA(temperature=1.0)), "not finite"),
    Fault("nan", "images", images(given=np.full((8, 8, 1), NAN, np.float32)),
          "not finite"),
    Fault("nan", "classifier on some", evaluate(logits_of_dark),
          "the classifier's answers to 2 of 3 clean images are not finite"),
    Fault("nan", "purifier of an evaluation", evaluate(purifier=brights(NAN)),
          "the defended model's answers to 2 of 3 clean .* purifier"),
    Fault("nan", "score of an evaluation",
          evaluate(purifier=purify.ADP(steps=1), score=lambda x, s: NAN * x),
          "the defended model's answers to 3 of 3 .* purifier ADP"),
    Fault("nan", "attack on some", evaluate(attacks={"mine": lost_attack}),
          "the attack mine gave images that are not finite: 2 of 3"),
    Fault("nan", "weights", diverged, "not all finite: .*Dense_0"),
    Line("nan", EVALUATE + "sigma=nan", "sigma"),
    Line("nan", EVALUATE + "rate=nan", "rate"),
    Line("nan", EVALUATE + "largest=inf", "largest"),
    Line("nan", EVALUATE + "smallest=0.5 --config.purifier.largest=0.1", "largest"),
    Line("nan", "evaluate --config=digits_adp --config.radius=nan", "radius"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)


@Partial
def lost(x, *_):
    """A score of which one value is NaN."""
    return (0.5 - x).at[0, 0, 0].set(NAN)


@Partial
def lost_energy(x):
    return NAN * jnp.sum(x)


ADP = Partial(purify.adaptive, score=lost, levels=LEVELS)
PROPAGATING = {
    "adaptive": ADP,
    "early": Partial(adaptive_early, score=lost, levels=LEVELS),
    "one step": Partial(purify.one_step, score=lost),
    "diffuse": Partial(purify.diffuse_from, score=lost, sigmas=DOWN),
    "langevin": Partial(sample.langevin, score=lost, sigmas=LEVELS, step_sizes=STEPS),
    "momentum": Partial(sample.momentum, score=lost, sigmas=LEVELS, step_sizes=STEPS),
    "corrector": Partial(sample.predictor_corrector, score=lost, sigmas=DOWN),
    "energy": Partial(purify.langevin, energy=lost_energy, step_sizes=STEPS),
    "mala": Partial(purify.mala, energy=lost_energy, step_sizes=STEPS),
    "filter": Partial(
        filtered,
        purifier=Partial(lambda key, x: x),
        energy=lost_energy,
        limit=0.0,
    ),
    "detect": Partial(
        detect,
        purifier=Partial(purify.adaptive, score=NORMAL, levels=LEVELS),
        score=lost,
        level=0.2,
        limit=1.0,
    ),
    "rounds": Partial(puregen_rounds, purifiers=[ADP], draws=jnp.arange(2)),
    "jpeg": lambda key, x: purify.jpeg_420(key, jnp.tile(x * NAN, (2, 2, 3))),
    "grey": lambda key, x: purify.grayscale(key, jnp.tile(x * NAN, (1, 1, 3))),
    "bits": lambda key, x: purify.bit_depth(key, x * NAN),
    "vote": lambda key, x: classify.vote(
        key, x, lambda key, x: NAN * jnp.ones(3), jnp.arange(2)
    ),
    **{
        threat.__name__: Partial(lambda key, x, t: t.project(x * NAN, x), t=threat(0.1))
        for threat in (Linf, L2, L1)
    },
}


@pytest.mark.parametrize("name", PROPAGATING)
def test_nan_is_never_lost_in_a_comparison(name):
    run = jax.jit(purifax.batched(PROPAGATING[name]))
    found = run(KEY, jnp.stack([X, X, X]))
    last = found[0] if isinstance(found, tuple) else found
    assert jnp.isnan(last).reshape(3, -1).any(1).all()


def test_ensembles_have_no_answer_from_the_first_draw_that_is_lost():
    logits = jnp.array([[0.0, 9.0], [NAN, 0.0], [0.0, 9.0]])
    assert all(a.tolist() == [1, -1, -1] for a in classify.curves(logits).values())


def test_smoothing_counts_no_class_for_a_lost_draw():
    found = counts(KEY, X, lambda key, x: NAN * jnp.ones(3), 0.1, jnp.arange(4))
    assert found.tolist() == [0, 0, 0]
