"""Langevin purifiers from a config: energies and scores, numbers and refusals."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from oracles import image, mixture

from purifax import energy, purify, sample, score
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.settings import Defence
from purifax.purify.prior import Prior

BOWL = energy.Gaussian(0.25, 0.01)
ENERGY = Prior(score.from_energy(BOWL, 0.5), energy=BOWL, temperature=0.5)
LADDER = Prior(score.from_scaled_energy(BOWL), energy=BOWL)
SCORE = Prior(mixture())
KEY = jax.random.key(0)
WALK = Defence(method="langevin", steps=4, epsilon=0.02, level=0.3)


def change(**fields):
    return dataclasses.replace(WALK, **fields)


def built(defence, prior=ENERGY, **knobs):
    defences.check(defence)
    return defences.purifier(defence, prior, **knobs)


@pytest.mark.parametrize(
    ("defence", "prior", "heat"),
    [(WALK, ENERGY, 0.5), (WALK, LADDER, 0.3), (change(temperature=2.0), ENERGY, 2.0)],
)
def test_chains_of_an_energy_have_its_temperature(defence, prior, heat):
    sizes = jnp.full(4, 2e-4)
    expected = purify.langevin(KEY, image(), BOWL, sizes, temperature=heat)
    np.testing.assert_allclose(built(defence, prior)(KEY, image()), expected, atol=1e-6)


def test_chains_by_a_score_are_denoised_at_their_level():
    levels, sizes = jnp.full(4, 0.3), jnp.full(4, 2e-4)
    walked, _ = sample.annealed_langevin(KEY, image(), mixture(), levels, sizes)
    found = built(WALK, SCORE)(KEY, image())
    np.testing.assert_allclose(found, jnp.clip(walked, 0, 1), atol=1e-6)


def test_metropolis_tests_the_steps_of_an_energy():
    found = built(change(method="mala"))(KEY, image())
    expected = purify.mala(KEY, image(), BOWL, jnp.full(4, 2e-4), temperature=0.5)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_surrogate_takes_fewer_steps_and_words_name_the_noise():
    assert len(built(WALK, steps=2).keywords["step_sizes"]) == 2
    assert defences.evaluations(WALK) == 6
    assert "noise 0.02 a step, 4 steps" in defences.words(WALK, "runs/x")


@pytest.mark.parametrize(
    ("method", "prior"), [("langevin", ENERGY), ("mala", ENERGY), ("langevin", SCORE)]
)
def test_the_states_of_a_chain_lead_to_what_it_gives(method, prior):
    defence = change(method=method)
    states = defences.paths(defence, prior)
    path = states.path(KEY, image())
    assert len(path) == states.steps + 1
    np.testing.assert_array_equal(path[0], image())
    np.testing.assert_allclose(path[-1], built(defence, prior)(KEY, image()), atol=1e-6)


@pytest.mark.parametrize(
    ("defence", "prior", "message"),
    [
        (change(temperature=0.0), ENERGY, "temperature must be more than 0; got 0.0"),
        (change(epsilon=-0.1), ENERGY, "epsilon must be more than 0; got -0.1"),
        (change(method="mala"), SCORE, "mala needs an energy"),
        (change(temperature=1.0), SCORE, "temperature is for energies"),
    ],
)
def test_what_cannot_walk_is_one_clear_line(defence, prior, message):
    with pytest.raises(ValueError, match=message) as caught:
        built(defence, prior)
    assert "\n" not in str(caught.value)
