"""FAB: exact distances of linear models, the published rule, and its choice."""

import functools

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, weights
from scipy.optimize import linprog, minimize

from purifax import attack, classify
from purifax.attack import fab_attack
from purifax.attack.hyperplane import slope_length, step_to_plane
from purifax.threat import L1, L2, Linf

KEY = jax.random.key(5)
KINDS = [Linf, L2, L1]
ORDERS = {Linf: np.inf, L2: 2, L1: 1}
every = pytest.mark.parametrize("kind", KINDS)


def length(kind, d):
    return np.linalg.norm(np.asarray(d, np.float64).ravel(), ORDERS[kind])


def least_step(kind, t, w, gap):
    """The least length of d with w . d = -gap and t + d in the box, by a solver."""
    count, one = t.size, np.eye(t.size)
    if kind is L2:
        found = minimize(
            lambda d: d @ d,
            np.zeros(count),
            jac=lambda d: 2 * d,
            method="SLSQP",
            bounds=list(zip(-t, 1 - t, strict=True)),
            constraints={"type": "eq", "fun": lambda d: w @ d + gap},
            options={"ftol": 1e-14, "maxiter": 500},
        )
        return np.sqrt(found.fun)
    caps = np.ones((count, 1)) if kind is Linf else one
    found = linprog(
        np.r_[np.zeros(count), np.ones(caps.shape[1])],
        A_ub=np.block([[one, -caps], [-one, -caps]]),
        b_ub=np.zeros(2 * count),
        A_eq=np.r_[w, np.zeros(caps.shape[1])][None],
        b_eq=[-gap],
        bounds=[*zip(-t, 1 - t, strict=True), *[(0, None)] * caps.shape[1]],
    )
    return found.fun


@functools.partial(jax.jit, static_argnames="kind")
def steps(kind, t, w, gap):
    return jax.vmap(lambda *row: step_to_plane(*row, kind(1.0)))(t, w, gap)


@every
def test_a_step_to_a_plane_is_the_shortest_in_the_box(kind):
    rng = np.random.default_rng(1)
    t, w = rng.random((12, 7)), rng.normal(size=(12, 7))
    w[:4, :3], t[4:6, :2], t[6:8, :2] = 0, 0, 1
    reach = np.sum(np.abs(w) * np.where(w > 0, t, 1 - t), 1)
    back = np.sum(np.abs(w) * np.where(w > 0, 1 - t, t), 1)
    part = rng.random(12)
    gap = np.where(np.arange(12) % 2, part * reach, -part * back)
    found = np.asarray(steps(kind, *map(jnp.float32, (t, w, gap))))
    np.testing.assert_allclose(np.sum(w * found, 1), -gap, atol=2e-5)
    assert (t + found).min() > -1e-6 and (t + found).max() < 1 + 1e-6
    for row in range(12):
        best = least_step(kind, t[row], w[row], gap[row])
        np.testing.assert_allclose(length(kind, found[row]), best, atol=2e-5)


@every
def test_a_plane_out_of_reach_sends_all_to_the_edge(kind):
    t, w = jnp.full((1, 3), 0.25), jnp.array([[1.0, -2.0, 0.0]])
    found = steps(kind, t, w, jnp.array([9.0]))
    np.testing.assert_allclose(found, [[-0.25, 0.75, 0.0]])


@every
def test_the_slope_is_what_a_step_gains(kind):
    """Without a box in the way, gap / slope is the length of the step."""
    w = np.random.default_rng(2).normal(size=(1, 9))
    found = steps(kind, jnp.full((1, 9), 0.5), jnp.float32(w), jnp.array([0.01]))
    slope = slope_length(jnp.float32(w[0]), kind(1.0))
    np.testing.assert_allclose(length(kind, found), 0.01 / slope, rtol=1e-4)


def linear(key, x, w, offset):
    return jnp.tensordot(w, x, axes=x.ndim) + offset


X = np.asarray(image())
W = np.asarray(weights(), np.float64)
OFFSET = np.array([2.0, 0.0, 2.0])
MODEL = Partial(linear, w=weights(), offset=jnp.float32(OFFSET))
LABEL = jnp.array(0)
LIMITS = fab_attack.fab_limits(30)


@functools.cache
def least_distances(kind):
    """By wrong class: how far X is from where that class reaches the right one."""
    logits, x = np.tensordot(W, X, 3) + OFFSET, X.ravel().astype(float)
    gaps = [logits[c] - logits[0] for c in (1, 2)]
    normals = [(W[c] - W[0]).ravel() for c in (1, 2)]
    return [least_step(kind, x, *row) for row in zip(normals, gaps, strict=True)]


@functools.partial(jax.jit, static_argnames=("verb", "kind"))
def compiled(verb, kind, x, model, radius, *schedule):
    return verb(KEY, x, LABEL, model, kind(radius), *schedule)


def fab(kind, radius, model=MODEL, starts=(0.0, 0.0)):
    return compiled(attack.fab, kind, X, model, radius, LIMITS, jnp.array(starts))


@every
def test_a_linear_model_gives_the_least_distance(kind):
    far, near = least_distances(kind)
    assert far > 1.1 * near > 0
    found = fab(kind, 2 * near)
    assert classify.margin(MODEL(None, found), LABEL) > 0
    assert near <= length(kind, found - X) * (1 + 1e-5) <= 1.007 * near


def test_a_target_gives_the_least_distance_to_its_class():
    far, near = least_distances(L2)
    for rank, best in enumerate((near, far)):
        found = compiled(
            *(attack.fab_targeted, L2, X, MODEL, 2 * far, LIMITS), jnp.array([rank])
        )
        assert best <= length(L2, found - X) * (1 + 1e-5) <= 1.007 * best


def published(x, value, slope, threat, iterations, wrong):
    """FAB towards one plane in NumPy, with lists: all iterates and the nearest."""
    here, images, nearest, distance = x, [], x, np.inf
    for _ in range(iterations):
        gap, w = value(here), slope(here)
        d_1, d_2 = (
            np.asarray(step_to_plane(*map(jnp.asarray, row), threat))
            for row in ((here, w, gap), (x, w, gap + np.vdot(w, x - here)))
        )
        far_1, far_2 = (max(length(type(threat), d), 1e-8) for d in (d_1, d_2))
        a = min(far_1 / (far_1 + far_2), 0.1)
        here = np.clip((1 - a) * (here + 1.05 * d_1) + a * (x + 1.05 * d_2), 0, 1)
        images.append(here)
        if wrong(here):
            if length(type(threat), here - x) < distance:
                nearest, distance = here, length(type(threat), here - x)
            here = x + 0.9 * (here - x)
    return nearest, distance


def bowl(key, x):
    """Right where the squares add up to less than 9."""
    return jnp.stack([9.0 - jnp.sum(jnp.square(2 * x)), jnp.zeros((), x.dtype)])


@every
def test_iterates_follow_the_published_rule_on_a_bent_boundary(kind, float64):
    x = np.random.default_rng(7).random((2, 3, 2)) * 0.5
    nearest, distance = published(
        x,
        lambda y: np.sum(4 * y**2) - 9.0,
        lambda y: 8 * y,
        kind(1.0),
        12,
        lambda y: np.sum(4 * y**2) > 9.0,
    )
    more = (99.0, jnp.full(12, 0.1))
    found = compiled(attack.fab, kind, jnp.asarray(x), Partial(bowl), *more)
    assert np.isfinite(distance)
    np.testing.assert_allclose(found, nearest, atol=1e-7)


@every
def test_out_of_reach_the_best_of_the_set_is_returned(kind):
    best = min(least_distances(kind))
    found = fab(kind, best / 2)
    assert length(kind, found - X) <= best / 2 * (1 + 1e-5)
    before, after = (float(classify.margin(MODEL(None, y), LABEL)) for y in (X, found))
    assert 0.7 * before < after < 0, "half of the way, or a little more of the gap"


def test_a_wrong_image_is_its_own_nearest():
    offset = jnp.array([-30.0, 0.0, 0.0])
    found = fab(L2, 0.5, Partial(linear, w=weights(), offset=offset))
    np.testing.assert_array_equal(found, X)


def test_restarts_begin_elsewhere_and_never_do_worse():
    radius = 2 * min(least_distances(L2))
    once, again = (fab(L2, radius, starts=starts) for starts in ((0, 0.0), (0, 0.5)))
    assert length(L2, again - X) <= length(L2, once - X) + 1e-6
    elsewhere = fab(L2, radius, starts=(0.5, 0.5))
    assert not np.array_equal(once, elsewhere)


def cancelling(key, x, w, offset):
    """Two draws, each off by far more than the margins, with the right mean."""
    noise = 40.0 * jax.random.normal(key, (3,))
    mean = linear(key, x, w, offset)
    return jnp.stack([mean + noise, mean - noise])


def test_a_random_model_is_judged_by_its_mean():
    best = min(least_distances(L2))
    found = fab(L2, 2 * best, Partial(cancelling, **MODEL.keywords))
    assert best <= length(L2, found - X) * (1 + 1e-4) <= 1.01 * best
