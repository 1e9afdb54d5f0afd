"""Descent of a set of images, and gradients matched on a linear network."""

import jax
import numpy as np
import optax
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, weights

from purifax.classify import cross_entropy
from purifax.poison import descent, gradient_matching, tap
from purifax.threat import L2, Linf

pytestmark = pytest.mark.usefixtures("unoptimised")
KEY = jax.random.key(190)
IMAGES = 0.4 + 0.2 * jax.random.uniform(jax.random.key(191), (4, *SHAPE))
TARGET = 0.3 + 0.4 * jax.random.uniform(jax.random.key(192), SHAPE)
ROWS = weights().reshape(3, -1)
PARAMS = {"w": jnp.zeros_like(ROWS), "b": [jnp.zeros(3)]}
SOME = {"w": 0.3 * ROWS, "b": [jnp.array([0.1, -0.4, 0.2])]}
LABELS = jnp.full(4, 2)


def still(key, x):
    del key
    return x


def learning(params, key, x, label):
    del key
    return cross_entropy(params["w"] @ x.ravel() + params["b"][0], label)


def slope(params, x, label):
    """The gradient of the loss of one image, as one vector, by hand."""
    x = np.asarray(x).ravel()
    logits = np.asarray(params["w"]) @ x + np.asarray(params["b"][0])
    p = np.exp(logits - logits.max())
    p = p / p.sum() - np.eye(3)[label]
    return np.concatenate([p, np.outer(p, x).ravel()])


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


@jax.jit
def wanted(params):
    return gradient_matching.target_gradient(
        KEY, TARGET[None], LABELS[:1], params, Partial(learning)
    )


@jax.jit
def apart(key, images, params, transform):
    args = images, LABELS, wanted(params), params, Partial(learning)
    return gradient_matching.gradient_mismatch(key, *args, transform=transform)


def test_the_mismatch_is_that_of_gradients_over_all_parameters():
    goal = slope(SOME, TARGET, 2)
    found = wanted(SOME)
    flat = np.concatenate([found["b"][0], found["w"].ravel()])
    np.testing.assert_allclose(flat, goal, rtol=1e-4, atol=1e-6)
    mean = np.mean([slope(SOME, x, 2) for x in IMAGES], axis=0)
    got = apart(KEY, IMAGES, SOME, Partial(still))
    np.testing.assert_allclose(got, 1 - cosine(goal, mean), rtol=1e-3)
    alike = jnp.stack([TARGET] * 4)
    np.testing.assert_allclose(apart(KEY, alike, SOME, Partial(still)), 0, atol=1e-5)


def _mirrored(key, x):
    del key
    return x[:, ::-1]


def test_poisons_are_matched_as_they_are_augmented():
    fn = Partial(_mirrored)
    got = apart(KEY, IMAGES[:, :, ::-1], SOME, fn)
    np.testing.assert_allclose(got, apart(KEY, IMAGES, SOME, Partial(still)), atol=1e-6)
    assert abs(got - apart(KEY, IMAGES, SOME, fn)) > 5e-5


@jax.jit
def matched(images, params, radius):
    args = images, LABELS, wanted(params), params, Partial(learning), Linf(radius)
    sizes = jnp.repeat(jnp.array([0.02, 0.002, 0.0002]), 40)
    more = {"transform": Partial(still)}
    return gradient_matching.match_gradients(KEY, *args, sizes, jnp.arange(3), **more)


def test_the_cosine_of_gradients_rises_to_one():
    """Untrained, the gradient of an image is itself: the poison becomes the target."""
    delta, ends = matched(IMAGES, PARAMS, 0.4)
    before = 1 - float(apart(KEY, IMAGES, PARAMS, Partial(still)))
    flat = [np.concatenate([[1.0], np.ravel(x)]) for x in (TARGET, IMAGES.mean(0))]
    np.testing.assert_allclose(before, cosine(*flat), rtol=1e-4)
    assert before < 0.985
    after = 1 - float(apart(KEY, IMAGES + delta, PARAMS, Partial(still)))
    assert after > 0.9995
    np.testing.assert_allclose(1 - after, ends.min(), atol=1e-6)
    assert not np.allclose(ends, ends[0], rtol=1e-2)


def test_matching_goes_by_the_signs_of_gradients_from_normal_noise():
    threat, sizes = Linf(0.1), jnp.full(6, 0.01)
    args = IMAGES, LABELS, wanted(SOME), SOME, Partial(learning), threat, sizes
    more = {"transform": Partial(still)}
    got, _ = jax.jit(gradient_matching.match_gradients)(
        KEY, *args, jnp.arange(1), **more
    )
    objective = Partial(
        gradient_matching.gradient_mismatch,
        labels=LABELS,
        target=wanted(SOME),
        params=SOME,
        learning=Partial(learning),
        **more,
    )
    key = jax.random.fold_in(jax.random.split(KEY)[0], 0)
    how = {"rule": Partial(descent.signed_adam), "start": Partial(tap.at_normal)}
    want, _ = jax.jit(descent.descend)(key, IMAGES, objective, threat, sizes, **how)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_matched_gradients_keep_the_budget():
    dark = IMAGES.at[0].set(0.0)
    delta, _ = matched(dark, SOME, 0.05)
    assert jnp.max(jnp.abs(delta)) <= 0.05 + 1e-6
    assert jnp.min(dark + delta) >= 0
    before, after = (apart(KEY, x, SOME, Partial(still)) for x in (dark, dark + delta))
    assert after < before - 0.01


def test_restarts_are_compared_under_one_key():
    def noisy(key, images):
        return jnp.sum(images) + 9 * jax.random.normal(key)

    def same(key, images):
        del key
        return 0 * images, None

    _, ends = descent.best_of_starts(KEY, IMAGES, same, noisy, jnp.arange(4))
    np.testing.assert_array_equal(ends, ends[0])


def test_a_restart_that_is_not_finite_is_not_kept():
    def mine(key, images):
        return 0 * images + jax.random.normal(key), None

    def value(key, images):
        del key
        return jnp.where(images[0, 0, 0, 0] < 0, jnp.nan, images[0, 0, 0, 0])

    args = KEY, 0 * IMAGES, mine, value, jnp.arange(8)
    delta, ends = descent.best_of_starts(*args)
    assert 0 < np.isnan(ends).sum() < 8
    np.testing.assert_allclose(delta[0, 0, 0, 0], np.nanmin(ends))


@pytest.mark.parametrize("name", ["adam", "radam"])
def test_the_rules_are_those_of_optimisers(name, float64):
    g = np.random.default_rng(4).normal(size=(12, 5))
    reference, rule = getattr(optax, name)(1.0), jax.jit(getattr(descent, name))
    update = jax.jit(reference.update)
    state, moments = reference.init(jnp.zeros(5)), descent.at_rest(jnp.zeros(5))
    for row in g:
        want, state = update(row, state)
        moments, way = rule(moments, row)
        np.testing.assert_allclose(way, -want, rtol=1e-6)


@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.4)], ids=["linf", "l2"])
def test_descent_goes_as_far_as_the_budget_allows(threat):
    goal = jnp.stack([TARGET] * 4)

    def objective(key, images):
        del key
        return jnp.sum(jnp.square(images - goal))

    sizes = jnp.repeat(jnp.array([0.02, 0.002, 0.0003]), 60)
    run = jax.jit(Partial(descent.descend, objective=objective))
    delta, losses = run(KEY, IMAGES, threat=threat, step_sizes=sizes)
    np.testing.assert_allclose(losses[0], objective(KEY, IMAGES), rtol=1e-5)
    # Adam scales entries, so that in a ball it need not come to the nearest point.
    if isinstance(threat, Linf):
        want = jax.vmap(threat.project)(goal, IMAGES)
        np.testing.assert_allclose(IMAGES + delta, want, atol=3e-3)
    assert losses[-1] < 0.8 * losses[0]
    assert (
        jax.vmap(threat.distance)(IMAGES + delta, IMAGES) < threat.radius + 1e-5
    ).all()
