"""Votes over signs, joint attacks and SPSA on models whose answer is known."""

import math

import jax
import numpy as np
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import bent_classifier, image, mixture, weights

from purifax import attack, backward, classify, noise, purify
from purifax.attack import joint_attack
from purifax.threat import L2, Linf

KEY = jax.random.key(13)
X, LABEL = image(), jnp.array(0)
GREY = 0.3 + 0.4 * image(2)
W = weights()[0] - weights()[1]
UNIT = W / jnp.linalg.norm(W)
BARE = Partial(classify.undefended, classifier=bent_classifier())


@jax.jit
def run(fn, key, x, label):
    return fn(key, x, label)


@jax.jit
def classifier_slope(x):
    return jax.grad(lambda y: classify.cross_entropy(bent_classifier()(y), LABEL))(x)


def same(key, x):
    del key
    return x


def noised(key, x):
    return jnp.clip(noise.gaussian(key, x, 0.5), 0, 1)


def voting(purifier, sizes, draws, **more):
    return Partial(
        attack.sign_vote,
        purifier=Partial(purifier),
        classifier=bent_classifier(),
        threat=Linf(0.1),
        step_sizes=jnp.asarray(sizes),
        draws=jnp.arange(draws),
        **more,
    )


def test_sign_vote_of_the_identity_with_one_draw_is_pgd():
    sizes = jnp.array([0.03, 0.02, 0.05])
    vote = run(voting(same, sizes, 1), KEY, X, LABEL)
    plain = Partial(
        attack.pgd,
        model=BARE,
        threat=Linf(0.1),
        step_sizes=sizes,
        start=Partial(attack.at_image),
    )
    np.testing.assert_array_equal(vote, run(plain, KEY, X, LABEL))


def vote_loop(purifier, x, sizes, draws, inner):
    """As the released code: sum what a clipped sign step changes, take its sign."""
    start = np.asarray(x)
    x, signs = start, 0.0
    for i, size in enumerate(sizes):
        key = jax.random.fold_in(KEY, i)
        total = signs = 0.0
        for draw in range(draws):
            purified = np.asarray(purifier(jax.random.fold_in(key, draw), x))
            sign = np.sign(classifier_slope(purified))
            total = total + np.clip(purified + inner * sign, 0, 1) - purified
            signs = signs + sign
        x = np.clip(x + size * np.sign(total), start - 0.1, start + 0.1).clip(0, 1)
    return x, total, signs


def test_sign_vote_is_a_loop_over_draws():
    """Three draws that no box cuts off: no ties."""
    quiet, sizes = Partial(noise.gaussian, sigma=0.04), [0.06, 0.05, 0.02]
    found = run(voting(quiet, sizes, 3), KEY, GREY, LABEL)
    expected, _, signs = vote_loop(quiet, GREY, sizes, 3, 2 / 255)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert {1.0, 3.0} <= set(np.abs(signs).ravel().tolist()), (
        "the draws are to disagree"
    )


def test_saturated_draws_count_less_in_the_vote():
    found = run(voting(noised, [0.06], 3, inner=0.2), KEY, X, LABEL)
    expected, total, signs = vote_loop(noised, X, [0.06], 3, 0.2)
    clear = np.abs(total) > 1e-4
    np.testing.assert_allclose(found[clear], expected[clear], atol=1e-6)
    assert (np.sign(total) != np.sign(signs))[clear].any()


def test_sign_vote_steps_by_two_grey_levels_inside_by_default():
    sizes = [0.06]
    default, named = (
        run(voting(noised, sizes, 3, **inner), KEY, X, LABEL)
        for inner in ({}, {"inner": 2 / 255})
    )
    np.testing.assert_array_equal(default, named)


def two_classes(key, x):
    del key
    return jnp.stack([jnp.vdot(W, x), jnp.array(0.0)])


def joining(guide, sizes, **more):
    return Partial(
        attack.joint,
        model=Partial(two_classes),
        threat=Linf(0.25),
        step_sizes=jnp.asarray(sizes),
        guide=guide,
        **more,
    )


def test_joint_moves_only_where_both_signs_agree():
    """The loss climbs along -w, and the guide along the mixture's score."""
    guide = Partial(joint_attack.scaled_direction, score=mixture(), level=0.2)
    found = run(joining(guide, [0.125]), KEY, GREY, LABEL) - GREY
    fool, please = -np.sign(W), np.sign(mixture()(GREY, 0.2))
    np.testing.assert_allclose(found, 0.125 * (fool + please) / 2, atol=1e-6)
    still = fool != please
    assert 0.2 < still.mean() < 0.8
    np.testing.assert_array_equal(found[still], 0.0)


def test_joint_moves_half_a_step_where_the_guide_is_silent():
    found = run(joining(Partial(lambda key, x: 0 * x), [0.125]), KEY, GREY, LABEL)
    np.testing.assert_allclose(found - GREY, -0.0625 * jnp.sign(W), atol=1e-6)


def test_joint_is_a_loop_with_one_key_for_model_and_guide():
    def gradient_of(key, x):
        return jnp.stack([jnp.vdot(jax.random.normal(key, x.shape), x), 0 * x.sum()])

    def against(key, x):
        return -jax.random.normal(key, x.shape)

    sizes = [0.05, 0.02]
    fn = Partial(
        attack.joint,
        model=Partial(gradient_of),
        threat=Linf(0.25),
        step_sizes=jnp.array(sizes),
        guide=Partial(against),
    )
    x = GREY
    for i, size in enumerate(sizes):
        key = jax.random.fold_in(jax.random.split(KEY)[1], i)
        x = x - size * jnp.sign(jax.random.normal(key, x.shape))
    np.testing.assert_allclose(run(fn, KEY, GREY, LABEL), x, atol=1e-6)


def test_joint_starts_where_it_is_told():
    bound = joining(Partial(lambda key, x: 0 * x), [0.0])
    random = joining(
        Partial(lambda key, x: 0 * x), [0.0], start=Partial(attack.at_random)
    )
    np.testing.assert_array_equal(run(bound, KEY, GREY, LABEL), GREY)
    assert jnp.abs(run(random, KEY, GREY, LABEL) - GREY).max() > 0.1


def test_scaled_direction_is_the_scaled_score():
    found = joint_attack.scaled_direction(KEY, X, mixture(), 0.3)
    np.testing.assert_allclose(found, 0.3 * mixture()(X, 0.3), rtol=1e-5)


def test_pull_is_the_mean_change_of_purification():
    purifier = Partial(
        purify.adaptive, score=mixture(), levels=jnp.array([0.3]), largest=0.5
    )
    found = joint_attack.pull(KEY, X, purifier, jnp.array([2, 7]))
    changes = [purifier(jax.random.fold_in(KEY, d), X) - X for d in (2, 7)]
    np.testing.assert_allclose(found, (changes[0] + changes[1]) / 2, atol=1e-5)


def spsa(model, threat, sizes, directions, **more):
    return Partial(
        attack.spsa,
        model=Partial(model),
        threat=threat,
        step_sizes=jnp.asarray(sizes),
        directions=jnp.arange(directions),
        **more,
    )


def test_spsa_finds_the_direction_of_a_linear_model():
    """Each of D estimates is <g, v> v: their mean has cosine (1 + (d - 1) / D)^-1/2."""
    moved = run(spsa(two_classes, L2(0.2), [0.1], 1024), KEY, GREY, LABEL) - GREY
    np.testing.assert_allclose(jnp.linalg.norm(moved), 0.1, rtol=1e-4)
    cosine = float(-jnp.vdot(moved, UNIT)) / 0.1
    expected = 1 / math.sqrt(1 + (GREY.size - 1) / 1024)
    assert abs(cosine - expected) < 0.012


def test_spsa_reaches_the_linf_optimum_of_a_linear_model():
    fn = spsa(two_classes, Linf(0.1), [0.02] * 16, 256)
    far = np.abs(W) > 0.5
    found = np.asarray(run(fn, KEY, GREY, LABEL) - GREY)
    np.testing.assert_allclose(found[far], -0.1 * np.sign(W)[far], atol=1e-6)


def loud(key, x):
    """Noise that hides the model unless both ends of a difference share it."""
    return two_classes(key, x) + 1e3 * jax.random.normal(key, (2,))


def test_both_ends_of_a_difference_share_the_key_of_the_model():
    quiet, noisy = (
        run(spsa(model, L2(0.2), [0.1], 64), KEY, GREY, LABEL)
        for model in (two_classes, loud)
    )
    np.testing.assert_allclose(quiet, noisy, atol=2e-3)


def test_spsa_is_a_loop_with_directions_of_its_own_at_each_step():
    sizes, x = [0.06, 0.05], GREY
    for i, size in enumerate(sizes):
        key, total = jax.random.fold_in(jax.random.split(KEY)[1], i), 0.0
        for d in (3, 8):
            k_direction = jax.random.split(jax.random.fold_in(key, d))[0]
            v = jax.random.rademacher(k_direction, x.shape, x.dtype)
            total = total - jnp.vdot(W, v) * v
        x = x + size * total / jnp.linalg.norm(total)
    fn = Partial(
        attack.spsa,
        model=Partial(two_classes),
        threat=L2(0.2),
        step_sizes=jnp.array(sizes),
        directions=jnp.array([3, 8]),
    )
    np.testing.assert_allclose(run(fn, KEY, GREY, LABEL), x, atol=1e-4)


def rounded(key, x):
    """A model without a gradient: what it sees is rounded to steps of 1/64."""
    return two_classes(key, jnp.round(64 * x) / 64)


def test_masked_gradients_stop_pgd_and_not_spsa():
    blocked = Partial(
        attack.pgd,
        model=Partial(rounded),
        threat=L2(0.2),
        step_sizes=jnp.full(4, 0.1),
        start=Partial(attack.at_image),
    )
    np.testing.assert_array_equal(run(blocked, KEY, GREY, LABEL), GREY)
    free = run(spsa(rounded, L2(0.2), [0.1] * 4, 128, probe=0.05), KEY, GREY, LABEL)
    assert float(-jnp.vdot(free - GREY, UNIT)) > 0.15


def test_the_probe_is_half_the_length_of_the_difference():
    """Seen over a probe p the cubic half of the pixels has slope 1000 p^2 w."""
    cubic = jnp.arange(GREY.size).reshape(GREY.shape) % 2 == 0

    def model(key, x):
        u = x - GREY
        return jnp.stack([jnp.sum(W * jnp.where(cubic, 1000 * u**3, u)), 0 * u.sum()])

    for probe in (0.01, 0.1):
        fn = spsa(model, L2(0.2), [0.1], 1024, probe=probe)
        moved = run(fn, KEY, GREY, LABEL) - GREY
        slope = -W * jnp.where(cubic, 1000 * probe**2, 1.0)
        cosine = jnp.vdot(moved, slope) / (0.1 * jnp.linalg.norm(slope))
        assert cosine > 0.97


def test_straight_through_joint_is_finite_on_the_adaptive_purifier():
    purifier = Partial(
        purify.adaptive, score=mixture(), levels=jnp.array([0.3]), largest=0.5
    )
    model = Partial(
        classify.defend,
        purifier=backward.straight_through(purifier),
        classifier=bent_classifier(),
    )
    guide = Partial(joint_attack.pull, purifier=purifier, draws=jnp.arange(2))
    fn = Partial(
        attack.joint,
        model=Partial(classify.each, model=model, draws=jnp.arange(2)),
        threat=Linf(0.1),
        step_sizes=jnp.full(3, 0.05),
        guide=guide,
    )
    moved = run(fn, KEY, X, LABEL) - X
    assert jnp.isfinite(moved).all() and 0 < jnp.abs(moved).max() <= 0.1 + 1e-6
