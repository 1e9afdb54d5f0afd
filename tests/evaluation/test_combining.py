"""PureGen's combinations from a config: what they are made of, and refusals."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture
from purifax.evaluation.methods import defence as defences

from purifax import energy, noise, purify, sample, score
from purifax.evaluation.settings import Defence
from purifax.noise.discrete import linear_betas
from purifax.purify.prior import Prior

CHAIN = noise.VPDiscrete(linear_betas(8, 0.01, 0.3))
BOWL = energy.Gaussian(0.25, 0.01)
BOTH = Prior(mixture(), CHAIN, energy=BOWL, temperature=0.5)
KEY = jax.random.key(0)
GIVEN = Defence(method="puregen", steps=4, epsilon=0.02, time=5, repeats=(2,))


def change(**fields):
    return dataclasses.replace(GIVEN, **fields)


def built(defence, prior=BOTH, **knobs):
    defences.check(defence)
    return defences.purifier(defence, prior, **knobs)


@pytest.mark.parametrize("method", ["puregen", "puregen_code"])
def test_the_chain_goes_first_and_the_diffusion_label_by_label(method):
    labels, sizes = jnp.arange(5, -2, -1), jnp.full(4, 2e-4)
    down = {
        "puregen": Partial(purify.diffuse, sampler=Partial(sample.ancestral)),
        "puregen_code": Partial(purify.puregen_ddpm),
    }[method]
    x = image()
    for r in range(2):
        key = jax.random.fold_in(KEY, r)
        at = {"temperature": 0.5, "step_sizes": sizes}
        x = purify.langevin(jax.random.fold_in(key, 0), x, BOWL, **at)
        x = down(jax.random.fold_in(key, 1), x, mixture(), CHAIN, labels)
    found = built(change(method=method))(KEY, image())
    np.testing.assert_allclose(found, x, rtol=1e-5, atol=1e-6)


def test_its_filter_is_calibrated_to_its_share():
    images = jax.random.uniform(KEY, (40, *image().shape))
    defence = change(fraction=0.25)
    limit = defences.calibrate(defence, BOTH, images)
    above = jax.vmap(BOWL)(images) > limit
    assert int(above.sum()) == 10
    run = built(defence, limit=limit)
    found = jax.vmap(run, (None, 0))(KEY, images)
    moved = jnp.any(found != images, axis=(1, 2, 3))
    np.testing.assert_array_equal(moved, above)
    assert defences.calibrate(GIVEN, BOTH, images) == 0.0


def test_without_langevin_steps_it_is_the_diffusion_alone():
    labels = jnp.arange(5, -2, -1)
    key = jax.random.fold_in(jax.random.fold_in(KEY, 0), 1)
    expected = purify.diffuse(
        key, image(), mixture(), CHAIN, labels, sampler=Partial(sample.ancestral)
    )
    found = built(change(steps=0, repeats=()))(KEY, image())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_surrogate_has_its_share_of_both():
    parts = built(steps=2, defence=GIVEN).keywords["purifiers"]
    assert len(parts[0].keywords["step_sizes"]) == 2
    np.testing.assert_array_equal(parts[1].keywords["times"], [5, 3, 1, -1])
    assert defences.evaluations(GIVEN) == 2 * (5 + 6) + 1
    told = defences.words(change(fraction=0.5), "runs/a", "runs/b")
    assert "score of runs/a and the energy of runs/b" in told
    assert "in 2 round(s), of the 50% of highest energy" in told


@pytest.mark.parametrize(
    ("defence", "prior", "message"),
    [
        (change(time=None), BOTH, "needs defence.time, a label"),
        (change(time=2.5), BOTH, "a label of the chain from 1; got 2.5"),
        (change(repeats=(1, 2)), BOTH, "one number of rounds"),
        (change(fraction=0.0), BOTH, r"fraction must be in \(0, 1\]; got 0.0"),
        (change(epsilon=0.0), BOTH, "epsilon must be more than 0"),
        (GIVEN, Prior(mixture(), CHAIN), "needs an energy beside its score"),
        (
            GIVEN,
            Prior(score.from_energy(BOWL), energy=BOWL, temperature=1.0),
            "needs the score of a chain of labels",
        ),
    ],
)
def test_what_cannot_be_combined_is_one_clear_line(defence, prior, message):
    with pytest.raises(ValueError, match=message) as caught:
        built(defence, prior)
    assert "\n" not in str(caught.value)
