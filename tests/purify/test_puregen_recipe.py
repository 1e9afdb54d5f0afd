"""PureGen's recipes: what they are made of, what they cost, and what they refuse."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, linear_classifier, mixture

from purifax import energy, noise, purify, sample, score
from purifax.evaluation import results
from purifax.evaluation.world import World
from purifax.noise.discrete import linear_betas
from purifax.purify import Prior, PureGen, PureGenCode, puregen

CHAIN = noise.VPDiscrete(linear_betas(8, 0.01, 0.3))
BOWL = energy.Gaussian(0.25, 0.01)
BOTH = Prior(mixture(), CHAIN, energy=BOWL, temperature=0.5)
KEY = jax.random.key(0)
NUMBERS = {"steps": 4, "epsilon": 0.02, "time": 5, "repeats": 2}
GIVEN = PureGen(**NUMBERS)


def change(**fields):
    return dataclasses.replace(GIVEN, **fields)


def sentence(recipe, score, energy):
    """What a report says of the purifier."""
    work = SimpleNamespace(
        config=SimpleNamespace(score=score, energy=energy),
        world=World(recipe, BOTH, linear_classifier()),
    )
    return results._purifier(work)


@pytest.mark.parametrize(
    ("recipe", "down"),
    [
        (PureGen, Partial(purify.diffuse, sampler=Partial(sample.ancestral))),
        (PureGenCode, Partial(puregen.puregen_ddpm)),
    ],
)
def test_the_chain_goes_first_and_the_diffusion_label_by_label(recipe, down):
    labels, sizes = jnp.arange(5, -2, -1), jnp.full(4, 2e-4)
    x = image()
    for r in range(2):
        key = jax.random.fold_in(KEY, r)
        at = {"temperature": 0.5, "step_sizes": sizes}
        x = purify.langevin(jax.random.fold_in(key, 0), x, BOWL, **at)
        x = down(jax.random.fold_in(key, 1), x, mixture(), CHAIN, labels)
    found = recipe(**NUMBERS).build(BOTH)(KEY, image())
    np.testing.assert_allclose(found, x, rtol=1e-5, atol=1e-6)


def test_its_filter_is_calibrated_to_its_share():
    images = jax.random.uniform(KEY, (40, *image().shape))
    recipe = change(fraction=0.25)
    assert recipe.uncalibrated
    calibrated = recipe.calibrate(BOTH, images)
    above = jax.vmap(BOWL)(images) > calibrated.limit
    assert int(above.sum()) == 10
    assert not calibrated.uncalibrated
    assert calibrated.calibrate(BOTH, images[:3]) == calibrated
    found = jax.vmap(calibrated.build(BOTH), (None, 0))(KEY, images)
    moved = jnp.any(found != images, axis=(1, 2, 3))
    np.testing.assert_array_equal(moved, above)
    assert GIVEN.calibrate(BOTH, images) == GIVEN and not GIVEN.uncalibrated


def test_without_langevin_steps_it_is_the_diffusion_alone():
    labels = jnp.arange(5, -2, -1)
    key = jax.random.fold_in(jax.random.fold_in(KEY, 0), 1)
    expected = purify.diffuse(
        key, image(), mixture(), CHAIN, labels, sampler=Partial(sample.ancestral)
    )
    found = change(steps=0, repeats=1).build(BOTH)(KEY, image())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_surrogate_has_its_share_of_both():
    parts = GIVEN.build_short(BOTH, 2).keywords["purifiers"]
    assert len(parts[0].keywords["step_sizes"]) == 2
    np.testing.assert_array_equal(parts[1].keywords["times"], [5, 3, 1, -1])
    world = World(GIVEN, BOTH, linear_classifier())
    assert world.evaluations() == 2 * (4 + 6) + 1
    told = sentence(change(fraction=0.5), "runs/a", "runs/b")
    assert "score of runs/a and the energy of runs/b" in told
    assert "in 2 round(s), of the 50% of highest energy" in told


@pytest.mark.parametrize(
    ("fields", "prior", "message"),
    [
        ({"time": 0}, BOTH, "PureGen.time must be 1 or more; got 0"),
        ({"time": None}, BOTH, "time is a label of the chain, .* from 1; got None"),
        ({"time": 2.5}, BOTH, "time is a label of the chain, .* from 1; got 2.5"),
        ({"repeats": 0}, BOTH, "PureGen.repeats must be 1 or more; got 0"),
        ({"fraction": 0.0}, BOTH, r"fraction must be in \(0, 1\]; got 0.0"),
        ({"epsilon": 0.0}, BOTH, "epsilon must be more than 0"),
        ({"steps": -1}, BOTH, "PureGen.steps must be 0 or more; got -1"),
        ({}, Prior(mixture(), CHAIN), "needs an energy beside its score"),
        (
            {},
            Prior(score.from_energy(BOWL), energy=BOWL, temperature=1.0),
            "needs the score of a chain of labels",
        ),
    ],
)
def test_what_cannot_be_combined_is_one_clear_line(fields, prior, message):
    with pytest.raises(ValueError, match=message) as caught:
        change(**fields).build(prior)
    assert "\n" not in str(caught.value)


def test_its_rounds_are_one_number():
    with pytest.raises(TypeError):
        change(repeats=(1, 2))
