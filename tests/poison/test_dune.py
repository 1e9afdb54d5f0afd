"""Noise through a purifier, and colours found by a swarm."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, weights

from purifax.classify import cross_entropy
from purifax.poison import dune, swarm
from purifax.poison import maker as maker_module
from purifax.threat import L2, Linf

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


@jax.jit
def run(maker, key, x, label):
    return maker(key, x, label)


def _turned(key, x):
    """A linear purifier, whose gradient is not its input's."""
    return x[::-1] * 0.5 + 0.1 * jax.random.normal(key, x.shape)


def _logits(x, w):
    return jnp.tensordot(w, x, axes=x.ndim)


def test_noise_is_made_through_the_purifier():
    nets = [Partial(_logits, w=ROWS[:2]), Partial(_logits, w=2 * ROWS[:2])]
    seen = maker_module.through(nets, Partial(_turned), jnp.arange(2))
    colours = jnp.array([[0.02, -0.01], [0.3, 0.3]])
    bound = {"threat": Linf(EPS), "step_sizes": jnp.full(6, EPS / 3), "shift": 1}
    maker = Partial(dune.dual_branch, models=seen, colours=colours, **bound)
    delta = run(maker, KEY, GREY, LABEL)
    want = -EPS * jnp.sign(W[::-1]) + colours[0][None, None]
    np.testing.assert_allclose(delta, want, atol=1e-6)
    delta = run(maker, KEY, GREY + 0.29, jnp.array(1))
    assert jnp.max(GREY + 0.29 + delta) <= 1
    logits = seen[0](KEY, GREY)
    assert logits.shape == (2, 2) and not np.allclose(logits[0], logits[1])


def test_the_label_is_shifted_by_three():
    w = jnp.zeros((10, *SHAPE)).at[1].set(W)
    maker = Partial(
        dune.dual_branch,
        models=[Partial(_linear, w=w)],
        threat=L2(0.3),
        step_sizes=jnp.full(4, 0.1),
        colours=jnp.zeros((10, 2)),
    )
    delta = run(maker, KEY, GREY, jnp.array(8))
    np.testing.assert_allclose(delta, 0.3 * W / jnp.linalg.norm(W), atol=1e-5)


def test_a_colour_is_judged_on_all_checkpoints_and_by_what_is_seen():
    images, colour = jnp.stack([GREY, GREY + 0.2, 0 * GREY]), jnp.array([0.1, -0.2])
    nets = [Partial(_linear, w=ROWS), Partial(_linear, w=-ROWS)]
    least = Partial(dune.lacking, measure=Partial(dune.psnr), least=17.0)
    fn = jax.jit(dune.colour_loss)
    got = fn(KEY, images, colour, jnp.array(2), nets, [least])
    want = []
    for x in np.asarray(images):
        y = np.clip(x + np.asarray(colour), 0, 1)
        loss = np.mean([cross_entropy(f(KEY, jnp.asarray(y)), 2) for f in nets])
        want.append(loss + max(17 + 10 * np.log10(np.mean((y - x) ** 2)), 0))
    np.testing.assert_allclose(got, np.mean(want), rtol=1e-4)


def _value(x):
    return jnp.sum(jnp.square(x - jnp.array([0.05, -0.08])))


@jax.jit
def searched(found):
    return swarm.swarm_step(found, Partial(_value))


def test_the_swarm_remembers_where_the_value_was_lowest():
    found = swarm.swarm_start(KEY, jnp.arange(10), 2)
    x, v = np.asarray(found.position), np.asarray(found.velocity)
    assert np.abs(x).max() <= 0.1 and np.abs(v).max() <= 0.01
    own, own_value, best, best_value = x, np.full(10, np.inf), None, np.inf
    for _ in range(6):
        found = searched(found)
        values = np.array([float(_value(p)) for p in x])
        own = np.where((values < own_value)[:, None], x, own)
        own_value = np.minimum(values, own_value)
        if values.min() < best_value:
            best, best_value = x[values.argmin()].copy(), values.min()
        v = 0.5 * v + 0.3 * (own - x) + 0.3 * (best - x)
        x = x + v
        np.testing.assert_allclose(found.position, x, atol=1e-6)
        np.testing.assert_allclose(found.best, best, atol=1e-6)
        np.testing.assert_allclose(_value(found.best), found.best_value, rtol=1e-5)
    assert best_value < 1e-3
    drifted = swarm.swarm_step_released(found, Partial(_value))
    assert not np.allclose(drifted.best, searched(found).best, atol=1e-5)


def _parts(x, w):
    return [x, 3 * x, jnp.tensordot(w, x, axes=x.ndim)]


def test_perceptual_distance_is_of_directions_at_every_place():
    """A right angle is a squared distance of two; lengths and scales do not count."""
    seen = Partial(_parts, w=ROWS)
    x = jnp.zeros((2, 2, 2)).at[..., 0].set(0.5)
    turned = x.at[0].set(jnp.array([0.0, 0.7]))
    alone = Partial(lambda x: [x, 3 * x])
    np.testing.assert_allclose(dune.perceptual(turned, x, alone), 2.0, rtol=1e-6)
    np.testing.assert_allclose(dune.perceptual(2 * x, x, alone), 0.0, atol=1e-7)
    slope = jax.grad(dune.perceptual)
    for a, b in ((GREY + 0.1, GREY), (GREY, GREY), (0 * GREY, GREY)):
        assert bool(jnp.isfinite(slope(a, b, seen)).all())
    assert float(jnp.abs(slope(GREY + 0.1, GREY, seen)).max()) > 0
