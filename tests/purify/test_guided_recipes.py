"""Recipes of guided, climbing and squeezing purifiers: numbers and refusals."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from fields import bare_config, refused
from jax import numpy as jnp
from oracles import image, linear_classifier, mixture

from purifax import attack, noise, purify
from purifax.evaluation import attacks, results
from purifax.evaluation.world import World
from purifax.purify import (
    GDMP,
    JPEG,
    LM,
    BitDepth,
    DiffPure,
    Langevin,
    Mimic,
    Prior,
    ScoreOpt,
    distance,
    guided_diffusion,
    jpeg,
    likelihood_ascent,
    likelihood_gaps,
)
from purifax.threat import Linf

CHAIN = noise.VPDiscrete()
PRIOR, KEY = Prior(mixture(), CHAIN), jax.random.key(0)
ROUNDS = GDMP(time=35, steps=36, variance="large", repeats=4)
LED = Mimic(time=990, steps=100)
CLIMB = LM(steps=5)
ALL = {
    "gdmp": ROUNDS,
    "mimic": LED,
    "likelihood": CLIMB,
    "scoreopt": ScoreOpt(steps=20, objective="regularised"),
    "scoreopt noised": ScoreOpt(sigma=0.125, steps=5, objective="noised"),
    "jpeg": JPEG(),
    "bit_depth": BitDepth(),
}


def change(recipe, **fields):
    return dataclasses.replace(recipe, **fields)


def built(recipe, prior=PRIOR):
    return recipe.build(prior)


def world(recipe, **more):
    return World(recipe, PRIOR, linear_classifier(), **more)


def sentence(recipe, score):
    """What a report says of the purifier."""
    config = SimpleNamespace(score=score, energy="")
    return results._purifier(SimpleNamespace(config=config, world=world(recipe)))


def test_gdmp_has_the_published_schedule():
    run = built(ROUNDS)
    sigmas = CHAIN.sigma(jnp.arange(35, -2, -1))
    np.testing.assert_array_equal(run.keywords["sigmas"], sigmas)
    np.testing.assert_allclose(
        run.keywords["scales"], guided_diffusion.square_scales(sigmas)
    )
    assert len(run.keywords["draws"]) == 4
    strong = built(change(ROUNDS, distance="ssim", strength=1e3, against=4 / 255))
    expected = guided_diffusion.similarity_scales(sigmas, strength=1e3, radius=4 / 255)
    np.testing.assert_allclose(strong.keywords["scales"], expected)
    assert strong.keywords["distance"].func is distance.dissimilarity


def test_gdmp_clips_what_is_denoised():
    far = Prior(lambda x, sigma: 100 + 0 * x, CHAIN)
    score = built(ROUNDS, far).keywords["score"]
    x, sigma = image(), jnp.array(0.5)
    np.testing.assert_allclose(x + sigma**2 * score(x, sigma), 1.0, atol=1e-5)


def test_mimic_starts_in_noise_and_is_guided_in_the_middle():
    run = built(LED)
    assert run.keywords["sigmas"][0] == CHAIN.sigma(990)
    np.testing.assert_array_equal(
        np.flatnonzero(run.keywords["scales"]), np.arange(21, 90)
    )
    assert run.keywords["distance"].func is distance.manhattan


def test_climbers_carry_their_numbers():
    run = built(change(CLIMB, reach=0.1))
    assert run.keywords["threat"] == Linf(radius=0.1)
    np.testing.assert_allclose(run.keywords["sigmas"], np.full(5, 0.25))
    np.testing.assert_allclose(run.keywords["step_sizes"], np.full(5, 0.05))
    weighed = built(change(ALL["scoreopt"], weight=0.3)).keywords["objective"]
    assert (
        weighed.func is likelihood_gaps.regularised_gap
        and weighed.keywords["weight"] == 0.3
    )
    assert built(ALL["scoreopt noised"]).func is likelihood_ascent.maximise_noised


def test_squeezers_need_no_score():
    x = image()
    assert "score" not in attacks.needs(JPEG()) and "score" in attacks.needs(CLIMB)
    assert not world(JPEG()).scored() and world(CLIMB).scored()
    found = built(BitDepth(bits=1), Prior())(KEY, x)
    np.testing.assert_array_equal(found, jnp.round(x))
    whole = built(JPEG(subsampled=False, quality=90), Prior())
    assert whole.func is jpeg.jpeg_444 and whole.keywords["quality"] == 90
    assert built(JPEG(), Prior()).func is purify.jpeg_420
    assert sentence(JPEG(), "") == "JPEG of quality 75, 4:2:0"
    assert "runs/x" in sentence(ROUNDS, "runs/x")
    recipes = (
        GDMP(),
        GDMP(distance="ssim"),
        DiffPure(sampler="ddim"),
        DiffPure(sampler="sde"),
        ScoreOpt(objective="noised"),
        ScoreOpt(),
        Langevin(temperature=0.5),
        Langevin(),
    )
    told = [sentence(recipe, "runs/x") for recipe in recipes]
    assert len(set(told)) == len(told)
    assert "guided by ssim, " in told[1] and "noise of sigma 0.25, ddim, " in told[2]
    assert "a step, temperature 0.5, " in told[6]


@pytest.mark.parametrize("name", ALL)
def test_as_many_calls_are_made_as_counted(name):
    calls = []

    def counting(x, sigma):
        jax.debug.callback(lambda: calls.append(1))
        return mixture()(x, sigma)

    given = ALL[name] if name not in ("gdmp", "mimic") else change(ALL[name], steps=3)
    jax.jit(built(given, Prior(counting, CHAIN)))(KEY, image()).block_until_ready()
    jax.effects_barrier()
    assert len(calls) == given.calls() == world(given).evaluations() - 1


BUDGET = {"steps": 2, "eot": 2, "start": "image"}
MADE = {
    "bpda": attack.PGD(gradient="bpda", **BUDGET),
    "unrolled": attack.PGD(gradient="one_step", **BUDGET),
    "surrogate_steps": attack.SurrogatePGD(**BUDGET),
    "exact": attack.PGD(**BUDGET),
}
SHORTENED = ("unrolled", "surrogate_steps")


def config_of(purifier, name):
    return bare_config(purifier=purifier, samples=2, attacks={name: MADE[name]})


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("purifier", [p for p in ALL if hasattr(ALL[p], "build_short")])
def test_attacks_are_made_for_it(purifier, name):
    """Traced, not run."""
    config_of(ALL[purifier], name).check()
    target = world(ALL[purifier], samples=2).target()
    made = MADE[name].build(target, Linf(0.1))
    assert jax.eval_shape(made, KEY, image(), jnp.array(0)).shape == image().shape


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("purifier", ["jpeg", "bit_depth"])
def test_squeezers_are_attacked_whole_or_not_at_all(purifier, name):
    config = config_of(ALL[purifier], name)
    if name in SHORTENED:
        with pytest.raises(ValueError, match="needs a purifier that can be shortened"):
            config.check()
        return
    config.check()
    target = world(ALL[purifier], samples=2).target()
    made = MADE[name].build(target, Linf(0.1))
    assert jax.eval_shape(made, KEY, image(), jnp.array(0)).shape == image().shape


@pytest.mark.parametrize(
    ("given", "fields", "message"),
    [
        (ROUNDS, {"distance": "manhattan"}, "GDMP.distance is 'manhattan'"),
        (ROUNDS, {"strength": -1.0}, "must be 0 or more; got -1.0"),
        (ROUNDS, {"repeats": 0}, "GDMP.repeats must be 1 or more; got 0"),
        (ROUNDS, {"against": 0.0}, "GDMP.against must be more than 0"),
        (ROUNDS, {"time": 5}, "from label 5 to -1 the chain has 6 steps"),
        (ROUNDS, {"sigma": 0.2}, "GDMP starts at a sigma or at a time; got sigma=0.2"),
        (LED, {"distance": "square"}, "distance=square give a strength"),
        (LED, {"spacing": "log"}, "Mimic.spacing is 'log'"),
        (CLIMB, {"objective": "noised"}, "LM.objective is 'noised'"),
        (CLIMB, {"spread": 0.3}, "LM.spread must be 0 or more and less than sigma"),
        (CLIMB, {"step_size": 0.0}, "LM.step_size must be more than 0"),
        (CLIMB, {"reach": 0.0}, "LM.reach must be more than 0"),
        (CLIMB, {"weight": 2.0}, "weight applies with objective=anchored or regul"),
        (ALL["scoreopt noised"], {"reach": 0.1}, "reach applies with objective=gap"),
        (ALL["scoreopt noised"], {"spread": 0.1}, "spread applies with objective=gap"),
        (ALL["jpeg"], {"quality": 101}, "must be from 1 to 100; got 101"),
        (ALL["bit_depth"], {"bits": 0}, "must be from 1 to 8; got 0"),
    ],
)
def test_what_cannot_be_built_is_one_clear_line(given, fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        built(change(given, **fields))
    assert "\n" not in str(caught.value)


def test_rounds_are_one_number():
    with pytest.raises(TypeError):
        change(ROUNDS, repeats=(1, 2))


@pytest.mark.parametrize(
    ("recipe", "field", "value"),
    [
        (Mimic, "repeats", 2),
        (Mimic, "against", 0.1),
        (LM, "level", 0.2),
        (JPEG, "sigma", 0.1),
        (BitDepth, "quality", 50),
    ],
)
def test_the_fields_of_other_methods_are_refused(recipe, field, value):
    refused(recipe, field, value)
