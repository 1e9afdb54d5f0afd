"""Perturbations shared by a class, made against a given network, batch by batch.

The subject is a batch: these take images with a leading axis. Patterns stay in the
threat's ball; that x + pattern stays in [0, 1] is left to injection, since one pattern
meets many images.

Source: Huang et al. 2021, arXiv 2101.04898, released code (class-wise EM); Tao et al.
2021, arXiv 2102.04716, released code (P3, P4).
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax.attack.pgd_attack import gradient
from purifax.classify import cross_entropy
from purifax.poison.errors import own_loss
from purifax.threat import Threat
from purifax.transform.batching import batched
from purifax.types import Model

__all__ = ["in_ball", "minimise_by_class", "universal_step"]


def minimise_by_class(
    key: Array,
    images: Array,
    labels: Array,
    patterns: Array,
    model: Model,
    threat: Threat,
    step_size: Array | float,
    *,
    index: Array | None = None,
) -> Array:
    """One step of class-wise error-minimising noise: the mean of its images' steps.

    Every image steps from the pattern of its class, and is projected; the new pattern
    is the mean over the images of the class. A class without images keeps its own.

    Args:
        images: float [B, H, W, C] in [0, 1].
        labels: int [B].
        patterns: [K, H, W, C]; zeros at first.
        model: `(key, x) -> logits`.
        step_size: 0.8/255 is published, once for each batch.
        index: int [B], positions of the images in their set, which give their keys;
            0 .. B - 1 by default.

    Returns:
        patterns, [K, H, W, C].

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), 0.0])
    >>> args = jnp.full((2, 1, 1, 1), 0.5), jnp.array([1, 1]), jnp.zeros((2, 1, 1, 1))
    >>> key, threat = jax.random.key(0), Linf(0.25)
    >>> minimise_by_class(key, *args, model, threat, 0.125).ravel().tolist()
    [0.0, -0.125]
    """

    def one(k: Array, x: Array, label: Array) -> Array:
        delta = patterns[label]
        x_adv = jnp.clip(x + delta, 0.0, 1.0)
        g = gradient(k, x_adv, label, model, own_loss)
        return in_ball(threat.ascend(delta, g, step_size), threat)

    moved = batched(one)(key, images, labels, index=index)
    own = jax.nn.one_hot(labels, patterns.shape[0], dtype=patterns.dtype)
    count = jnp.sum(own, axis=0)[:, None, None, None]
    total = jnp.einsum("bk,bijc->kijc", own, moved, precision="highest")
    return jnp.where(count > 0, total / jnp.maximum(count, 1.0), patterns)


def universal_step(
    key: Array,
    images: Array,
    pattern: Array,
    target: Array,
    model: Model,
    threat: Threat,
    step_size: Array | float,
    *,
    index: Array | None = None,
) -> Array:
    """One step of the pattern that makes any image look like the target.

    It follows the gradient of the mean loss over a batch, whatever its classes are. One
    such pattern for each class k gives P4 when added to class k itself, and P3 when
    that of class k + 1 is added to class k: `jnp.roll(patterns, -1, axis=0)`.

    Args:
        images: float [B, H, W, C] in [0, 1].
        pattern: [H, W, C]; zeros at first.
        target: int [].
        threat: `L2(0.5)` is published.
        step_size: a fifth of the radius is published, 500 times.
        index: int [B], as in `minimise_by_class`.

    Returns:
        pattern, [H, W, C].

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), 0.0])
    >>> args = jnp.full((2, 1, 1, 1), 0.5), jnp.zeros((1, 1, 1)), jnp.array(0)
    >>> universal_step(jax.random.key(0), *args, model, Linf(0.25), 0.125).tolist()
    [[[0.125]]]
    """

    def loss(pattern: Array) -> Array:
        def one(k: Array, x: Array) -> Array:
            return cross_entropy(model(k, jnp.clip(x + pattern, 0.0, 1.0)), target)

        return jnp.mean(batched(one)(key, images, index=index))

    return in_ball(threat.ascend(pattern, -jax.grad(loss)(pattern), step_size), threat)


def in_ball(delta: Array, threat: Threat) -> Array:
    """A perturbation of no image in particular, projected into the threat's ball.

    It is projected around grey, where the box [0, 1] is far.

    >>> from purifax.threat import Linf
    >>> in_ball(jnp.array([-1.0, 0.25]), Linf(0.25)).tolist()
    [-0.25, 0.25]
    """
    grey = jnp.full_like(delta, 0.5)
    return threat.project(grey + delta, grey) - grey
