"""Recipes of diffusion purifiers: schedules, samplers, attacks and refusals."""

import dataclasses

import jax
import numpy as np
import pytest
from fields import bare_config, refused
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import CLASSES, image, linear_classifier, mixture
from small import tiny

from experiments import configs
from purifax import noise, purify, sample
from purifax.evaluation.attacks import ATTACKS
from purifax.evaluation.settings import Evaluation
from purifax.evaluation.world import World
from purifax.purify import ADP, DiffPure, LeeKim, Prior
from purifax.purify import descent as levels
from purifax.threat import Linf

CHAIN = noise.VPDiscrete()
PRIOR = Prior(mixture(), CHAIN)
KEY = jax.random.key(0)
DIFFUSE = DiffPure(sampler="ancestral", time=99, steps=100)
LEE_KIM = LeeKim()
SHORT = dataclasses.replace(DIFFUSE, steps=3)


def change(recipe=DIFFUSE, **fields):
    return dataclasses.replace(recipe, **fields)


def bound(recipe, prior=PRIOR):
    return recipe.build(prior).keywords


def evaluations(recipe):
    return world(recipe).evaluations()


def test_a_label_goes_down_all_labels_to_the_clean_image():
    sigmas = bound(DIFFUSE)["sigmas"]
    np.testing.assert_array_equal(sigmas, CHAIN.sigma(jnp.arange(99, -2, -1)))
    few = bound(change(steps=4))["sigmas"]
    np.testing.assert_array_equal(few, CHAIN.sigma(jnp.array([99, 74, 49, 24, -1])))


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        ("linear", [0.3, 0.2, 0.1, 0.0]),
        ("karras", None),
        ("time", None),
    ],
)
def test_a_level_goes_down_to_zero(spacing, expected):
    start = change(time=None, sigma=0.3, spacing=spacing, steps=3)
    sigmas = np.asarray(bound(start)["sigmas"])
    assert sigmas[0] == pytest.approx(0.3, rel=1e-5)
    assert sigmas[-1] == 0 and (np.diff(sigmas) < 0).all()
    if expected:
        np.testing.assert_allclose(sigmas, expected, atol=1e-6)
    if spacing == "time":
        times = CHAIN.time(sigmas)
        np.testing.assert_allclose(np.diff(times), np.diff(times)[0], rtol=1e-3)


def test_a_time_and_its_level_are_the_same_start():
    by_time = bound(change(time=0.1, process="VP", steps=5))["sigmas"]
    sigma = float(noise.VP().sigma(0.1))
    by_level = bound(change(time=None, sigma=sigma, process="VP", steps=5))["sigmas"]
    np.testing.assert_allclose(by_time, by_level, rtol=1e-4)
    np.testing.assert_allclose(by_time, noise.VP().sigma(np.linspace(0.1, 0, 6)))


def test_diffpure_steps_in_the_time_of_its_process():
    given = change(sampler="sde_in_time", process="VP", time=0.1, last_time=1e-5)
    run = given.build(PRIOR)
    assert run.func is purify.diffuse_in_time
    np.testing.assert_allclose(
        run.keywords["times"], np.linspace(0.1, 1e-5, 101), rtol=1e-4
    )


def test_a_process_whose_least_noise_is_not_zero_ends_at_the_clean_image():
    sigmas = bound(change(process="VE", time=0.4, steps=3))["sigmas"]
    assert sigmas[-1] == 0 and sigmas[-2] > 0.01


def test_samplers_carry_their_numbers():
    assert bound(change(sampler="ddim", eta=0.3))["sampler"].keywords["eta"] == 0.3
    variance = bound(change(variance="large"))["sampler"].keywords["variance"]
    assert variance.func is sample.large
    learned = Partial(sample.small)
    prior = Prior(mixture(), CHAIN, learned)
    found = bound(change(variance="learned"), prior)
    assert found["sampler"].keywords["variance"] is learned


def test_rounds_at_rising_noise_are_the_published_ones():
    assert LEE_KIM.sampler == "ancestral"
    stages = bound(LEE_KIM)["stages"]
    assert [len(draws) for _, draws in stages] == [4, 2, 2]
    for (sigmas, _), start in zip(stages, (29, 49, 124), strict=True):
        np.testing.assert_array_equal(sigmas, CHAIN.sigma(jnp.arange(start, -2, -1)))
    shorter = LEE_KIM.build_short(PRIOR, 5).keywords["stages"]
    assert [len(sigmas) - 1 for sigmas, _ in shorter] == [1, 2, 5]


def test_calls_of_networks_are_counted():
    assert evaluations(DIFFUSE) == 101
    assert evaluations(change(sampler="heun", steps=7)) == 15
    assert evaluations(LEE_KIM) == 4 * 30 + 2 * 50 + 2 * 125 + 1


@pytest.mark.parametrize(
    "given",
    [
        change(time=None, steps=4),
        change(time=None, steps=4, sampler="heun"),
        LeeKim(times=(19, 39), repeats=(2, 1), steps=4),
    ],
)
def test_as_many_calls_are_made_as_counted(given):
    calls = []

    def counting(x, sigma):
        jax.debug.callback(lambda: calls.append(1))
        return mixture()(x, sigma)

    run = given.build(Prior(counting, CHAIN))
    jax.jit(run)(KEY, image()).block_until_ready()
    jax.effects_barrier()
    assert len(calls) == given.calls() == evaluations(given) - 1


def test_every_sampler_purifies_and_has_a_gradient():
    for name in (*levels.SAMPLERS, "sde_in_time"):
        given = change(sampler=name, process="VP", time=0.05, steps=3)
        run = given.build(PRIOR)
        slope = jax.grad(lambda y, run=run: run(KEY, y).sum())
        assert jax.eval_shape(slope, image()).shape == image().shape
        assert jax.eval_shape(run, KEY, image()).dtype == jnp.float32


def world(recipe, samples=2):
    return World(
        recipe,
        PRIOR,
        linear_classifier(),
        surrogate=linear_classifier(),
        samples=samples,
        keys=2,
    )


def target(recipe=SHORT):
    return world(recipe).target()


ABLE = [
    name
    for name, made in ATTACKS.items()
    if not hasattr(made, "components")
    and not hasattr(made, "answering")
    and "frozen" not in getattr(made, "requires", ())
]


def test_all_others_are_able():
    frozen, auto = {"held", "apgd_held"}, {n for n in ATTACKS if "autoattack" in n}
    assert set(ATTACKS) - set(ABLE) == frozen | auto | {"fixed_key"}


def attacker(name, recipe=SHORT):
    config = evaluation(recipe, name)
    config.check()
    return config.attack(name).build(target(recipe), Linf(0.1))


@pytest.mark.parametrize("name", ABLE)
def test_every_attack_is_made_for_a_diffusion_purifier(name):
    """Traced, not run: that is done for DiffAttack, whose wiring is its own."""
    made = jax.eval_shape(attacker(name), KEY, image(), jnp.array(0))
    assert made.shape == image().shape


def test_an_attack_leads_a_diffusion_purifier_astray():
    x_adv = jax.jit(attacker("deviate"))(KEY, image(), jnp.array(0))
    assert 0 < Linf(0.1).distance(x_adv, image()) <= 0.1 + 1e-6


def test_autoattack_and_known_noise_work_on_a_diffusion_purifier():
    auto = tiny("autoattack_rand")
    found, judge = auto.build(target(), Linf(0.1), CLASSES)
    assert found and jax.eval_shape(judge, KEY, image()).shape == (1, CLASSES)
    fixed = tiny("fixed_key").build(target(), Linf(0.1))
    images, logits = jax.eval_shape(fixed, KEY, image(), jnp.array(0), KEY)
    assert images.shape[0] == logits.shape[0] == 2


def test_the_surrogate_has_as_many_steps_as_asked():
    for given, steps in ((tiny("surrogate_steps", shorter=2), 2), (None, 50)):
        given = given or tiny("surrogate_steps")
        seen = given.build(target(DIFFUSE), Linf(0.1)).keywords["model"]
        sigmas = seen.keywords["model"].keywords["purifier"].keywords["sigmas"]
        assert len(sigmas) == steps + 1 and sigmas[0] == CHAIN.sigma(99)


def test_deviation_is_from_the_image_noised_alike():
    found = SHORT.states(PRIOR)
    path, reference = found.path(KEY, image()), found.reference(KEY, image())
    assert path.shape == reference.shape == (4, *image().shape)
    np.testing.assert_array_equal(path[0], reference[0])
    np.testing.assert_array_equal(path[-1], SHORT.build(PRIOR)(KEY, image()))
    np.testing.assert_array_equal(reference[-1], image())
    in_time = change(sampler="sde_in_time", process="VP", time=0.05, steps=3)
    found = in_time.states(PRIOR)
    path, reference = found.path(KEY, image()), found.reference(KEY, image())
    np.testing.assert_array_equal(path[0], reference[0])
    np.testing.assert_array_equal(path[-1], in_time.build(PRIOR)(KEY, image()))


def evaluation(recipe, *names, **fields):
    attacks = {name: tiny(name) for name in names}
    for name, made in attacks.items():
        if hasattr(made, "start"):
            attacks[name] = dataclasses.replace(made, start="random")
    return bare_config(surrogate="x", purifier=recipe, attacks=attacks, **fields)


UNTIMED = Prior(mixture())


@pytest.mark.parametrize(
    ("fields", "prior", "message"),
    [
        ({"sampler": "ancestrel"}, PRIOR, "did you mean ancestral?"),
        ({"spacing": "log"}, PRIOR, "DiffPure.spacing is 'log'"),
        ({"process": "lineer"}, PRIOR, "did you mean linear?"),
        ({"sampler": "ddim", "eta": 1.5}, PRIOR, "eta must be from 0 to 1; got 1.5"),
        ({"eta": 0.5}, PRIOR, "eta applies with sampler=ddim alone; got eta=0.5"),
        (
            {"sampler": "ddim", "variance": "large"},
            PRIOR,
            "variance applies with sampler=ancestral alone; got variance=large",
        ),
        ({"time": 9, "last_time": 20}, PRIOR, "must fall .* got 9 -> 20. Did you swap"),
        ({"time": 1000}, PRIOR, "has times from -1 .clean. to 999; got 1000"),
        ({"sigma": 0.2}, PRIOR, "a sigma or at a time; got sigma=0.2 and time=99"),
        ({"time": None, "sigma": 0.0}, PRIOR, "sigma must be more than 0; got 0.0"),
        ({"time": None, "sigma": 90.0}, PRIOR, "it cannot reach sigma = 90"),
        (
            {"time": None, "sigma": 90.0, "spacing": "linear"},
            PRIOR,
            "it cannot reach sigma = 90",
        ),
        ({"steps": 0}, PRIOR, "DiffPure.steps must be 1 or more; got 0"),
        ({"steps": 101}, PRIOR, "from label 99 to -1 the chain has 100 steps"),
        ({}, UNTIMED, "knows none: set `process` .VP or linear, say."),
        ({"sampler": "sde_in_time"}, PRIOR, "needs a process in continuous time"),
        ({"variance": "learned"}, PRIOR, "has learned none; use small or large"),
        (
            {"last_time": 5, "spacing": "linear"},
            PRIOR,
            "last_time applies with spacing=time alone",
        ),
    ],
)
def test_what_cannot_be_built_is_one_clear_line(fields, prior, message):
    with pytest.raises(ValueError, match=message) as caught:
        change(**fields).build(prior)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sigmas": (0.1,), "times": (29,)}, "needs sigmas or times, .* and not both"),
        (
            {"sigmas": (0.1, 0.2), "repeats": (1,)},
            "1 or more rounds for each of 2 stages; got",
        ),
        ({"repeats": (4, 2, 0)}, "1 or more rounds for each of 3 stages; got"),
        ({"repeats": ()}, "1 or more rounds for each of 3 stages; got"),
        ({"sampler": "sde_in_time"}, "has no sampler sde_in_time; use sde"),
    ],
)
def test_stages_that_make_no_sense_are_one_clear_line(fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        change(LEE_KIM, **fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "field", "value"),
    [
        (DiffPure, "noise", "binary"),
        (DiffPure, "sigmas", (0.1, 0.2)),
        (DiffPure, "times", (9, 19)),
        (DiffPure, "repeats", (2,)),
        (LeeKim, "sigma", 0.1),
        (LeeKim, "time", 29.0),
    ],
)
def test_the_fields_of_other_methods_are_refused(recipe, field, value):
    refused(recipe, field, value)


def test_a_network_without_process_takes_levels():
    given = change(time=None, sigma=0.2, spacing="linear", steps=4)
    np.testing.assert_allclose(
        bound(given, UNTIMED)["sigmas"], np.linspace(0.2, 0, 5), atol=1e-7
    )
    named = change(time=0.1, process="VP", steps=4)
    assert len(bound(named, UNTIMED)["sigmas"]) == 5


def test_every_config_fits_the_process_of_its_network():
    """A chain of 1000 labels, or DDPM++'s continuous time."""
    counted = {}
    for name in configs.names([Evaluation]):
        config = configs.find(name)
        config.check()
        if isinstance(config.purifier, DiffPure | LeeKim):
            process = noise.VP() if config.score == "runs/cifar10_ddpmpp" else CHAIN
            config.purifier.build(Prior(mixture(), process))
            counted[name] = evaluations(config.purifier)
    assert counted["cifar10_diffpure"] == counted["cifar10_diffpure_ddpm"] == 101
    assert counted["cifar10_dds"] == 2
    assert counted["cifar10_lee_kim"] == 471


@pytest.mark.parametrize(
    ("recipe", "name", "message"),
    [
        (DIFFUSE, "held", "has none; it would be exact"),
        (LEE_KIM, "deviate", "needs the states of one run, which this purifier does"),
        (None, "hammer", "the attack hammer needs a purifier"),
        (ADP(sigmas=(0.1, 0.2)), "deviate", "with one noise level"),
    ],
)
def test_attacks_that_do_not_fit_are_refused(recipe, name, message):
    with pytest.raises(ValueError, match=message):
        evaluation(recipe, name, samples=2).check()
