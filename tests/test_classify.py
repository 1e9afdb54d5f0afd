"""Losses, defended models and ensembles against plain loops."""

import math

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import CLASSES, bent_classifier, image

from purifax import classify

KEY = jax.random.key(8)
LOGITS = jnp.array([1.0, -0.5, 2.0])
LOSSES = [classify.cross_entropy, classify.margin]


def noisy(key, x, sigma=0.3):
    return x + sigma * jax.random.normal(key, x.shape)


def model(key, x, sigma=0.3):
    return classify.defend(key, x, noisy, bent_classifier(), sigma=sigma)


def loop(draws, **knobs):
    """Logits [S, K] of each draw, one at a time."""
    rows = []
    for i, draw in enumerate(draws):
        knob = {name: values[i] for name, values in knobs.items()}
        rows.append(model(jax.random.fold_in(KEY, draw), image(), **knob))
    return np.asarray(jnp.stack(rows), np.float64)


ALL = loop(range(5))


def softmax(logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def one_hot(logits):
    return np.eye(CLASSES)[logits.argmax(-1)]


def test_cross_entropy_by_hand():
    total = math.exp(1) + math.exp(-0.5) + math.exp(2)
    for label, logit in enumerate((1.0, -0.5, 2.0)):
        found = classify.cross_entropy(LOGITS, jnp.array(label))
        np.testing.assert_allclose(found, math.log(total) - logit, rtol=1e-6)


def test_margin_by_hand():
    for label, value in enumerate((1.0, 2.5, -1.0)):
        found = classify.margin(LOGITS, jnp.array(label))
        np.testing.assert_allclose(found, value, rtol=1e-6)


def test_margin_is_positive_exactly_where_the_prediction_is_wrong():
    logits = jax.random.normal(KEY, (64, 5))
    labels = jnp.arange(64) % 5
    wrong = jnp.argmax(logits, axis=-1) != labels
    found = jax.vmap(classify.margin)(logits, labels)
    np.testing.assert_array_equal(found > 0, wrong)


@pytest.mark.parametrize("loss", LOSSES)
def test_leading_axes_are_averaged(loss):
    rows = jax.random.normal(KEY, (4, 3))
    label = jnp.array(2)
    mean = np.mean([loss(row, label) for row in rows])
    np.testing.assert_allclose(loss(rows, label), mean, rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_take_a_traced_label(loss):
    labels = jnp.arange(3)
    found = jax.jit(jax.vmap(loss, in_axes=(None, 0)))(LOGITS, labels)
    one_by_one = [loss(LOGITS, label) for label in labels]
    np.testing.assert_allclose(found, one_by_one, rtol=1e-6)


def test_gradients_of_the_losses_by_hand():
    label = jnp.array(0)
    found = jax.grad(classify.cross_entropy)(LOGITS, label)
    expected = softmax(np.asarray(LOGITS)) - [1, 0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found = jax.grad(classify.margin)(LOGITS, label)
    np.testing.assert_allclose(found, [-1, 0, 1], rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_finite_at_extreme_logits(loss):
    for logits in (jnp.zeros(3), jnp.array([1e4, -1e4, 0.0]), jnp.full(3, -1e4)):
        for label in range(3):
            value, slope = jax.value_and_grad(loss)(logits, jnp.array(label))
            assert jnp.isfinite(value) and jnp.isfinite(slope).all()


def test_undefended_is_the_bare_classifier():
    found = classify.undefended(KEY, image(), bent_classifier())
    np.testing.assert_array_equal(found, bent_classifier()(image()))


def test_defend_classifies_the_purified_image():
    found = classify.defend(KEY, image(), noisy, bent_classifier())
    expected = bent_classifier()(noisy(KEY, image()))
    np.testing.assert_array_equal(found, expected)
    louder = classify.defend(KEY, image(), noisy, bent_classifier(), sigma=0.6)
    expected = bent_classifier()(noisy(KEY, image(), 0.6))
    np.testing.assert_array_equal(louder, expected)


def test_each_draw_has_its_own_key():
    found = classify.each(KEY, image(), model, jnp.arange(5))
    np.testing.assert_allclose(found, ALL, rtol=1e-5)
    assert np.ptp(ALL, axis=0).min() > 1e-3


def test_a_draw_is_the_same_whatever_the_others_are():
    found = classify.each(KEY, image(), model, jnp.array([3, 1]))
    np.testing.assert_allclose(found, ALL[[3, 1]], rtol=1e-5)


def test_ensembles_of_one_to_five_draws_equal_loops():
    for s in range(1, 6):
        run = [
            rule(KEY, image(), model, jnp.arange(s))
            for rule in (
                classify.mean_logits,
                classify.mean_probabilities,
                classify.vote,
            )
        ]
        logits = ALL[:s]
        np.testing.assert_allclose(run[0], logits.mean(0), rtol=1e-5, atol=1e-6)
        probabilities = softmax(logits).mean(0)
        np.testing.assert_allclose(jnp.exp(run[1]), probabilities, rtol=1e-5)
        np.testing.assert_allclose(run[2], one_hot(logits).mean(0), rtol=1e-6)


def test_mean_probabilities_do_not_overflow():
    def sure(key, x):
        return jnp.array([300.0, 0.0, -300.0])

    found = classify.mean_probabilities(KEY, image(), sure, jnp.arange(3))
    np.testing.assert_allclose(found, [0.0, -300.0, -600.0], atol=1e-4)


def test_curves_equal_loops_over_prefixes():
    logits = 3 * jax.random.normal(jax.random.key(3), (7, 4))
    found = classify.curves(logits)
    plain = np.asarray(logits, np.float64)
    rules = {
        "logits": plain,
        "probabilities": softmax(plain),
        "vote": np.eye(4)[plain.argmax(-1)],
    }
    assert found.keys() == rules.keys()
    for rule, members in rules.items():
        expected = [members[: s + 1].sum(0).argmax() for s in range(7)]
        np.testing.assert_array_equal(found[rule], expected)
    answers = {tuple(np.asarray(curve).tolist()) for curve in found.values()}
    assert len(answers) == 3, "choose logits on which the rules differ"


def test_the_last_point_of_a_curve_is_the_ensemble():
    logits = classify.each(KEY, image(), model, jnp.arange(5))
    found = classify.curves(logits)
    for rule, verb in (
        ("logits", classify.mean_logits),
        ("probabilities", classify.mean_probabilities),
        ("vote", classify.vote),
    ):
        whole = verb(KEY, image(), model, jnp.arange(5))
        assert found[rule][-1] == jnp.argmax(whole)


def test_knobs_vary_by_draw():
    sigmas = jnp.array([0.1, 0.1, 0.5, 0.5])
    found = classify.each(KEY, image(), model, jnp.arange(4), knobs={"sigma": sigmas})
    expected = loop(range(4), sigma=sigmas)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for rule in (classify.mean_logits, classify.mean_probabilities, classify.vote):
        plain = rule(KEY, image(), model, jnp.arange(4))
        knobs = {"sigma": jnp.full(4, 0.3)}
        turned = rule(KEY, image(), model, jnp.arange(4), knobs=knobs)
        np.testing.assert_allclose(plain, turned, rtol=1e-5)
        knobs = {"sigma": jnp.full(4, 3.0)}
        turned = rule(KEY, image(), model, jnp.arange(4), knobs=knobs)
        assert not np.allclose(plain, turned, rtol=1e-3)


def test_eot_gradient_is_the_mean_of_the_gradients_of_its_draws():
    label = jnp.array(1)

    @jax.jit
    @jax.grad
    def expected_loss(x):
        logits = classify.each(KEY, x, model, jnp.arange(3))
        return classify.cross_entropy(logits, label)

    @jax.jit
    @jax.grad
    def loss_of(x, draw):
        return classify.cross_entropy(model(jax.random.fold_in(KEY, draw), x), label)

    mean = np.mean([loss_of(image(), draw) for draw in range(3)], axis=0)
    np.testing.assert_allclose(expected_loss(image()), mean, rtol=1e-5, atol=1e-7)


def test_the_gradient_of_a_vote_is_zero():
    bound = Partial(classify.vote, model=model, draws=jnp.arange(3))
    slope = jax.grad(lambda x: jnp.sum(jnp.sin(bound(KEY, x))))(image())
    np.testing.assert_array_equal(slope, 0.0)


def test_groups_of_draws_are_the_draws_one_group_after_another():
    draws, sigmas = jnp.arange(6), jnp.linspace(0.1, 0.6, 6)

    @jax.jit
    def slope(draws):
        def total(x):
            knobs = {"sigma": sigmas}
            logits = classify.each(KEY, x, Partial(model), draws, knobs=knobs)
            return jnp.sum(logits * jnp.arange(6.0)[:, None]), logits

        return jax.value_and_grad(total, has_aux=True)(image())

    (_, whole), gradient = slope(draws)
    for groups in (draws.reshape(2, 3), draws.reshape(6, 1)):
        (_, parts), found = slope(groups)
        np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found, gradient, rtol=1e-4, atol=1e-6)


def test_the_gradient_of_groups_takes_the_memory_of_one():
    def wide(key, x):
        h = x
        for _ in range(4):
            h = jnp.sin(h + jax.random.normal(key, x.shape))
        return jnp.mean(h, axis=(0, 1))

    def memory(draws):
        slope = jax.grad(
            lambda x: jnp.sum(classify.each(KEY, x, Partial(wide), draws) ** 2)
        )
        compiled = jax.jit(slope).lower(jnp.ones((32, 32, 3))).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert memory(jnp.arange(64).reshape(16, 4)) < 0.3 * memory(jnp.arange(64))
