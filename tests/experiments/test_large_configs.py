"""Configs of 256 pixels, each with networks of a tenth of the published width."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from experiments import configs
from purifax import nets
from purifax.evaluation import networks
from purifax.nets.network import Network, init
from purifax.purify import Prior, Resized
from purifax.weights.predictions import Prediction

KEY = jax.random.key(0)
TENTH = {"width": 24, "blocks": 2, "multiples": (1, 1, 2, 2, 4, 4), "groups": 6}
ADM = nets.OpenAIUNet(**TENTH, attention=(3, 4, 5), head_width=6, resize="block")
LINEAR = {"name": "linear", "length": 1000}


def drawn(*shape):
    return jax.random.uniform(KEY, shape)


def prior(predicts, module, side):
    """A network with drawn weights, as the converted one is read."""
    x = jnp.zeros((side, side, 3))
    made = Network(module, init(KEY, module, x, jnp.zeros(())), (side, side, 3))
    words = Prediction(predicts, process=LINEAR)
    variance = words.variance(made) if predicts == "noise_and_variance" else None
    return Prior(words.score(made), words.noise(), variance, made)


def shorter(recipe, steps=1):
    if isinstance(recipe, Resized):
        return dataclasses.replace(recipe, purifier=shorter(recipe.purifier, steps))
    return dataclasses.replace(recipe, steps=steps)


@pytest.mark.parametrize(
    "name, side, seen, calls",
    [
        ("imagenet_diffpure", 224, 256, 150),
        ("imagenet_diffpure_wrn50", 224, 256, 150),
        ("celebahq_smiling", 256, 256, 500),
        ("celebahq_eyeglasses", 256, 256, 500),
    ],
)
def test_the_settings_are_the_published_ones(name, side, seen, calls):
    config = configs.find(name)
    assert networks.seen(config.purifier, (side, side, 3)) == (seen, seen, 3)
    assert config.purifier.calls() == calls
    inside = getattr(config.purifier, "purifier", config.purifier)
    assert (inside.time, config.radius * 255) in ((0.15, 4), (499, 16))
    config.check()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, predicts, side",
    [
        ("imagenet_diffpure", "noise_and_variance", 224),
        ("celebahq_smiling", "noise", 256),
    ],
)
def test_a_tenth_of_the_width_runs(name, predicts, side):
    """One step of the purifier, at full size, and its gradient."""
    config = configs.find(name)
    module = dataclasses.replace(ADM, learned_variance=predicts != "noise")
    run = shorter(config.purifier).build(prior(predicts, module, 256))
    x = drawn(side, side, 3)
    y, back = jax.vjp(lambda x: run(KEY, x), x)
    (slope,) = back(jnp.ones_like(y))
    assert y.shape == x.shape and np.isfinite(y).all() and np.isfinite(slope).all()
    assert float(jnp.abs(y - x).max()) > 0.05


@pytest.mark.parametrize("name", ["imagenet_diffpure", "celebahq_smiling"])
def test_a_tenth_of_the_width_runs_small(name):
    """The same at an eighth of the size, where the programs are quick."""
    config = configs.find(name)
    small = {"multiples": (1, 2), "attention": (1,), "blocks": 1}
    learned = name == "imagenet_diffpure"
    module = dataclasses.replace(ADM, **small, learned_variance=learned)
    recipe = shorter(config.purifier, 2)
    if learned:
        recipe = dataclasses.replace(recipe, height=32, width=32)
    predicts = "noise_and_variance" if learned else "noise"
    run = recipe.build(prior(predicts, module, 32))
    x = drawn(28 if learned else 32, 28 if learned else 32, 3)
    y = jax.jit(run)(KEY, x)
    assert y.shape == x.shape and np.isfinite(y).all()
    assert float(jnp.abs(y - x).max()) > 0.05
