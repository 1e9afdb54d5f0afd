"""Projected gradient descent, on a model that may be random.

    x <- project(x + step ascend(gradient of the loss at x))

Step i draws its own key, `fold_in(key, i)`, so a random model is averaged along the
path as well as over its draws. The steps are Linf signs or L2 unit gradients, as the
threat says.

Source: Madry et al. 2018, arXiv 1706.06083; with EOT, Athalye et al. 2018, arXiv
1802.00420. Lee and Kim 2023 (arXiv 2303.09051) use 200 steps of 0.007 from the image
itself with 20 draws on CIFAR-10 at Linf 8/255.
"""

from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.classify import cross_entropy
from purifax.threat import L1, Linf, Threat
from purifax.transform.remat import Scan
from purifax.types import Loss, Model

__all__ = ["at_image", "at_random", "at_surface", "gradient", "pgd", "pgd_path"]

Start = Callable[[Array, Array, Threat], Array]
"""`start(key, x, threat) -> x_adv`, where an attack begins."""


def at_random(key: Array, x: Array, threat: Threat) -> Array:
    """A random point of the threat's set."""
    return threat.start(key, x)


def at_image(key: Array, x: Array, threat: Threat) -> Array:
    """The image itself."""
    del key, threat
    return x


def at_surface(key: Array, x: Array, threat: Threat) -> Array:
    """The start published with Auto-PGD: a random point at the radius, clipped.

    Its direction is uniform noise for Linf and Gaussian noise for L2. For L1 it is x
    plus standard Gaussian noise, projected into the set: few pixels remain.
    """
    if isinstance(threat, Linf):
        v = jax.random.uniform(key, x.shape, x.dtype, -1.0, 1.0)
    else:
        v = jax.random.normal(key, x.shape, x.dtype)
    if isinstance(threat, L1):
        return threat.project(x + v, x)
    return threat.project(x + threat.radius * v / threat.distance(v, 0.0 * v), x)


def pgd(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    *,
    loss: Loss = Partial(cross_entropy),
    start: Start = Partial(at_random),
    scan: Scan = jax.lax.scan,
) -> Array:
    """The last iterate of projected gradient descent.

    Args:
        x: image [H, W, C] in [0, 1].
        label: its class [].
        model: `(key, x) -> logits`. With `classify.each` bound, the loss is the
            expected loss over the draws; with `classify.mean_logits` the loss of the
            mean.
        step_sizes: [T], in pixel units.
        loss: what to climb, `(logits, label) -> []`, as a `Partial`.
        start: `at_random` or `at_image`, as a `Partial`.
        scan: runs the loop over steps; one that can be interrupted, for instance.

    Returns:
        x_adv, in the threat's set around x and in [0, 1].

    >>> from purifax.threat import Linf
    >>> w = jnp.array([1.0, -2.0])
    >>> model = lambda key, x: jnp.stack([jnp.sum(w * x[0, 0]), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 2), 0.5), jax.random.key(0)
    >>> pgd(key, x, jnp.array(0), model, Linf(0.125), jnp.full(9, 0.125)) - x
    Array([[[-0.125,  0.125]]], dtype=float32)
    """
    k_start, k_steps = jax.random.split(key)
    step = Partial(_step, k_steps, x, label, model, threat, loss)
    first = threat.project(start(k_start, x, threat), x)
    return scan(step, first, _numbered(step_sizes))[0]


def pgd_path(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    *,
    loss: Loss = Partial(cross_entropy),
    start: Start = Partial(at_random),
    scan: Scan = jax.lax.scan,
) -> Array:
    """Every iterate of `pgd`, [T + 1, H, W, C], its start first."""
    k_start, k_steps = jax.random.split(key)

    def step(x_adv: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
        x_adv, _ = _step(k_steps, x, label, model, threat, loss, x_adv, at)
        return x_adv, x_adv

    first = threat.project(start(k_start, x, threat), x)
    _, path = scan(step, first, _numbered(step_sizes))
    return jnp.concatenate([first[None], path])


def _step(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    loss: Loss,
    x_adv: Array,
    at: tuple[Array, Array],
) -> tuple[Array, None]:
    i, size = at
    g = gradient(jax.random.fold_in(key, i), x_adv, label, model, loss)
    return threat.project(threat.ascend(x_adv, g, size), x), None


def _numbered(step_sizes: Array) -> tuple[Array, Array]:
    return jnp.arange(step_sizes.shape[0]), step_sizes


def gradient(key: Array, x: Array, label: Array, model: Model, loss: Loss) -> Array:
    """The gradient of the loss in x; entries that are not finite count as zero."""
    g = jax.grad(lambda y: loss(model(key, y), label))(x)
    return jnp.where(jnp.isfinite(g), g, 0.0)
