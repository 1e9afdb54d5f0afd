"""Diffusion purifiers from a config: schedules, samplers, attacks and refusals."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import CLASSES, image, linear_classifier, mixture
from purifax.evaluation.methods import defence as defences
from small import TINY

from experiments import configs
from purifax import noise, purify, sample
from purifax.evaluation import attacks, checks
from purifax.evaluation.settings import ATTACKS, Defence, Evaluation, Subjects
from purifax.purify import descent as levels
from purifax.purify.prior import Prior
from purifax.threat import Linf

CHAIN = noise.VPDiscrete()
PRIOR = Prior(mixture(), CHAIN)
KEY = jax.random.key(0)
DIFFUSE = Defence(method="diffuse", sampler="ancestral", time=99, steps=100)
LEE_KIM = Defence(
    method="gradual",
    sampler="ancestral",
    times=(29, 49, 124),
    repeats=(4, 2, 2),
    steps=125,
)
SHORT = dataclasses.replace(DIFFUSE, steps=3)


def change(defence=DIFFUSE, **fields):
    return dataclasses.replace(defence, **fields)


def built(defence, prior=PRIOR, **knobs):
    defences.check(defence)
    return defences.purifier(defence, prior, **knobs)


def bound(defence, prior=PRIOR, **knobs):
    return built(defence, prior, **knobs).keywords


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
    run = built(given)
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
    found = bound(change(variance="learned"), Prior(mixture(), CHAIN, learned))
    assert found["sampler"].keywords["variance"] is learned


def test_rounds_at_rising_noise_are_the_published_ones():
    stages = bound(LEE_KIM)["stages"]
    assert [len(draws) for _, draws in stages] == [4, 2, 2]
    for (sigmas, _), start in zip(stages, (29, 49, 124), strict=True):
        np.testing.assert_array_equal(sigmas, CHAIN.sigma(jnp.arange(start, -2, -1)))
    shorter = bound(LEE_KIM, steps=5)["stages"]
    assert [len(sigmas) - 1 for sigmas, _ in shorter] == [1, 2, 5]


def test_calls_of_networks_are_counted():
    assert defences.evaluations(DIFFUSE) == 101
    assert defences.evaluations(change(sampler="heun", steps=7)) == 15
    assert defences.evaluations(LEE_KIM) == 4 * 30 + 2 * 50 + 2 * 125 + 1


@pytest.mark.parametrize("name", ["diffuse", "gradual"])
def test_as_many_calls_are_made_as_counted(name):
    calls = []

    def counting(x, sigma):
        jax.debug.callback(lambda: calls.append(1))
        return mixture()(x, sigma)

    starts = {"time": None, "times": (19, 39), "repeats": (2, 1)}
    given = change(steps=4, **(starts if name == "gradual" else {}), method=name)
    jax.jit(built(given, Prior(counting, CHAIN)))(KEY, image()).block_until_ready()
    jax.effects_barrier()
    assert len(calls) == defences.evaluations(given) - 1


def test_every_sampler_purifies_and_has_a_gradient():
    for name in (*levels.SAMPLERS, "sde_in_time"):
        run = built(change(sampler=name, process="VP", time=0.05, steps=3))
        slope = jax.grad(lambda y, run=run: run(KEY, y).sum())
        assert jax.eval_shape(slope, image()).shape == image().shape
        assert jax.eval_shape(run, KEY, image()).dtype == jnp.float32


def world(defence):
    return attacks.World(
        defence=change(defence, runs=2),
        prior=PRIOR,
        classifier=linear_classifier(),
        surrogate=linear_classifier(),
    )


ABLE = [
    name
    for name in ATTACKS
    if name not in attacks.AUTO
    and name not in (*checks.HELD, *checks.SELF_STEPPING, "fixed_key")
]


def attacker(name, defence=SHORT):
    config = evaluation(defence, name)
    checks.check(config)
    return attacks.bind(name, getattr(config, name), world(defence), Linf(0.1))


@pytest.mark.parametrize("name", ABLE)
def test_every_attack_is_made_for_a_diffusion_purifier(name):
    """Traced, not run: that is done for DiffAttack, whose wiring is its own."""
    made = jax.eval_shape(attacker(name), KEY, image(), jnp.array(0))
    assert made.shape == image().shape


def test_an_attack_leads_a_diffusion_purifier_astray():
    x_adv = jax.jit(attacker("deviate"))(KEY, image(), jnp.array(0))
    assert 0 < Linf(0.1).distance(x_adv, image()) <= 0.1 + 1e-6


def test_autoattack_and_known_noise_work_on_a_diffusion_purifier():
    found, _ = attacks.components(
        "autoattack_rand", TINY, world(SHORT), Linf(0.1), CLASSES
    )
    assert found
    fixed = attacks.fixed_key(TINY, world(SHORT), Linf(0.1), 2)
    images, logits = jax.eval_shape(fixed, KEY, image(), jnp.array(0), KEY)
    assert images.shape[0] == logits.shape[0] == 2


def test_the_surrogate_has_as_many_steps_as_asked():
    budget = dataclasses.replace(TINY, shorter=2)
    for given, steps in ((budget, 2), (TINY, 50)):
        seen = attacks.seen("surrogate_steps", given, world(DIFFUSE))
        sigmas = seen.keywords["model"].keywords["purifier"].keywords["sigmas"]
        assert len(sigmas) == steps + 1 and sigmas[0] == CHAIN.sigma(99)


def test_deviation_is_from_the_image_noised_alike():
    found = defences.paths(SHORT, PRIOR)
    path, reference = found.path(KEY, image()), found.reference(KEY, image())
    assert path.shape == reference.shape == (4, *image().shape)
    np.testing.assert_array_equal(path[0], reference[0])
    np.testing.assert_array_equal(path[-1], built(SHORT)(KEY, image()))
    np.testing.assert_array_equal(reference[-1], image())
    in_time = change(sampler="sde_in_time", process="VP", time=0.05, steps=3)
    found = defences.paths(in_time, PRIOR)
    path, reference = found.path(KEY, image()), found.reference(KEY, image())
    np.testing.assert_array_equal(path[0], reference[0])
    np.testing.assert_array_equal(path[-1], built(in_time)(KEY, image()))


def evaluation(defence, *names):
    budgets = {name: dataclasses.replace(TINY, start="random") for name in names}
    return Evaluation(
        images=Subjects(name="digits"),
        score="",
        classifier="",
        surrogate="x",
        defence=defence,
        attacks=names,
        **budgets,
    )


UNTIMED = Prior(mixture())


@pytest.mark.parametrize(
    ("fields", "prior", "message"),
    [
        ({"sampler": "ancestrel"}, PRIOR, "did you mean ancestral?"),
        ({"method": "difuse"}, PRIOR, "did you mean diffuse?"),
        ({"spacing": "log"}, PRIOR, "defence.spacing is 'log'"),
        ({"process": "lineer"}, PRIOR, "did you mean linear?"),
        ({"noise": "binary"}, PRIOR, "which is gaussian; got defence.noise=binary"),
        ({"eta": 1.5}, PRIOR, "defence.eta must be from 0 to 1; got 1.5"),
        ({"time": 9, "last_time": 20}, PRIOR, "must fall .* got 9 -> 20. Did you swap"),
        ({"time": 1000}, PRIOR, "has times from -1 .clean. to 999; got 1000"),
        ({"time": None, "sigma": 90.0}, PRIOR, "it cannot reach sigma = 90"),
        (
            {"time": None, "sigma": 90.0, "spacing": "linear"},
            PRIOR,
            "it cannot reach sigma = 90",
        ),
        ({"steps": 101}, PRIOR, "from label 99 to -1 the chain has 100 steps"),
        ({}, UNTIMED, "knows none: set defence.process .VP or linear, say."),
        ({"sampler": "sde_in_time"}, PRIOR, "needs a process in continuous time"),
        ({"variance": "learned"}, PRIOR, "has learned none; use small or large"),
        ({"last_time": 5, "spacing": "linear"}, PRIOR, "needs defence.spacing=time"),
        ({"repeats": (2,)}, PRIOR, "defence.repeats is for defence.method=gradual"),
        ({"method": "gradual"}, PRIOR, "needs defence.sigmas or defence.times"),
        (
            {"method": "gradual", "sigmas": (0.1, 0.2), "repeats": (1,)},
            PRIOR,
            "1 or more rounds for each of 2 stages; got",
        ),
    ],
)
def test_what_cannot_be_built_is_one_clear_line(fields, prior, message):
    with pytest.raises(ValueError, match=message) as caught:
        built(change(**fields), prior)
    assert "\n" not in str(caught.value)


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
        checks.check(config)
        if config.defence.method in ("diffuse", "gradual"):
            process = noise.VP() if config.score == "runs/cifar10_ddpmpp" else CHAIN
            defences.check(config.defence)
            defences.fit(config.defence, Prior(mixture(), process))
            counted[name] = defences.evaluations(config.defence)
    assert counted["cifar10_diffpure"] == counted["cifar10_diffpure_ddpm"] == 101
    assert counted["cifar10_dds"] == 2
    assert counted["cifar10_lee_kim"] == 471


@pytest.mark.parametrize(
    ("defence", "name", "message"),
    [
        (DIFFUSE, "held", "has none; it would be exact"),
        (LEE_KIM, "deviate", "defence.method must be adaptive or diffuse"),
        (Defence(method="none"), "hammer", "needs a purifier with one noise level"),
        (Defence(runs=2, sigmas=(0.1, 0.2)), "deviate", "with one noise level"),
    ],
)
def test_attacks_that_do_not_fit_are_refused(defence, name, message):
    with pytest.raises(ValueError, match=message):
        checks.check(evaluation(defence, name))
