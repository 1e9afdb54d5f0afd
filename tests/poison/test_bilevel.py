"""Inner steps of poisons that alternate with training, on linear networks."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, bent_classifier, weights

from purifax.attack import pgd
from purifax.classify import cross_entropy, undefended
from purifax.poison import deepconfuse, entf, rem
from purifax.poison import tue as tue_module
from purifax.threat import Linf

pytestmark = pytest.mark.usefixtures("unoptimised")
KEY = jax.random.key(290)
GREY = 0.3 + 0.4 * jax.random.uniform(jax.random.key(291), SHAPE)
ROWS = weights()
W = ROWS[0] - ROWS[1]
EPS = 8 / 255
LABEL = jnp.array(0)


def _linear(key, x, w):
    del key
    return jnp.tensordot(w, x, axes=x.ndim)


TWO = Partial(_linear, w=0.2 * ROWS[:2])
BENT = Partial(undefended, classifier=bent_classifier())


@jax.jit
def run(maker, key, x, label, *more):
    return maker(key, x, label, *more)


# REM.


def _scaled(key, x):
    return (
        x
        * jnp.where(jax.random.bernoulli(key, 0.5, x.shape[:1]), 0.9, 0.4)[
            :, None, None
        ]
    )


def _worst(key, x, label):
    """The exact answer of an adversary with radius 0.1 to the linear model."""
    del key
    return x - 0.1 * jnp.where(label == 0, 1.0, -1.0) * jnp.sign(W)


def test_the_gradient_is_that_at_the_adversarys_answer_pulled_back():
    draws = jnp.array([2, 9, 4])
    args = KEY, GREY, LABEL, TWO, Partial(_worst), Partial(_scaled), draws
    got = jax.jit(rem.robust_slope)(*args)
    want = np.zeros(SHAPE)
    for draw in draws:
        k = jax.random.split(jax.random.fold_in(KEY, draw), 3)[0]
        mask = np.asarray(_scaled(k, jnp.ones(SHAPE)))
        worst = mask * np.asarray(GREY) - 0.1 * np.sign(W)
        wrong = 1 / (1 + np.exp(0.2 * (np.asarray(W) * worst).sum()))
        want += mask * wrong * 0.2 * np.asarray(W)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


def robust(radius=EPS):
    attack = Partial(
        pgd, model=BENT, threat=Linf(radius / 2), step_sizes=jnp.full(4, radius / 5)
    )
    return Partial(
        rem.robust_error_minimising,
        model=BENT,
        threat=Linf(radius),
        step_sizes=jnp.full(4, radius / 5),
        adversary=attack,
        transform=Partial(_scaled),
        draws=jnp.arange(3),
    )


def test_robust_noise_helps_against_the_adversary_within_its_budget():
    maker, label = robust(0.1), jnp.array(1)
    dark = GREY.at[0].set(0.0)
    delta = run(maker, KEY, dark, label, 0 * dark)
    assert 0.05 < jnp.max(jnp.abs(delta)) <= 0.1 + 1e-6
    assert jnp.min(dark + delta) >= 0
    bound = {n: maker.keywords[n] for n in ("adversary", "transform")}
    example = Partial(rem.robust_example, **bound)

    @jax.jit
    def loss(delta):
        keys = jax.random.split(jax.random.key(5), 32)
        seen = jax.vmap(lambda k: example(k, dark, label, delta))(keys)
        return jnp.mean(jax.vmap(lambda x: cross_entropy(BENT(KEY, x), label))(seen))

    assert loss(delta) < loss(0 * delta) - 0.05
    again = run(maker, KEY, dark, label, delta)
    assert jnp.max(jnp.abs(again)) <= 0.1 + 1e-6 and loss(again) < loss(delta)


# EntF.


def _feature(key, x, w):
    del key
    return jnp.tensordot(w, x, axes=x.ndim)[None]


ONE = Partial(_feature, w=W)
H = float(jnp.vdot(W, GREY))
STEPS = jnp.full(8, EPS / 3)
LOSSES = {
    "pull": Partial(entf.pull_loss),
    "push": Partial(entf.push_loss),
    "released": Partial(entf.pull_loss_released),
}


def entangled(name, apart):
    maker = Partial(
        entf.entangle,
        extractor=ONE,
        centroids=H + jnp.array(apart)[:, None],
        threat=Linf(EPS),
        step_sizes=STEPS,
        restarts=jnp.arange(2),
        loss=LOSSES[name],
    )
    return run(maker, KEY, GREY, jnp.array(1))


@pytest.mark.parametrize(
    "name, apart, sign",
    [
        ("pull", [9.0, 0.5, -7.0], -1),  # not to its own, which is nearest
        ("pull", [6.0, 0.5, -7.0], 1),
        ("push", [9.0, 5.0, -7.0], -1),
        ("released", [9.0, 5.0, -7.0], 1),  # all are far, so to its own
    ],
)
def test_features_move_as_far_as_the_budget_allows(name, apart, sign):
    delta = entangled(name, apart)
    np.testing.assert_allclose(delta, sign * EPS * jnp.sign(W), atol=1e-6)


@jax.jit
def both(*args):
    return entf.pull_loss(*args), entf.pull_loss_released(*args)


def test_released_and_masked_pulls_differ_only_when_all_are_far():
    near, far = jnp.array([[0.5], [0.0], [0.7]]), jnp.array([[1.5], [0.2], [1.7]])
    for centroids, same in ((near, True), (far, False)):
        args = jnp.zeros((2, 1)), jnp.array(1), centroids
        one, other = both(*args)
        assert bool(jnp.allclose(one, other)) == same
    np.testing.assert_allclose(one, -(1.5**2), rtol=1e-6)


def test_centroids_are_means_over_classes():
    features = jax.random.normal(KEY, (7, 3))
    labels = jnp.array([2, 0, 1, 1, 2, 0, 2])
    got = jax.jit(entf.centroids)(features, labels, jnp.arange(3))
    for k in range(3):
        want = np.asarray(features)[np.asarray(labels) == k].mean(0)
        np.testing.assert_allclose(got[k], want, rtol=1e-5)


# TUE.


DELTAS = 0.02 * jax.random.normal(jax.random.key(5), (7, *SHAPE)).clip(-1, 1)
CLASSES = jnp.array([3, 0, 0, 3, 3, 2, 2])


def naive_separability(deltas, labels):
    rows = np.asarray(deltas, np.float64).reshape(len(deltas), -1)
    groups = [rows[labels == k] for k in np.unique(labels)]
    means = [g.mean(0) for g in groups]
    widths = [np.linalg.norm(g - g.mean(0), axis=1).mean() for g in groups]
    found = [
        (widths[i] + widths[j] + 1e-5) / (np.linalg.norm(means[i] - means[j]) + 1e-5)
        for i in range(len(groups))
        for j in range(len(groups))
        if i != j
    ]
    return np.mean(found)


@jax.jit
def separation(deltas, labels):
    both = tue_module.separability, tue_module.separability_released
    return [jax.value_and_grad(fn)(deltas, labels, jnp.arange(5)) for fn in both]


def test_separability_is_over_pairs_of_classes_that_are_there():
    (one, slope), (other, held) = separation(DELTAS, CLASSES)
    want = naive_separability(DELTAS, np.asarray(CLASSES))
    np.testing.assert_allclose([one, other], want, rtol=1e-4)
    assert not np.allclose(slope, held, rtol=0.1)
    # Without a gradient in the widths, a class moves as one.
    np.testing.assert_allclose(held[1], held[2], atol=1e-5)
    for alone in (0 * DELTAS, DELTAS):
        (value, slope), _ = separation(alone, 0 * CLASSES)
        assert value == 0 and np.isfinite(slope).all()


def _level(key, images):
    del key
    return jnp.sum(images * W[None])


@jax.jit
def tue(deltas, sizes, weights):
    def step(deltas, size):
        args = KEY, IMAGES, CLASSES, deltas, Partial(_level), jnp.arange(5), Linf(EPS)
        return tue_module.tue_step(*args, size, weights=weights), None

    return jax.lax.scan(step, deltas, sizes)[0]


IMAGES = jnp.stack([GREY] * 6 + [0 * GREY])


def test_noise_descends_both_terms_within_its_budget():
    sizes = jnp.full(20, EPS / 40)
    delta = tue(DELTAS, sizes, (0.0, 1.0))
    labels = np.asarray(CLASSES)
    before, after = (naive_separability(d, labels) for d in (DELTAS, delta))
    assert after < 0.6 * before
    assert jnp.max(jnp.abs(delta)) <= EPS + 1e-6 and jnp.min(IMAGES + delta) >= 0
    delta = tue(0 * DELTAS, sizes, (1.0, 0.0))
    want = jnp.stack([-EPS / 2 * jnp.sign(W)] * 6)
    np.testing.assert_allclose(delta[:6], want, atol=1e-6)


def test_views_agree_as_in_simclr():
    one, other = jax.random.normal(KEY, (2, 4, 3))
    rows = np.concatenate([one, other])
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    scores = np.exp(rows @ rows.T / 0.5)
    want = [
        -np.log(scores[i, (i + 4) % 8] / (scores[i].sum() - scores[i, i]))
        for i in range(8)
    ]
    got = jax.jit(tue_module.agreement_loss)(one, 3 * other)
    np.testing.assert_allclose(got, np.mean(want), rtol=1e-4)


# DeepConfuse.


def _square(w, key, x, label):
    del key
    return jnp.square(jnp.vdot(w, x) - label)


def test_damage_is_the_clean_loss_after_the_steps_it_looks_through():
    rng = np.random.default_rng(7)
    x, change, w = rng.normal(size=(4, 3)), 0.1 * rng.normal(size=(4, 3)), np.ones(3)
    y, rates = np.array([1, 0, 2, 1]), np.array([0.02, 0.05])

    def after(shift):
        v, z = w, x + shift * change
        for rate in rates:
            v = v - rate * 2 * (z @ v - y) @ z / 4
        return np.mean((x @ v - y) ** 2)

    @jax.jit
    @jax.value_and_grad
    def climbed(shift):
        poisoned = jnp.float32(x) + shift * jnp.float32(change)
        args = jnp.float32(x), jnp.asarray(y), jnp.float32(w), _square
        return deepconfuse.damage(KEY, poisoned, *args, jnp.float32(rates))

    loss, slope = climbed(0.3)
    np.testing.assert_allclose(loss, after(0.3), rtol=1e-4)
    steep = (after(0.301) - after(0.299)) / 0.002
    np.testing.assert_allclose(slope, steep, rtol=1e-3)


def test_generated_noise_keeps_its_budget():
    x = jnp.array([0.5, 0.01, 1.0]).reshape(1, 1, 3)
    maker = Partial(
        deepconfuse.generated, generator=Partial(jnp.sign), threat=Linf(0.032)
    )
    delta = maker(KEY, x, LABEL).ravel()
    np.testing.assert_allclose(delta, [0.032, 0.032, 0.0], atol=1e-6)
    minus = Partial(
        deepconfuse.generated, generator=Partial(_minus), threat=Linf(0.032)
    )
    delta = minus(KEY, x, LABEL).ravel()
    np.testing.assert_allclose(delta, [-0.032, -0.01, -0.032], atol=1e-6)


def _minus(x):
    return -jnp.sign(x)
