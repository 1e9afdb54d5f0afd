"""Guided, climbing and squeezing purifiers from a config: numbers and refusals."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from oracles import image, linear_classifier, mixture

from purifax import noise, purify
from purifax.evaluation import attacks, checks
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.settings import Attack, Defence, Evaluation, Subjects
from purifax.purify.prior import Prior
from purifax.threat import Linf

CHAIN = noise.VPDiscrete()
PRIOR, KEY = Prior(mixture(), CHAIN), jax.random.key(0)
GDMP = Defence(method="gdmp", time=35, steps=36, variance="large", repeats=(4,))
MIMIC = Defence(method="mimic", time=990, steps=100)
LM = Defence(method="likelihood", steps=5)
ALL = {
    "gdmp": GDMP,
    "mimic": MIMIC,
    "likelihood": LM,
    "scoreopt": Defence(method="scoreopt", steps=20, objective="regularised"),
    "scoreopt noised": Defence(
        method="scoreopt", sigma=0.125, steps=5, objective="noised"
    ),
    "jpeg": Defence(method="jpeg"),
    "bit_depth": Defence(method="bit_depth"),
}


def change(defence, **fields):
    return dataclasses.replace(defence, **fields)


def built(defence, prior=PRIOR, **knobs):
    defences.check(defence)
    return defences.purifier(defence, prior, **knobs)


def test_gdmp_has_the_published_schedule():
    run = built(GDMP)
    sigmas = CHAIN.sigma(jnp.arange(35, -2, -1))
    np.testing.assert_array_equal(run.keywords["sigmas"], sigmas)
    np.testing.assert_allclose(run.keywords["scales"], purify.square_scales(sigmas))
    assert len(run.keywords["draws"]) == 4
    strong = built(change(GDMP, distance="ssim", strength=1e3, against=4 / 255))
    expected = purify.similarity_scales(sigmas, strength=1e3, radius=4 / 255)
    np.testing.assert_allclose(strong.keywords["scales"], expected)
    assert strong.keywords["distance"].func is purify.dissimilarity


def test_gdmp_clips_what_is_denoised():
    far = Prior(lambda x, sigma: 100 + 0 * x, CHAIN)
    score = built(GDMP, far).keywords["score"]
    x, sigma = image(), jnp.array(0.5)
    np.testing.assert_allclose(x + sigma**2 * score(x, sigma), 1.0, atol=1e-5)


def test_mimic_starts_in_noise_and_is_guided_in_the_middle():
    run = built(MIMIC)
    assert run.keywords["sigmas"][0] == CHAIN.sigma(990)
    np.testing.assert_array_equal(
        np.flatnonzero(run.keywords["scales"]), np.arange(21, 90)
    )
    assert run.keywords["distance"].func is purify.manhattan


def test_climbers_carry_their_numbers():
    run = built(change(LM, reach=0.1))
    assert run.keywords["threat"] == Linf(radius=0.1)
    np.testing.assert_allclose(run.keywords["sigmas"], np.full(5, 0.25))
    np.testing.assert_allclose(run.keywords["step_sizes"], np.full(5, 0.05))
    weighed = built(change(ALL["scoreopt"], weight=0.3)).keywords["objective"]
    assert weighed.func is purify.regularised_gap and weighed.keywords["weight"] == 0.3
    assert built(ALL["scoreopt noised"]).func is purify.maximise_noised


def test_squeezers_need_no_score():
    x = image()
    assert not defences.needs_score(ALL["jpeg"]) and defences.needs_score(LM)
    found = built(change(ALL["bit_depth"], bits=1), None)(KEY, x)
    np.testing.assert_array_equal(found, jnp.round(x))
    whole = built(change(ALL["jpeg"], subsampled=False, quality=90), None)
    assert whole.func is purify.jpeg_444 and whole.keywords["quality"] == 90
    assert built(ALL["jpeg"], None).func is purify.jpeg_420
    assert defences.words(ALL["jpeg"], "") == "JPEG of quality 75, 4:2:0"
    assert "runs/x" in defences.words(GDMP, "runs/x")
    told = [
        defences.words(Defence(method=method, **fields), "runs/x")
        for method, fields in (
            ("gdmp", {}),
            ("gdmp", {"distance": "ssim"}),
            ("diffuse", {"sampler": "ddim"}),
            ("diffuse", {"sampler": "sde"}),
            ("scoreopt", {"objective": "noised"}),
            ("scoreopt", {}),
            ("langevin", {"temperature": 0.5}),
            ("langevin", {}),
        )
    ]
    assert len(set(told)) == len(told)
    assert "guided by ssim, " in told[1] and "noise gaussian 0.25, ddim, " in told[2]
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
    assert len(calls) == defences.evaluations(given) - 1


@pytest.mark.parametrize("attack", ["bpda", "unrolled", "surrogate_steps", "exact"])
@pytest.mark.parametrize("name", ALL)
def test_attacks_are_made_for_it(name, attack):
    """Traced, not run."""
    budget = Attack(steps=2, eot=2, start="image")
    config = Evaluation(
        images=Subjects(name="digits"),
        score="",
        classifier="",
        defence=ALL[name],
        attacks=(attack,),
        **{attack: budget},
    )
    checks.check(config)
    prior = PRIOR if defences.needs_score(ALL[name]) else None
    world = attacks.World(change(ALL[name], runs=2), prior, linear_classifier())
    made = attacks.bind(attack, budget, world, Linf(0.1))
    assert jax.eval_shape(made, KEY, image(), jnp.array(0)).shape == image().shape


@pytest.mark.parametrize(
    ("given", "fields", "message"),
    [
        (GDMP, {"method": "gdpm"}, "did you mean gdmp?"),
        (GDMP, {"distance": "manhattan"}, "defence.distance is 'manhattan'"),
        (GDMP, {"strength": -1.0}, "must be 0 or more; got -1.0"),
        (GDMP, {"repeats": (1, 2)}, "one number of rounds .* got \\(1, 2\\)"),
        (GDMP, {"against": 0.0}, "defence.against must be more than 0"),
        (GDMP, {"time": 5}, "from label 5 to -1 the chain has 6 steps"),
        (MIMIC, {"repeats": (2,)}, "nothing for mimic; got \\(2,\\)"),
        (MIMIC, {"distance": "square"}, "distance=square give defence.strength"),
        (MIMIC, {"spacing": "log"}, "defence.spacing is 'log'"),
        (LM, {"objective": "noised"}, "defence.objective is 'noised'"),
        (LM, {"spread": 0.3}, "less than defence.sigma"),
        (LM, {"step_size": 0.0}, "defence.step_size must be more than 0"),
        (LM, {"reach": 0.0}, "defence.reach must be more than 0"),
        (ALL["jpeg"], {"quality": 101}, "must be 1 to 100; got 101"),
        (ALL["bit_depth"], {"bits": 0}, "must be 1 to 8; got 0"),
    ],
)
def test_what_cannot_be_built_is_one_clear_line(given, fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        built(change(given, **fields))
    assert "\n" not in str(caught.value)
