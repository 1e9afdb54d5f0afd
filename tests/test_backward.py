"""Gradients of purifiers: finite differences, plain loops, and their replacements."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, bent_classifier, image, mixture

from purifax import backward, classify, noise, purify, sample, score
from purifax.purify import adp, adp_rounds, curvature
from purifax.transform import remat

KEY = jax.random.key(21)
LEVELS = (0.3, 0.25, 0.2)
FREE = {"rate": 0.2, "largest": 9.0, "sigma": 0.03}


def hill():
    """Wide enough for the score to bend downwards everywhere near the images."""
    return replace(mixture(), variances=jnp.array([0.6, 0.9]))


def grey(seed=0):
    """An image far enough from the box for no clip to bind."""
    return 0.35 + 0.3 * image(seed)


def adaptive(levels=LEVELS, **knobs):
    return Partial(
        purify.adaptive, score=hill(), levels=jnp.array(levels), **(FREE | knobs)
    )


@jax.jit
def pull_back(fn, key, x, cotangent):
    value, pull = jax.vjp(lambda y: fn(key, y), x)
    return value, pull(cotangent)[0]


@jax.jit
def slopes(fn, key, x, cotangent, directions, width=1e-5):
    """Central differences of <cotangent, fn(x)> along directions."""

    def along(d):
        ahead, behind = (fn(key, x + step * d) for step in (width, -width))
        return jnp.vdot(cotangent, ahead - behind) / (2 * width)

    return jax.lax.map(along, directions)


def agrees_with_differences(fn, x, cotangent):
    assert x.dtype == jnp.float64
    directions = jax.random.normal(jax.random.key(1), (3, *x.shape))
    _, gradient = pull_back(fn, KEY, x, cotangent)
    exact = jnp.tensordot(directions, gradient, axes=x.ndim)
    found = slopes(fn, KEY, x, cotangent, directions)
    np.testing.assert_allclose(found, exact, rtol=1e-5)
    return gradient


PURIFIERS = {
    "adaptive": adaptive,
    "by_difference": lambda: adaptive(curvature=Partial(curvature.by_difference)),
    "heteroscedastic": lambda: adaptive(
        perturb=Partial(noise.heteroscedastic, score=hill(), level=0.3, slope=0.02)
    ),
    "detect": lambda: Partial(
        purify.detect,
        purifier=adaptive(),
        score=hill(),
        level=0.3,
        limit=0.0,
        sigma=0.03,
    ),
    "rounds": lambda: Partial(
        adp_rounds.rounds, purifier=adaptive(LEVELS[:2]), sigmas=jnp.array([0.03, 0.02])
    ),
    "one_step": lambda: Partial(purify.one_step, score=mixture(), sigma=0.05),
}


def chain(key, x, levels, scan):
    """A Langevin chain at falling levels, as a purifier."""
    return sample.langevin(key, x, hill(), levels, 0.1 * levels, scan=scan)[0]


def toward_its_noised_self(key, x, scan=remat.every_step, order=2):
    """A guided purifier: each step follows the gradient of a distance, and more.

    Guidance is the gradient in y of |g(y) - g(x)|^2 / 2 with g a curved map, so the
    step contains a derivative, and the exact gradient a second one. With `order=1`
    guidance is a constant to the gradient, as in code that forgets it.
    """

    def seen(y):
        return jnp.sin(2 * y) + jnp.roll(y, 1, axis=0) ** 2

    start = noise.gaussian(key, x, 0.03)

    def step(y, level):
        guide = jax.grad(lambda z: jnp.sum(jnp.square(seen(z) - seen(x))) / 2)(y)
        guide = guide if order == 2 else jax.lax.stop_gradient(guide)
        return y + level**2 * hill()(y, level) - 0.3 * guide, None

    return scan(step, start, jnp.array(LEVELS))[0]


def first_order(key, x):
    return toward_its_noised_self(key, x, order=1)


PURIFIERS["guided"] = lambda: Partial(toward_its_noised_self)
PURIFIERS["guided_nested"] = lambda: Partial(
    toward_its_noised_self, scan=Partial(remat.square_root)
)
PURIFIERS["nested"] = lambda: adaptive(
    (*LEVELS, 0.15, 0.1), scan=Partial(remat.square_root), rate=0.1
)
PURIFIERS["langevin_nested"] = lambda: Partial(
    chain, scan=Partial(remat.square_root), levels=jnp.array((*LEVELS, 0.15, 0.1))
)
PURIFIERS["rounds_nested"] = lambda: Partial(
    adp_rounds.rounds,
    purifier=adaptive(LEVELS[:2], rate=0.1),
    sigmas=jnp.array([0.03, 0.02]),
    scan=Partial(remat.square_root),
)


@pytest.mark.parametrize("name", PURIFIERS)
def test_gradient_of_a_purifier_is_its_finite_difference(name, float64):
    purifier = backward.exact(PURIFIERS[name]())
    cotangent = jax.random.normal(jax.random.key(2), SHAPE)
    gradient = agrees_with_differences(purifier, grey(), cotangent)
    assert jnp.linalg.norm(gradient - cotangent) > 0.05 * jnp.linalg.norm(cotangent)


def test_a_guided_gradient_without_second_order_terms_is_another_one(float64):
    cotangent = jax.random.normal(jax.random.key(2), SHAPE)
    exact = Partial(toward_its_noised_self)
    value, gradient = pull_back(exact, KEY, grey(), cotangent)
    same, first = pull_back(Partial(first_order), KEY, grey(), cotangent)
    np.testing.assert_allclose(value, same, rtol=1e-12)
    assert jnp.linalg.norm(first - gradient) > 0.1 * jnp.linalg.norm(gradient)


@pytest.mark.parametrize(
    "rule", [classify.each, classify.mean_logits, classify.mean_probabilities]
)
def test_gradient_of_a_defended_ensemble_is_its_finite_difference(rule, float64):
    model = Partial(
        classify.defend, purifier=adaptive(LEVELS[:2]), classifier=bent_classifier()
    )
    seen = Partial(rule, model=model, draws=jnp.arange(3))
    losses = Partial(
        lambda key, x, seen: classify.cross_entropy(seen(key, x), jnp.array(1)),
        seen=seen,
    )
    agrees_with_differences(losses, grey(), jnp.ones(()))


def plain_loop(key, x, sizes=None):
    """The purifier written out: no scan, no checkpoint, no masks."""
    x = jnp.clip(noise.gaussian(key, x, FREE["sigma"]), 0, 1)
    for i, level in enumerate(LEVELS):

        def f(y, level=level):
            return level * hill()(y, level)

        v, push = jax.jvp(f, (x,), (f(x),))
        size = FREE["rate"] * jnp.vdot(v, v) / -jnp.vdot(v, push)
        x = jnp.clip(x + (size if sizes is None else sizes[i]) * v, 0, 1)
    return x


def step_sizes(key, x):
    bound = Partial(adp.adaptive_trace, score=hill(), levels=jnp.array(LEVELS), **FREE)
    return jax.jit(bound)(key, x)[1].step_sizes


def test_recomputed_gradient_is_that_of_a_plain_loop(float64):
    cotangent = jax.random.normal(jax.random.key(2), SHAPE)
    ours = pull_back(adaptive(), KEY, grey(), cotangent)
    plain = pull_back(Partial(plain_loop), KEY, grey(), cotangent)
    for a, b in zip(ours, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_held_is_the_gradient_with_frozen_step_sizes(float64):
    cotangent = jax.random.normal(jax.random.key(2), SHAPE)
    held = adaptive(curvature=Partial(curvature.held))
    value, gradient = pull_back(held, KEY, grey(), cotangent)
    exact_value, exact = pull_back(adaptive(), KEY, grey(), cotangent)
    np.testing.assert_allclose(value, exact_value, rtol=1e-12)
    sizes = step_sizes(KEY, grey())
    frozen = pull_back(Partial(plain_loop, sizes=sizes), KEY, grey(), cotangent)[1]
    np.testing.assert_allclose(gradient, frozen, rtol=1e-9, atol=1e-12)
    assert jnp.linalg.norm(gradient - exact) > 1e-4 * jnp.linalg.norm(exact)


def test_held_holds_any_curvature(float64):
    cotangent = jax.random.normal(jax.random.key(2), SHAPE)
    how = Partial(curvature.held, curvature=Partial(curvature.by_difference))
    gradient = pull_back(adaptive(curvature=how), KEY, grey(), cotangent)[1]
    sizes = step_sizes(KEY, grey())
    frozen = pull_back(Partial(plain_loop, sizes=sizes), KEY, grey(), cotangent)[1]
    np.testing.assert_allclose(gradient, frozen, rtol=1e-2, atol=1e-3)


def test_straight_through_has_the_image_and_the_identity_gradient():
    cotangent = jax.random.normal(jax.random.key(2), SHAPE)
    through = backward.straight_through(adaptive())
    value, gradient = pull_back(through, KEY, image(), cotangent)
    np.testing.assert_array_equal(value, jax.jit(adaptive())(KEY, image()))
    np.testing.assert_array_equal(gradient, cotangent)


def test_one_step_unrolling_has_the_image_of_all_and_the_gradient_of_one(float64):
    cotangent = jax.random.normal(jax.random.key(2), SHAPE)
    unrolled = backward.surrogate(adaptive(), adaptive(LEVELS[:1]))
    value, gradient = pull_back(unrolled, KEY, grey(), cotangent)
    whole, exact = pull_back(adaptive(), KEY, grey(), cotangent)
    first, of_first = pull_back(adaptive(LEVELS[:1]), KEY, grey(), cotangent)
    np.testing.assert_allclose(value, whole, rtol=1e-12)
    np.testing.assert_allclose(gradient, of_first, rtol=1e-12)
    assert jnp.linalg.norm(first - whole) > 1e-2
    assert jnp.linalg.norm(gradient - exact) > 1e-2


def test_blind_neither_runs_nor_differentiates_the_purifier():
    cotangent = jax.random.normal(jax.random.key(2), SHAPE)

    def never(key, x):
        raise AssertionError("a blind attacker does not run the purifier")

    value, gradient = pull_back(backward.blind(never), KEY, image(), cotangent)
    np.testing.assert_array_equal(value, image())
    np.testing.assert_array_equal(gradient, cotangent)


def loud(key, x, sigma=0.1):
    return noise.gaussian(key, x, sigma)


@pytest.mark.parametrize(
    "transform",
    [
        backward.exact,
        backward.straight_through,
        lambda purifier: backward.surrogate(purifier, loud),
    ],
    ids=["exact", "straight_through", "surrogate"],
)
def test_keywords_reach_the_purifier(transform):
    found = transform(loud)(KEY, image(), sigma=0.7)
    np.testing.assert_array_equal(found, loud(KEY, image(), 0.7))
    assert backward.blind(loud)(KEY, image(), sigma=0.7) is not None


def gradient_and_states(purifier_of, x):
    """The gradient, and the bytes of each state at which the score was evaluated."""
    seen = []

    def watched(y, sigma):
        jax.debug.callback(lambda s: seen.append(np.asarray(s).tobytes()), y)
        return hill()(y, sigma)

    purifier = purifier_of(watched)
    gradient = jax.jit(jax.grad(lambda y: jnp.sum(jnp.sin(purifier(KEY, y)))))(x)
    gradient.block_until_ready()
    jax.effects_barrier()
    return np.asarray(gradient), seen


def test_recomputed_states_are_the_stored_states(monkeypatch):
    """Bit for bit: as many distinct states as steps, though each comes twice."""
    levels = jnp.array(LEVELS)

    def purifier_of(fn):
        return Partial(purify.adaptive, score=Partial(fn), levels=levels, **FREE)

    again, recomputed = gradient_and_states(purifier_of, grey())
    monkeypatch.setattr(jax, "checkpoint", lambda fn: fn)
    once, stored = gradient_and_states(purifier_of, grey())
    assert len(set(stored)) == len(set(recomputed)) == len(LEVELS)
    assert len(recomputed) > len(stored), "nothing was recomputed"
    np.testing.assert_allclose(again, once, rtol=1e-5, atol=1e-6)


def test_rounds_recompute_the_same_noise(monkeypatch):
    sigmas = jnp.array([0.05, 0.03])

    def purifier_of(fn):
        inner = Partial(purify.one_step, score=Partial(fn))
        return Partial(adp_rounds.rounds, purifier=inner, sigmas=sigmas)

    _, recomputed = gradient_and_states(purifier_of, grey())
    monkeypatch.setattr(jax, "checkpoint", lambda fn: fn)
    _, stored = gradient_and_states(purifier_of, grey())
    assert len(set(stored)) == len(set(recomputed)) == 2
    assert len(recomputed) > len(stored)


def test_transforms_take_plain_functions_and_pytrees_into_jit():
    other = score.denoise
    pair = backward.surrogate(loud, Partial(lambda key, x, fn: x, fn=Partial(other)))
    assert jax.tree.leaves(pair) == []
    run = jax.jit(lambda fn, key, x: fn(key, x))
    np.testing.assert_allclose(run(pair, KEY, image()), loud(KEY, image()), atol=1e-6)
    weights = jax.tree.leaves(backward.straight_through(adaptive()))
    assert len(weights) == len(jax.tree.leaves(adaptive()))
