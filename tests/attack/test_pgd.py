"""Projected gradient descent: known optima, keys, expectation over draws."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, bent_classifier, image, mixture, weights

from purifax import attack, backward, classify, noise, purify
from purifax.attack import pgd_attack
from purifax.threat import L2, Linf

KEY = jax.random.key(77)
X = image()
GREY = 0.3 + 0.4 * image(2)
LABEL = jnp.array(0)
W = weights()[0] - weights()[1]


def two_classes(key, x):
    """Logits (<w, x>, 0): the loss of class 0 falls along w, everywhere."""
    del key
    return jnp.stack([jnp.vdot(W, x), jnp.array(0.0)])


def noisy(key, x, sigma=0.2):
    return bent_classifier()(noise.gaussian(key, x, sigma))


@jax.jit
def run(fn, key, x, label):
    return fn(key, x, label)


def pgd(model, threat, sizes, start=attack.at_image, verb=attack.pgd, **more):
    bound = {"threat": threat, "step_sizes": jnp.asarray(sizes, jnp.float32)}
    return Partial(verb, model=Partial(model), start=Partial(start), **bound, **more)


@pytest.mark.parametrize("start", [attack.at_image, attack.at_random])
@pytest.mark.parametrize("loss", [classify.cross_entropy, classify.margin])
def test_linf_optimum_of_a_linear_classifier(start, loss):
    fn = pgd(two_classes, Linf(0.1), [0.05] * 5, start, loss=Partial(loss))
    best = np.clip(X - 0.1 * np.sign(W), 0, 1)
    np.testing.assert_allclose(run(fn, KEY, X, LABEL), best, atol=1e-6)
    other = np.clip(X + 0.1 * np.sign(W), 0, 1)
    np.testing.assert_allclose(run(fn, KEY, X, jnp.array(1)), other, atol=1e-6)


@pytest.mark.parametrize("start", [attack.at_image, attack.at_random])
def test_l2_optimum_of_a_linear_classifier(start):
    fn = pgd(two_classes, L2(0.2), [0.2] * 24, start)
    best = GREY - 0.2 * np.asarray(W) / np.linalg.norm(W)
    np.testing.assert_allclose(run(fn, KEY, GREY, LABEL), best, atol=1e-5)


def loop(model, threat, sizes, start, loss=classify.cross_entropy):
    """PGD written out, with the keys that it promises."""
    k_start, k_steps = jax.random.split(KEY)
    slope = jax.jit(jax.grad(lambda x, key: loss(model(key, x), LABEL)))
    x = threat.project(start(k_start, X, threat), X)
    path = [x]
    for i, size in enumerate(sizes):
        g = slope(x, jax.random.fold_in(k_steps, i))
        x = threat.project(threat.ascend(x, g, size), X)
        path.append(x)
    return np.stack(path)


@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.3)], ids=["Linf", "L2"])
@pytest.mark.parametrize("start", [attack.at_image, attack.at_random])
def test_path_is_a_loop_over_the_steps(threat, start):
    sizes = [0.03, 0.02, 0.05]
    fn = pgd(noisy, threat, sizes, start, pgd_attack.pgd_path)
    path = run(fn, KEY, X, LABEL)
    np.testing.assert_allclose(path, loop(noisy, threat, sizes, start), atol=1e-5)
    last = run(pgd(noisy, threat, sizes, start), KEY, X, LABEL)
    np.testing.assert_array_equal(last, path[-1])


def test_a_random_start_is_in_the_set_and_random():
    for threat in (Linf(0.1), L2(0.3)):
        starts = [
            run(
                pgd(noisy, threat, [], attack.at_random),
                jax.random.key(k),
                X,
                LABEL,
            )
            for k in range(2)
        ]
        assert not np.array_equal(*starts)
        for x_adv in starts:
            assert 0 < threat.distance(x_adv, X) <= threat.radius * (1 + 1e-5)
            assert x_adv.min() >= 0 and x_adv.max() <= 1
    np.testing.assert_array_equal(attack.at_image(KEY, X, Linf(0.1)), X)


def test_pgd_starts_at_random_by_default():
    sizes = jnp.zeros(1)
    default = attack.pgd(KEY, X, LABEL, noisy, Linf(0.1), sizes)
    expected = run(pgd(noisy, Linf(0.1), [0.0], attack.at_random), KEY, X, LABEL)
    np.testing.assert_allclose(default, expected, atol=1e-6)


def same(key, x):
    del key
    return x


def test_bpda_of_the_identity_with_one_draw_is_pgd():
    bare = Partial(classify.undefended, classifier=bent_classifier())
    defended = Partial(
        classify.defend,
        purifier=backward.straight_through(same),
        classifier=bent_classifier(),
    )
    seen = Partial(classify.mean_logits, model=defended, draws=jnp.arange(1))
    for threat in (Linf(0.1), L2(0.3)):
        plain, bpda = (
            run(pgd(model, threat, [0.03] * 4), KEY, X, LABEL) for model in (bare, seen)
        )
        np.testing.assert_array_equal(plain, bpda)


def test_bpda_is_the_classifier_gradient_at_the_purified_image():
    purifier = Partial(
        purify.adaptive, score=mixture(), levels=jnp.array([0.3, 0.2]), largest=0.5
    )
    defended = Partial(
        classify.defend,
        purifier=backward.straight_through(purifier),
        classifier=bent_classifier(),
    )
    seen = Partial(classify.each, model=defended, draws=jnp.arange(3))
    found = run(pgd(seen, L2(0.3), [0.1]), KEY, GREY, LABEL)
    key = jax.random.fold_in(jax.random.split(KEY)[1], 0)
    slope = jax.jit(
        jax.grad(lambda y: classify.cross_entropy(bent_classifier()(y), LABEL))
    )
    draw = jax.jit(purifier)
    total = sum(slope(draw(jax.random.fold_in(key, d), GREY)) for d in range(3))
    expected = GREY + 0.1 * total / jnp.linalg.norm(total)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_eot_climbs_the_mean_gradient_of_its_draws():
    seen = Partial(classify.each, model=Partial(noisy), draws=jnp.array([4, 9]))
    found = run(pgd(seen, L2(0.3), [0.1]), KEY, GREY, LABEL)
    key = jax.random.fold_in(jax.random.split(KEY)[1], 0)
    slope = jax.jit(
        jax.grad(
            lambda x, draw: classify.cross_entropy(
                noisy(jax.random.fold_in(key, draw), x), LABEL
            )
        )
    )
    mean = (slope(GREY, 4) + slope(GREY, 9)) / 2
    expected = GREY + 0.1 * mean / jnp.linalg.norm(mean)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def partly_broken(key, x):
    """The gradient of the square root of a square is not a number at zero."""
    flat = jnp.sum(jnp.sqrt(jnp.square(x)))
    return jnp.stack([flat, jnp.array(0.0)])


def test_gradient_entries_that_are_not_finite_move_nothing():
    x = GREY.at[0, 0, 0].set(0.0)
    slope = jax.grad(lambda y: partly_broken(KEY, y)[0])(x)
    assert not jnp.isfinite(slope[0, 0, 0])
    for threat in (Linf(0.1), L2(0.3)):
        x_adv = run(pgd(partly_broken, threat, [0.05]), KEY, x, jnp.array(1))
        assert x_adv[0, 0, 0] == 0
        moved = np.asarray(x_adv != x).sum()
        assert moved == x.size - 1


def test_the_loss_is_that_asked_for():
    """Loss minus the last logit: climbs it whatever the label."""
    loss = Partial(lambda logits, label: -logits[1])
    model = Partial(lambda key, x: jnp.stack([jnp.sum(x), jnp.vdot(W, x)]))
    fn = pgd(model, Linf(0.1), [0.1], loss=loss)
    expected = np.clip(X - 0.1 * np.sign(W), 0, 1)
    np.testing.assert_allclose(run(fn, KEY, X, LABEL), expected, atol=1e-6)


def test_attacks_keep_their_shape_under_a_batch():
    assert run(pgd(two_classes, Linf(0.1), [0.1]), KEY, X, LABEL).shape == SHAPE
