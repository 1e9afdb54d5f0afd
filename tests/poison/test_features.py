"""Poisons around a target in the feature space of linear networks."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE

from purifax.poison import bullseye, convex_polytope, descent
from purifax.threat import Linf

pytestmark = pytest.mark.usefixtures("unoptimised")
KEY = jax.random.key(190)
IMAGES = 0.4 + 0.2 * jax.random.uniform(jax.random.key(191), (4, *SHAPE))
TARGET = 0.3 + 0.4 * jax.random.uniform(jax.random.key(192), SHAPE)


def _mapped(key, x, w):
    return w @ x.ravel() + 0 * jax.random.normal(key)


def _noisy(key, x, w):
    return w @ x.ravel() + 0.2 * jax.random.normal(key, (w.shape[0],))


MAPS = [
    Partial(_mapped, w=jax.random.normal(jax.random.key(s), (6, IMAGES[0].size)) / 6)
    for s in (1, 2)
]
AIMS = bullseye.target_features(KEY, TARGET, MAPS)


@jax.jit
def hit(key, images, aims, extractors, draws):
    return bullseye.bullseye_distance(key, images, aims, extractors, draws)


def test_bullseye_is_the_relative_distance_of_the_mean():
    want = []
    for fn in MAPS:
        mean = np.mean([fn.keywords["w"] @ x.ravel() for x in IMAGES], axis=0)
        aim = np.asarray(fn.keywords["w"] @ TARGET.ravel())
        want.append(np.linalg.norm(mean - aim) / np.linalg.norm(aim))
    got = hit(KEY, IMAGES, AIMS, MAPS, jnp.arange(1))
    np.testing.assert_allclose(got, np.mean(want), rtol=1e-4)
    d = IMAGES[0] - IMAGES[1]
    around = jnp.stack([TARGET + d, TARGET - d])
    assert hit(KEY, around, AIMS, MAPS, jnp.arange(1)) < 1e-5


def test_the_mean_of_features_hits_the_target():
    objective = Partial(
        bullseye.bullseye_distance, aims=AIMS, extractors=MAPS, draws=jnp.arange(1)
    )
    sizes = jnp.repeat(jnp.array([0.01, 0.002, 0.0003]), 60)
    run = jax.jit(Partial(descent.descend, threat=Linf(0.1), step_sizes=sizes))
    delta, losses = run(KEY, IMAGES, objective=objective)
    assert losses[0] > 0.05 and losses[-1] < 0.003
    assert jnp.max(jnp.abs(delta)) <= 0.1 + 1e-6
    # The mean alone: no poison has the target's features itself.
    one = hit(KEY, (IMAGES + delta)[:1], AIMS, MAPS, jnp.arange(1))
    assert one > 10 * losses[-1]


def test_features_are_averaged_over_draws():
    fn, key = Partial(_noisy, w=MAPS[0].keywords["w"]), jax.random.fold_in(KEY, 0)
    draws = jnp.array([3, 5])
    rows = [
        fn(jax.random.fold_in(jax.random.fold_in(key, i), d), x)
        for i, x in enumerate(IMAGES)
        for d in draws
    ]
    apart = np.linalg.norm(np.mean(rows, axis=0) - AIMS[0]) / np.linalg.norm(AIMS[0])
    np.testing.assert_allclose(
        hit(KEY, IMAGES, AIMS[:1], [fn], draws), apart, rtol=1e-4
    )


def _blocks(key, x):
    del key
    return [x, (x.sum((0, 1)),)]


def test_blocks_are_compared_along_channels():
    """And a position where the target has no feature is left out."""
    target = TARGET.at[1, 2].set(0.0)
    aim = bullseye.target_features(KEY, target, [_blocks])
    got = hit(KEY, IMAGES, aim, [Partial(_blocks)], jnp.arange(1))
    mean, t = np.asarray(IMAGES).mean(0), np.asarray(target)
    size = np.linalg.norm(t, axis=-1)
    first = (np.linalg.norm(mean - t, axis=-1) / np.where(size > 0, size, np.inf)).sum()
    ends = mean.sum((0, 1)), t.sum((0, 1))
    second = np.linalg.norm(ends[0] - ends[1]) / np.linalg.norm(ends[1])
    np.testing.assert_allclose(got, (first / 15 + second) / 2, rtol=1e-4)


@jax.jit
def nearest(rows, aim):
    return convex_polytope.polytope_weights(rows, aim, jnp.ones(4000))


@pytest.mark.parametrize("seed", range(3))
def test_polytope_weights_are_those_of_the_nearest_point(seed):
    """The slope is the same for all corners in use, and no lower elsewhere."""
    rng = np.random.default_rng(seed)
    rows, aim = rng.normal(size=(4, 3)), 2 * rng.normal(size=3)
    c = np.asarray(nearest(jnp.float32(rows), jnp.float32(aim)), np.float64)
    np.testing.assert_allclose(c.sum(), 1, rtol=1e-5)
    assert c.min() >= 0
    g = rows @ (c @ rows - aim)
    used = c > 1e-4
    np.testing.assert_allclose(g[used], c @ g, atol=2e-3)
    assert (g >= c @ g - 2e-3).all()


@jax.jit
def polytope(images, aims, extractors, steps):
    args = aims, extractors, jnp.arange(1), steps
    fn = jax.value_and_grad(convex_polytope.polytope_distance, argnums=1)
    return fn(KEY, images, *args)


def test_a_target_within_the_polytope_is_at_distance_zero():
    x = jnp.stack([TARGET, TARGET + 0.1, TARGET - 0.3, 0 * TARGET])
    loss, g = polytope(x, AIMS, MAPS, jnp.ones(300))
    assert loss < 1e-5
    far = jnp.stack([0.5 * TARGET] * 4)
    loss, g = polytope(far, AIMS, MAPS, jnp.ones(300))
    np.testing.assert_allclose(loss, 0.5 * 0.5**2, rtol=1e-4)
    assert jnp.vdot(g[0], TARGET) < 0


def test_no_gradient_flows_through_the_weights_of_the_polytope():
    """Even where their search was stopped before its end."""
    _, g = polytope(IMAGES, AIMS[:1], MAPS[:1], jnp.ones(2))
    w = MAPS[0].keywords["w"]
    rows = jnp.stack([w @ x.ravel() for x in IMAGES])
    held = jax.jit(convex_polytope.polytope_weights)(rows, AIMS[0], jnp.ones(2))
    rest = held @ rows - AIMS[0]
    want = jnp.outer(held, rest @ w) / jnp.vdot(AIMS[0], AIMS[0])
    np.testing.assert_allclose(g.reshape(4, -1), want, rtol=1e-3, atol=1e-5)
