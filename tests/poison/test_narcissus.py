"""A trigger, on linear networks whose optimum is known."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, weights

from purifax import poison
from purifax.classify import cross_entropy
from purifax.poison import badnets
from purifax.poison import narcissus as narcissus_module
from purifax.poison.narcissus import Trigger, blank, magnified
from purifax.threat import Linf

pytestmark = pytest.mark.usefixtures("unoptimised")
KEY = jax.random.key(190)
IMAGES = 0.4 + 0.2 * jax.random.uniform(jax.random.key(191), (4, *SHAPE))
ROWS = weights().reshape(3, -1)


def _linear(key, x, w):
    del key
    return w @ x.ravel()


def _random(key, x, w):
    return w @ (x + 0.3 * jax.random.normal(key, x.shape)).ravel()


@jax.jit
def narcissus(key, images, trigger, target, model, threat, size, index):
    args = images, trigger, target, model, threat, size
    return narcissus_module.narcissus_step(key, *args, index=index)


def test_a_trigger_of_a_linear_model_is_the_sign_of_its_class():
    model, trigger = Partial(_linear, w=ROWS[:2]), blank(SHAPE)
    losses = []
    for _ in range(12):
        args = trigger, jnp.array(1), model, Linf(16 / 255), 0.2, jnp.arange(4)
        trigger, loss = narcissus(KEY, IMAGES, *args)
        losses.append(float(loss))
    want = 16 / 255 * jnp.sign(ROWS[1] - ROWS[0]).reshape(SHAPE)
    np.testing.assert_allclose(trigger.pattern, want, atol=1e-6)
    assert losses[-1] < losses[0] - 0.5
    logits = [model(KEY, x) for x in IMAGES]
    want = np.mean([cross_entropy(z, jnp.array(1)) for z in logits])
    np.testing.assert_allclose(losses[0], want, rtol=1e-4)


def test_an_entry_at_the_bound_comes_back():
    trigger = blank(SHAPE)
    full = Trigger(trigger.pattern + 0.05, trigger.moments)
    falling = Partial(_linear, w=jnp.stack([-jnp.abs(ROWS[0]), 0 * ROWS[0]]))
    args = full, jnp.array(0), falling, Linf(0.05), 0.1, jnp.arange(4)
    assert jnp.max(narcissus(KEY, IMAGES, *args)[0].pattern) < 0.05 - 1e-4


def test_images_of_a_class_have_keys_of_their_own():
    model, more = Partial(_random, w=ROWS), (Linf(0.1), 0.1)
    args = blank(SHAPE), jnp.array(1), model, *more
    index, turned = jnp.array([7, 2, 5, 3]), jnp.array([2, 0, 3, 1])
    one, _ = narcissus(KEY, IMAGES, *args, index)
    other, _ = narcissus(KEY, IMAGES[turned], *args, index[turned])
    np.testing.assert_allclose(one.pattern, other.pattern, atol=1e-6)


def test_a_trigger_is_stored_within_its_budget_and_shown_magnified():
    pattern = 8 / 255 * jnp.sign(ROWS[0]).reshape(SHAPE)
    images = np.random.default_rng(2).integers(0, 256, (5, *SHAPE), dtype=np.uint8)
    maker = Partial(badnets.additive, pattern=pattern)
    args = images, np.array([1, 0, 1, 1, 2]), jnp.array([0, 2])
    given = poison.craft(KEY, *args, maker, Linf(8 / 255), name="narcissus")
    np.testing.assert_allclose(poison.verify(images, given), 8 / 255, rtol=1e-5)
    x = jnp.asarray(images / np.float32(255))
    want = np.clip(np.asarray(x) + 3 * np.asarray(pattern), 0, 1)
    np.testing.assert_allclose(magnified(x, pattern), want, atol=1e-6)
    once = np.clip(np.asarray(x) + np.asarray(pattern), 0, 1)
    np.testing.assert_allclose(magnified(x, pattern, times=1.0), once, atol=1e-6)
