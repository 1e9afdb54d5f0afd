"""Poisons that expect a defence: what they see of it, and with which gradient."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from experiments.poisoning import generators, splits, victims
from experiments.poisoning.config import (
    SET_DEFENCE,
    PoisonGrid,
    Shares,
    Victim,
)
from experiments.poisoning.context import Context
from experiments.poisoning.defences import stage
from experiments.poisoning.defences.eclipse import Eclipse, EclipseDDPM
from experiments.training.config import (
    ClassifierNet,
    Optim,
)
from purifax import noise, poison, score
from purifax.purify import DiffPure
from purifax.purify.prior import Prior
from purifax.run.config import make

KEY = jax.random.key(8)
CONFIG = PoisonGrid(
    images=Shares(name="digits", train=60, test=60),
    victim=Victim(
        net=ClassifierNet(name="MLP", widths=(16,)),
        optim=Optim(learning_rate=1e-2),
        steps=20,
        batch=32,
    ),
)
EM = {"radius": 0.3, "rounds": 3, "updates": 5, "steps": 5, "stop": 0.02}
DIFFUSION = DiffPure(time=100, steps=2, sampler="ancestral")
DEFENCES = {"eclipse": Eclipse(DIFFUSION), "eclipse_ddpm": EclipseDDPM(DIFFUSION)}
METHODS = {
    "adaptive": poison.Adaptive,
    "adaptive_bpda": poison.AdaptiveBPDA,
    "adaptive_exact": poison.AdaptiveExact,
}


class Known(generators.Generators):
    """A diffusion that pulls everything towards grey, by a closed form."""

    def __init__(self):
        pass

    def sparse(self):
        return Prior(score.Gaussian(0.5, 0.02), noise.VPDiscrete())


@pytest.fixture(scope="module")
def context():
    parts = splits.parts(CONFIG.images, None)
    shape, names = parts.victim.images.shape[1:], parts.victim.names
    trainer = victims.Trainer(CONFIG.victim, shape, names)
    args = parts.victim, trainer, 0, 60
    return Context(*args, defences=DEFENCES, generators=Known())


def of_defence(context):
    args = context.images, context.victim, context.seed, context.chunk
    return stage.Context(*args, context.generators)


def summed(purifier, key, x):
    return jax.value_and_grad(lambda x: jnp.sum(purifier(key, x)))(x)


def test_the_view_is_the_defenders_purifier_and_its_gradient_the_one_that_is_named(
    context,
):
    x = jnp.asarray(context.images.images[0] / 255, jnp.float32)
    whole = DEFENCES["eclipse_ddpm"].of_image(of_defence(context))
    k_first = jax.random.fold_in(KEY, 0)
    pure, slope = summed(whole, k_first, x)
    slopes = {}
    for method in ("adaptive_bpda", "adaptive_exact"):
        view = METHODS[method](against="eclipse_ddpm").view(context)
        value, slopes[method] = summed(view, KEY, x)
        np.testing.assert_allclose(value, pure, rtol=1e-6)
    np.testing.assert_allclose(slopes["adaptive_exact"], slope, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(slopes["adaptive_bpda"], jnp.ones_like(x))
    assert float(jnp.max(slope)) < 0.9


def test_the_published_attack_sees_the_corruption_of_batches_alone(context):
    """Without a purifier; grey has a gradient, the noise the size of the defence's."""
    alone = dataclasses.replace(context, generators=None)
    seen = poison.Adaptive(against="eclipse").view(alone)
    x = jnp.full((8, 8, 3), 0.5).at[..., 0].set(0.7)
    keys = jax.random.split(KEY, 200)
    shown = jax.vmap(seen, (0, None))(keys, x)
    spread = np.ptp(np.asarray(shown).mean((1, 2)), axis=-1)
    assert 0.3 < np.mean(spread < 0.1) < 0.5
    slopes = jax.vmap(jax.grad(lambda x, key: jnp.sum(seen(key, x))), (None, 0))(
        x, keys
    )
    assert float(jnp.abs(slopes).sum((1, 2, 3)).min()) > 100


@pytest.mark.parametrize("method", ["adaptive", "adaptive_exact"])
def test_noise_minimises_the_error_of_who_sees_it_through_the_defence(context, method):
    found = METHODS[method](**EM).build(context)
    delta = np.asarray(found.delta)
    assert found.name == method and 0.1 < np.abs(delta).max() <= 0.3 + 1e-6
    plain = np.asarray(poison.EM(**EM).build(context).delta)
    assert np.abs(delta - plain).max() > 0.01
    images, trainer = context.images, context.victim
    purify = DEFENCES["eclipse_ddpm"].build(of_defence(context))
    right = []
    for noised in (0 * delta, delta):
        x = np.clip(images.images / 255 + noised, 0, 1)
        stored = dataclasses.replace(images, images=np.rint(255 * x).astype(np.uint8))
        pure = dataclasses.replace(stored, images=purify(KEY, stored.images))
        said = trainer.predictions(trainer.fit(pure, 0)[-1], pure.images)
        right.append(np.mean(said == images.labels))
    assert right[1] > right[0] + 0.1


@pytest.mark.parametrize(
    ("method", "against", "words"),
    [
        ("adaptive_exact", "mixup", "Mixup does not treat images one by one"),
        ("adaptive", "jpeg:75", "does nothing to batches alone"),
        ("adaptive_exact", "eclipsed", "no set defence is named 'eclipsed'"),
    ],
)
def test_a_defence_that_cannot_be_gone_through_is_refused(
    context, method, against, words
):
    with pytest.raises(ValueError, match=words):
        METHODS[method](**EM, against=against).build(context)


def test_a_purifier_is_that_of_a_grid(context):
    alone = dataclasses.replace(context, generators=None)
    with pytest.raises(ValueError, match="needs the networks of a grid"):
        poison.AdaptiveBPDA(**EM).build(alone)


def test_a_defence_is_expected_as_the_grid_has_it(context):
    """By its name in the grid with its numbers, else with the defaults."""
    assert context.defences["eclipse"].purifier.steps == 2
    assert make(SET_DEFENCE, "eclipse").purifier.steps == 100
    x, key = jnp.full((8, 8, 1), 0.2), KEY
    seen = poison.AdaptiveExact(against="eclipse_ddpm").view(context)(key, x)
    k_first = jax.random.fold_in(key, 0)
    want = DEFENCES["eclipse_ddpm"].of_image(of_defence(context))(k_first, x)
    np.testing.assert_array_equal(seen, want)
