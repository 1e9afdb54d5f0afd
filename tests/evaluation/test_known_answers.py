"""The suite on networks and random defences whose robust accuracy is known exactly."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.scipy.stats import norm
from jax.tree_util import Partial
from masked import attacked, classes, digits, network
from scipy.stats import binom

from purifax import attack, classify
from purifax import record as records
from purifax.attack import autoattack_components, windows
from purifax.evaluation.autoattack import run_auto
from purifax.run import devices
from purifax.threat import Linf

KEY = jax.random.key(8)


def bare(classifier):
    return Partial(classify.undefended, classifier=classifier)


def standing(images, labels, w, radius):
    """Whether a linear classifier keeps its answer in the whole ball and box, [N]."""
    x, labels, w = (np.asarray(a) for a in (images, labels, w))
    x = x.reshape(len(x), -1, 1)
    up, down = np.minimum(radius, 1.0 - x), np.minimum(radius, x)
    ways = w[None] - w.T[labels][:, :, None]
    highest = np.sum(ways * x + np.where(ways > 0, ways * up, -ways * down), axis=1)
    others = np.arange(w.shape[1]) != labels[:, None]
    return np.all(np.where(others, highest, -1.0) < 0.0, axis=1)


def by_autoattack(model, images, labels, radius):
    parts = autoattack_components.components(
        *("standard", Linf(radius), 10, model), iterations=12, queries=20
    )
    return run_auto(
        *(KEY, np.asarray(images), np.asarray(labels), parts, model),
        devices.mesh(1),
        chunk=len(images),
    )


def climbs(model, radius):
    common = {"model": model, "threat": Linf(radius)}
    steps, checkpoints = jnp.full(20, radius / 4), windows.apgd_checkpoints(20)
    return {
        "pgd": Partial(attack.pgd, **common, step_sizes=steps),
        "apgd": Partial(attack.apgd, **common, checkpoints=checkpoints),
    }


def test_autoattack_leaves_of_a_linear_classifier_what_no_attack_can_take():
    images, labels = digits("test", 64)
    classifier = network(0)
    model, w = bare(classifier), classifier.keywords["w"]
    left = standing(images, labels, w, 0.12)
    assert 0.3 < left.mean() < 0.7
    found = by_autoattack(model, images, labels, 0.12)
    np.testing.assert_array_equal(found.broken_by == "", left)
    for name, climb in climbs(model, 0.12).items():
        told = classes(model, attacked(climb, images, labels))[:, 0] == labels
        assert np.all(told | ~left), f"{name} broke what cannot be broken"
        assert told.mean() < left.mean() + 0.1, name


def test_a_network_that_is_not_robust_goes_to_zero():
    images, labels = digits("test", 64)
    model = bare(network())
    assert np.mean(classes(model, images)[:, 0] == labels) > 0.95
    for name, climb in climbs(model, 0.3).items():
        told = classes(model, attacked(climb, images, labels))[:, 0]
        assert not np.any(told == labels), name
    found = by_autoattack(model, images, labels, 0.3)
    assert not np.any(found.broken_by == "") and np.all(found.right == 0)


W = jnp.array([0.9, -0.4, 0.25, 1.3]).reshape(2, 2, 1)
NOISE, RADIUS, KEYS = 0.3, 0.1, 240


def noised(key, x, shift):
    """Class 1 where w.(x - 1/2) + shift + s z > 0."""
    z = jax.random.normal(key)
    height = jnp.sum(W * (x - 0.5)) + shift + NOISE * z
    return jnp.stack([jnp.zeros(()), height])


def interior(count):
    """Images away from the box's walls, all of class 1, and w.(x - 1/2)."""
    shape = (count, 2, 2, 1)
    images = jax.random.uniform(KEY, shape, minval=0.3, maxval=0.7)
    height = np.sum(np.asarray(W) * (np.asarray(images) - 0.5), axis=(1, 2, 3))
    return images, jnp.ones(count, jnp.int32), height


def expected_climb(model, radius, draws=8):
    seen = Partial(classify.each, model=model, draws=jnp.arange(draws))
    return Partial(
        attack.pgd,
        model=seen,
        threat=Linf(radius),
        step_sizes=jnp.full(10, radius / 4),
    )


@pytest.fixture(scope="module")
def noisy():
    """Answers [N, M] to the attacked images, and each image's chance to be right."""
    images, labels, height = interior(200)
    model = Partial(noised, shift=0.55)
    x_adv = attacked(expected_climb(model, RADIUS), images, labels)
    lost = RADIUS * float(jnp.sum(jnp.abs(W)))
    p = np.asarray(norm.cdf((height + 0.55 - lost) / NOISE))
    return classes(model, x_adv, KEYS), labels, p


def within(value, expected, error):
    """Three standard errors."""
    assert abs(float(value) - expected) < 3 * error, (float(value), expected, error)


def test_gaussian_noise_leaves_the_analytic_accuracy(noisy):
    told, labels, p = noisy
    assert 0.6 < p.mean() < 0.95
    error = np.sqrt(np.sum(p * (1 - p)) / KEYS) / len(p)
    assert error < 0.003
    within(records.average(told, labels), p.mean(), error)


@pytest.mark.parametrize("m", [2, 5, 10])
def test_worst_of_m_is_the_mth_power(noisy, m):
    told, labels, p = noisy
    slopes = m * p ** (m - 1)
    error = np.sqrt(np.sum(slopes**2 * p * (1 - p)) / KEYS) / len(p)
    assert (p**m).mean() < p.mean() - 0.05
    within(records.worst_of(told, labels)[m - 1], np.mean(p**m), error)


@pytest.mark.parametrize("k", [3, 9])
def test_a_vote_of_k_is_binomial(noisy, k):
    told, labels, p = noisy
    q = binom.sf(k // 2, k, p)
    groups = np.asarray(told)[:, : KEYS // k * k].reshape(len(p), -1, k)
    found = [records.vote_of(jnp.array(g), labels, k, 2) for g in groups.swapaxes(0, 1)]
    error = np.sqrt(np.sum(q * (1 - q)) / len(found)) / len(p)
    within(np.mean(found), q.mean(), error)
    assert abs(q.mean() - p.mean()) > 6 * error, "told apart from a single answer"


def known(model, radius, images, labels, keys, seed=2):
    """Answers under noise that the attacker knows, [N, M], keys as in `classes`."""
    pgd = Partial(attack.pgd, threat=Linf(radius), step_sizes=jnp.full(10, radius / 4))
    secrets = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))
    run = jax.jit(
        lambda model: jax.vmap(
            lambda x, label, secret: attack.fixed_key(
                *(KEY, x, label, secret, pgd, model, jnp.arange(keys))
            )[1]
        )(images, labels, secrets(jnp.arange(len(images))))
    )
    return jnp.argmax(run(model), -1)


def test_noise_that_only_shifts_is_worth_the_same_when_it_is_known(noisy):
    images, labels, _ = interior(200)
    told = known(Partial(noised, shift=0.55), RADIUS, images, labels, 12)
    np.testing.assert_array_equal(told, noisy[0][:, :12])


SHARE = 0.7


def torn(key, x, margin):
    """The first pixel counts for the class in most draws, and against it in others.

    No image lowers both heights, margin +- 4 (x - 1/2): a dilemma for whoever does not
    know the key.
    """
    sign = jnp.where(jax.random.bernoulli(key, SHARE), 4.0, -4.0)
    return jnp.stack([jnp.zeros(()), margin + sign * (x[0, 0, 0] - 0.5)])


@pytest.fixture(scope="module")
def dilemma():
    images = interior(100)[0].at[:, 0, 0, 0].set(0.5)
    return Partial(torn, margin=0.2), images, jnp.ones(100, jnp.int32)


def test_a_dilemma_is_lost_only_where_the_noise_is_known(dilemma):
    model, images, labels = dilemma
    told = classes(model, images, KEYS)
    assert np.all(told == 1)
    told = classes(
        model, attacked(expected_climb(model, RADIUS, 32), images, labels), KEYS
    )
    error = np.sqrt(SHARE * (1 - SHARE) / KEYS / len(images))
    within(records.average(told, labels), 1 - SHARE, error)
    assert not np.any(known(model, RADIUS, images, labels, 12) == 1)


def test_no_lucky_draw_breaks_a_dilemma_for_the_judge(dilemma):
    model, images, labels = dilemma
    parts = autoattack_components.components(
        *("stochastic", Linf(RADIUS), 2, model),
        iterations=10,
        queries=20,
        draws=32,
        judged=32,
    )
    assert list(parts) == ["apgd-ce", "square"], "two classes: no dlr, no targets"
    judge = Partial(classify.each, model=model, draws=jnp.arange(KEYS))
    found = run_auto(
        *(KEY, np.asarray(images), np.asarray(labels), parts, judge),
        devices.mesh(1),
        chunk=len(images),
    )
    assert np.all(found.broken_by == "")
    error = np.sqrt(SHARE * (1 - SHARE) / KEYS / len(images))
    within(found.right.mean(), 1 - SHARE, error)
    lucky = run_auto(
        *(KEY, np.asarray(images), np.asarray(labels), parts, model),
        devices.mesh(1),
        chunk=len(images),
    )
    assert np.mean(lucky.broken_by != "") > SHARE - 0.15
