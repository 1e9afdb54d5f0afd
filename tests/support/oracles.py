"""Small exact worlds for the tests: asymmetric, so that signs cannot cancel."""

import jax
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import score

SHAPE = (4, 4, 2)
CLASSES = 3


def image(seed=0):
    return jax.random.uniform(jax.random.key(100 + seed), SHAPE)


def mixture():
    """A smooth score with curvature: two blobs of unequal weight and width."""
    means = jax.random.uniform(jax.random.key(7), (2, *SHAPE), minval=0.2, maxval=0.8)
    return score.Mixture(
        means=means,
        variances=jnp.array([0.02, 0.05]),
        log_weights=jnp.array([0.3, -0.4]),
    )


def weights():
    key = jax.random.key(11)
    return jax.random.normal(key, (CLASSES, *SHAPE))


def _linear(x, w):
    return jnp.tensordot(w, x, axes=x.ndim)


def _bent(x, w):
    return jnp.tanh(0.3 * jnp.tensordot(w, jnp.sin(3 * x), axes=x.ndim))


def linear_classifier():
    return Partial(_linear, w=weights())


def bent_classifier():
    return Partial(_bent, w=weights())
