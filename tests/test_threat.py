"""Threat models: projection, start, steepest step, distance."""

import math

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from oracles import image

from purifax.threat import L1, L2, Linf, _sparse_signs

X = image()
MIDDLE = jnp.full(X.shape, 0.5)
THREATS = [Linf(radius=0.1), L2(radius=0.4), L1(radius=0.8)]
KEYS = jax.random.split(jax.random.key(1), 16)
each = pytest.mark.parametrize("threat", THREATS, ids=["Linf", "L2", "L1"])

project = jax.jit(lambda threat, x_adv, x: threat.project(x_adv, x))
ascend = jax.jit(lambda threat, x, g, step: threat.ascend(x, g, step))
starts = jax.jit(jax.vmap(lambda threat, key, x: threat.start(key, x), (None, 0, None)))


def norm(threat, delta):
    flat = np.asarray(delta, np.float64).ravel()
    return np.linalg.norm(flat, {Linf: np.inf, L2: 2, L1: 1}[type(threat)])


def candidates():
    """Points near and far, inside and outside of ball and box."""
    sizes = jnp.array([0.01, 0.05, 0.3, 2.0])
    draws = [jax.random.normal(key, X.shape) for key in KEYS[:4]]
    return [X + size * z for size, z in zip(sizes, draws, strict=True)]


@each
def test_projection_lands_in_ball_and_box(threat):
    for x_adv in candidates():
        y = project(threat, x_adv, X)
        assert norm(threat, y - X) <= threat.radius * (1 + 1e-6) + 1e-7
        assert y.min() >= 0 and y.max() <= 1


@each
def test_projection_twice_is_projection(threat):
    for x_adv in candidates():
        y = project(threat, x_adv, X)
        np.testing.assert_allclose(project(threat, y, X), y, atol=2e-7)


@each
def test_projection_leaves_points_of_the_set(threat):
    inside = jnp.clip(X + 0.02 * jax.random.normal(KEYS[0], X.shape), 0, 1)
    assert norm(threat, inside - X) < threat.radius
    np.testing.assert_allclose(project(threat, inside, X), inside, atol=1e-7)
    np.testing.assert_array_equal(project(threat, X, X), X)


def test_linf_projection_is_the_nearest_point():
    x_adv = X + 0.3 * jax.random.normal(KEYS[0], X.shape)
    low, high = np.maximum(X - 0.1, 0), np.minimum(X + 0.1, 1)
    np.testing.assert_allclose(project(Linf(0.1), x_adv, X), np.clip(x_adv, low, high))


def test_l2_projection_scales_the_whole_image_onto_the_sphere():
    delta = 0.1 * jax.random.normal(KEYS[0], X.shape)
    y = project(L2(0.25), MIDDLE + delta, MIDDLE)
    np.testing.assert_allclose(norm(L2(0.25), y - MIDDLE), 0.25, rtol=1e-5)
    expected = 0.25 * np.asarray(delta) / norm(L2(0.25), delta)
    np.testing.assert_allclose(y - MIDDLE, expected, atol=1e-6)


def bisected(y, x, radius):
    """The L1 projection in double precision, by halving the level."""
    y, x = np.asarray(y, np.float64), np.asarray(x, np.float64)
    size, room = np.abs(y - x), np.where(y > x, 1 - x, x)
    low, high = 0.0, size.max()
    for _ in range(80):
        middle = (low + high) / 2
        full = np.clip(size - middle, 0, room).sum() > radius
        low, high = (middle, high) if full else (low, middle)
    return x + np.sign(y - x) * np.clip(size - high, 0, room)


@pytest.mark.parametrize("radius", [0.01, 0.8, 6.0])
def test_l1_projection_is_the_nearest_point(radius):
    """Against bisection, and by the conditions of optimality."""
    for y in candidates():
        found = project(L1(radius), y, X)
        np.testing.assert_allclose(found, bisected(y, X, radius), atol=1e-6)
        moved, left = np.abs(found - X).ravel(), np.abs(y - found).ravel()
        clipped = np.abs(np.clip(y, 0, 1) - X).sum()
        if clipped <= radius:
            np.testing.assert_allclose(found, np.clip(y, 0, 1), atol=1e-6)
            continue
        np.testing.assert_allclose(moved.sum(), radius, atol=1e-6)
        free = (moved > 1e-6) & (np.asarray(found).ravel() % 1 > 1e-6)
        full, still = (moved > 1e-6) & ~free, moved <= 1e-6
        level = left[free].mean() if free.any() else None
        if level is not None:
            np.testing.assert_allclose(left[free], level, atol=2e-6)
            assert (left[full] >= level - 2e-6).all()
            assert (left[still] <= level + 2e-6).all()


def test_l1_projection_of_a_large_image_keeps_its_accuracy():
    x = jax.random.uniform(KEYS[0], (32, 32, 3))
    y = x + 0.3 * jax.random.normal(KEYS[1], x.shape)
    found = project(L1(12.0), y, x)
    np.testing.assert_allclose(found, bisected(y, x, 12.0), atol=2e-6)
    np.testing.assert_allclose(norm(L1(12.0), found - x), 12.0, rtol=1e-5)


def test_l1_steps_move_a_share_of_the_entries_alike():
    g = jax.random.normal(KEYS[3], X.shape)
    step = np.asarray(L1(0.8).ascend(MIDDLE, g, 0.1, share=0.25)) - 0.5
    largest = np.argsort(-np.abs(g).ravel())[: X.size // 4]
    assert set(np.flatnonzero(step)) == set(largest)
    expected = np.sign(g.ravel()[largest]) * 0.1 / len(largest)
    np.testing.assert_allclose(step.ravel()[largest], expected, atol=1e-7)
    np.testing.assert_array_equal(_sparse_signs(g, 1.0), np.sign(g))
    assert np.count_nonzero(_sparse_signs(g, 0.0)) == 1


@each
def test_random_start_is_in_the_set(threat):
    for x in (X, jnp.zeros_like(X), jnp.ones_like(X)):
        for y in starts(threat, KEYS, x):
            assert norm(threat, y - x) <= threat.radius * (1 + 1e-6) + 1e-7
            assert y.min() >= 0 and y.max() <= 1
    assert not jnp.array_equal(*starts(threat, KEYS, X)[:2])


def test_linf_start_is_uniform_in_the_cube():
    u = (np.asarray(starts(Linf(0.1), KEYS, MIDDLE)).ravel() - 0.5) / 0.1
    assert abs(u.mean()) < 4 * math.sqrt(1 / 3 / u.size)
    assert abs((u**2).mean() - 1 / 3) < 4 * math.sqrt(4 / 45 / u.size)


def test_l2_start_is_uniform_in_the_ball():
    keys = jax.random.split(jax.random.key(2), 4096)
    delta = np.asarray(starts(L2(0.25), keys, MIDDLE[:1, :1])) - 0.5
    u = (delta.reshape(4096, 2) ** 2).sum(1) / 0.25**2
    assert abs(u.mean() - 1 / 2) < 4 * math.sqrt(1 / 12 / 4096)
    assert abs((u**2).mean() - 1 / 3) < 4 * math.sqrt(4 / 45 / 4096)
    mean = delta.reshape(4096, 2).mean(0)
    assert np.abs(mean).max() < 4 * 0.125 / math.sqrt(4096)


def test_l1_start_is_uniform_in_the_ball():
    keys = jax.random.split(jax.random.key(2), 4096)
    delta = np.asarray(starts(L1(0.25), keys, MIDDLE[:1, :1])) - 0.5
    share = np.abs(delta.reshape(4096, 2)) / 0.25
    # In two dimensions P(|delta| <= r) = r^2, and each side holds half of it.
    u = share.sum(1) ** 2
    assert abs(u.mean() - 1 / 2) < 4 * math.sqrt(1 / 12 / 4096)
    v = share[:, 0] / share.sum(1)
    assert abs(v.mean() - 1 / 2) < 4 * math.sqrt(1 / 12 / 4096)
    assert np.abs((delta > 0).reshape(4096, 2).mean(0) - 0.5).max() < 4 * 0.5 / 64


@each
def test_ascent_is_the_steepest_step_of_its_length(threat):
    g = jax.random.normal(KEYS[3], X.shape)
    step = ascend(threat, MIDDLE, g, 0.1) - MIDDLE
    np.testing.assert_allclose(norm(threat, step), 0.1, rtol=1e-5)
    gain = np.vdot(g, step)
    order = {Linf: 1, L2: 2, L1: np.inf}[type(threat)]
    dual = np.linalg.norm(np.asarray(g).ravel(), order)
    np.testing.assert_allclose(gain, 0.1 * dual, rtol=1e-5)
    for key in KEYS[4:]:
        other = np.asarray(jax.random.normal(key, X.shape))
        assert np.vdot(g, other) * 0.1 / norm(threat, other) < gain


@each
@pytest.mark.parametrize("size", [1e-30, 1e-8, 1e30])
def test_ascent_does_not_lose_tiny_or_huge_gradients(threat, size):
    g = jax.random.normal(KEYS[3], X.shape)
    expected = ascend(threat, MIDDLE, g, 0.1)
    np.testing.assert_allclose(ascend(threat, MIDDLE, size * g, 0.1), expected, 1e-5)


@each
def test_a_zero_gradient_moves_nothing(threat):
    np.testing.assert_array_equal(ascend(threat, X, jnp.zeros_like(X), 0.1), X)


@each
def test_distance_is_the_norm(threat):
    y = image(1)
    expected = norm(threat, np.asarray(y) - np.asarray(X))
    np.testing.assert_allclose(threat.distance(y, X), expected, rtol=1e-6)
    assert threat.distance(X, X) < 1e-11


@each
def test_gradients_are_finite_at_the_image_itself(threat):
    def through(x_adv):
        stepped = threat.ascend(x_adv, x_adv - X, 0.1)
        return jnp.sum(threat.project(stepped, X)) + threat.distance(x_adv, X)

    assert jnp.isfinite(jax.jit(jax.grad(through))(X)).all()


@each
def test_the_radius_may_be_traced(threat):
    far = MIDDLE + 1.0
    smaller = type(threat)(jnp.asarray(threat.radius / 2))
    ratio = norm(threat, project(smaller, far, MIDDLE) - MIDDLE) / threat.radius
    np.testing.assert_allclose(ratio, 0.5, rtol=1e-5)
