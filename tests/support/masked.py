"""Digits, a network that is not robust, and defences that only hide its gradient.

Every defence here keeps most of the clean accuracy and none of the robustness.
"""

import functools

import jax
import numpy as np
from jax import numpy as jnp
from jax.tree_util import Partial

import purifax
from purifax import classify, data


@functools.cache
def digits(part, count=None):
    """Images [N, 8, 8, 1] in [0, 1] and labels."""
    found = data.load("digits", part).take(np.arange(count or 1297))
    return jnp.asarray(found.images / 255.0, jnp.float32), jnp.asarray(found.labels)


def straight(x, w):
    return x.ravel() @ w


def bent(x, w, out):
    return jnp.tanh(x.ravel() @ w) @ out


@functools.cache
def network(hidden=64, keep=1.0):
    """Logits of one image, from full-batch descent on dropped pixels; linear with 0."""
    k_in, k_out, k_drop = jax.random.split(jax.random.key(3), 3)
    start = {"w": 0.3 * jax.random.normal(k_in, (64, hidden or 10))}
    if hidden:
        start["out"] = 0.1 * jax.random.normal(k_out, (hidden, 10))
    form = bent if hidden else straight
    images, labels = digits("train")

    @jax.grad
    def slope(weights, key):
        keys = jax.random.split(key, len(images))
        seen = jax.vmap(lambda k, x: dropped(k, x, keep))(keys, images)
        logits = jax.vmap(lambda x: form(x, **weights))(seen)
        return jnp.mean(jax.vmap(classify.cross_entropy)(logits, labels))

    def step(state, i):
        weights, speed = state
        change = slope(weights, jax.random.fold_in(k_drop, i))
        speed = jax.tree.map(lambda v, g: 0.9 * v - 0.1 * g, speed, change)
        return (jax.tree.map(jnp.add, weights, speed), speed), None

    still = jax.tree.map(jnp.zeros_like, start)
    train = jax.jit(lambda: jax.lax.scan(step, (start, still), jnp.arange(300))[0][0])
    return Partial(form, **train())


def rounded(key, x):
    """Four grey levels: the gradient is zero."""
    return jnp.round(3.0 * x) / 3.0


def rippled(key, x):
    """Ripples too small to see, whose slope is sixty times that of the image."""
    return x + 0.02 * jnp.sin(3e3 * x)


def dropped(key, x, keep=0.3):
    """Most pixels lost, others with each key."""
    return x * jax.random.bernoulli(key, keep, x.shape) / keep


def saturated(x, classifier):
    """Probabilities in place of logits, all of them 0 or 1."""
    return jax.nn.softmax(40.0 * classifier(x))


def attacked(attack, images, labels, seed=1):
    """x_adv [N, H, W, C] of a one-image attack."""
    return _mapped(attack, jax.random.key(seed), images, labels)


def classes(model, images, keys=1, seed=2):
    """What `model(key, x)` answers, [N, M], under keys that no attack has seen."""
    return _answered(model, jax.random.key(seed), images, jnp.arange(keys))


@jax.jit
def _mapped(attack, key, images, labels):
    return purifax.batched(attack)(key, images, labels)


@jax.jit
def _answered(model, key, images, keys):
    def answers(key, x):
        return jax.lax.map(
            lambda m: jnp.argmax(model(jax.random.fold_in(key, m), x)), keys
        )

    return purifax.batched(answers)(key, images)
