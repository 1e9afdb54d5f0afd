"""Recipes of Langevin chains: energies and scores, numbers and refusals."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from oracles import image, linear_classifier, mixture

from purifax import energy, purify, sample, score
from purifax.evaluation.world import World
from purifax.purify import MALA, Langevin, Prior

BOWL = energy.Gaussian(0.25, 0.01)
ENERGY = Prior(score.from_energy(BOWL, 0.5), energy=BOWL, temperature=0.5)
LADDER = Prior(score.from_scaled_energy(BOWL), energy=BOWL)
SCORE = Prior(mixture())
KEY = jax.random.key(0)
NUMBERS = {"steps": 4, "epsilon": 0.02}
WALK, TESTED = Langevin(**NUMBERS, level=0.3), MALA(**NUMBERS)


def change(**fields):
    return dataclasses.replace(WALK, **fields)


@pytest.mark.parametrize(
    ("recipe", "prior", "heat"),
    [(WALK, ENERGY, 0.5), (WALK, LADDER, 0.3), (change(temperature=2.0), ENERGY, 2.0)],
)
def test_chains_of_an_energy_have_its_temperature(recipe, prior, heat):
    sizes = jnp.full(4, 2e-4)
    expected = purify.langevin(KEY, image(), BOWL, sizes, temperature=heat)
    found = recipe.build(prior)(KEY, image())
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_chains_by_a_score_are_denoised_at_their_level():
    levels, sizes = jnp.full(4, 0.3), jnp.full(4, 2e-4)
    walked, _ = sample.annealed_langevin(KEY, image(), mixture(), levels, sizes)
    found = WALK.build(SCORE)(KEY, image())
    np.testing.assert_allclose(found, jnp.clip(walked, 0, 1), atol=1e-6)


def test_metropolis_tests_the_steps_of_an_energy():
    found = TESTED.build(ENERGY)(KEY, image())
    expected = purify.mala(KEY, image(), BOWL, jnp.full(4, 2e-4), temperature=0.5)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_surrogate_takes_fewer_steps_and_words_name_the_noise():
    assert len(WALK.build_short(ENERGY, 2).keywords["step_sizes"]) == 2
    assert World(WALK, ENERGY, linear_classifier()).evaluations() == 6
    assert "noise 0.02 a step, 4 steps" in WALK.words()


@pytest.mark.parametrize(
    ("recipe", "prior"), [(WALK, ENERGY), (TESTED, ENERGY), (WALK, SCORE)]
)
def test_the_states_of_a_chain_lead_to_what_it_gives(recipe, prior):
    states = recipe.states(prior)
    path = states.path(KEY, image())
    assert len(path) == states.steps + 1
    np.testing.assert_array_equal(path[0], image())
    expected = recipe.build(prior)(KEY, image())
    np.testing.assert_allclose(path[-1], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("recipe", "fields", "prior", "message"),
    [
        (WALK, {"temperature": 0.0}, ENERGY, "temperature must be more than 0; got 0."),
        (WALK, {"epsilon": -0.1}, ENERGY, "epsilon must be more than 0; got -0.1"),
        (TESTED, {}, SCORE, "MALA needs an energy"),
        (WALK, {"temperature": 1.0}, SCORE, "temperature is for energies"),
    ],
)
def test_what_cannot_walk_is_one_clear_line(recipe, fields, prior, message):
    with pytest.raises(ValueError, match=message) as caught:
        dataclasses.replace(recipe, **fields).build(prior)
    assert "\n" not in str(caught.value)
