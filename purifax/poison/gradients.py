"""Gradient matching (Witches' Brew): poisons whose training step is the attacker's.

    g_t = d/dtheta  L(f(x_t), y_adv)             the step that would misclassify x_t
    g_p = d/dtheta  mean_j L(f(x_j + delta_j), y_j)         the step the victim takes
    min_delta  1 - <g_t, g_p> / (|g_t| |g_p|)

over all parameters theta of a network trained on clean data, whose gradient is taken
twice. Labels stay right, and the target is never trained on.

What a network learns from is `learning(params, key, x, label) -> []`, the loss of one
image as a function of any pytree of parameters. Running averages are bound beside it,
since a victim does not descend on them.

Source: Geiping et al. 2021, arXiv 2009.02276 ("Witches' Brew"), and its released code.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.poison.descend import best_of_starts, descend, signed_adam
from purifax.poison.errors import at_normal
from purifax.poison.jitter import Transform, jitter
from purifax.threat import Threat

__all__ = [
    "Learning",
    "gradient_matching",
    "gradient_mismatch",
    "mismatch",
    "target_gradient",
]

Learning: TypeAlias = Callable[[Any, Array, Array, Array], Array]
"""`learning(params, key, x, label) -> []`, the training loss of one image."""

_TINY = 1e-24


def target_gradient(
    key: Array, images: Array, labels: Array, params: Any, learning: Learning
) -> Any:
    """The mean gradient of the loss of some images in the parameters, like them.

    For the attacker: the target alone, [1, H, W, C], with the label it is to get.

    >>> square = lambda params, key, x, label: (params - jnp.sum(x) * label) ** 2
    >>> args = jnp.array([[3.0]]), jnp.array([1]), jnp.array(1.0), square
    >>> float(target_gradient(jax.random.key(0), *args))
    -4.0
    """

    def total(params: Any) -> Array:
        def one(i: Array, x: Array, label: Array) -> Array:
            return learning(params, jax.random.fold_in(key, i), x, label)

        return jnp.mean(jax.vmap(one)(jnp.arange(images.shape[0]), images, labels))

    return jax.grad(total)(params)


def mismatch(one: Any, other: Any) -> Array:
    """1 - cosine of two pytrees of the same structure, [], in [0, 2].

    >>> float(mismatch([jnp.array([2.0]), jnp.zeros(2)], [jnp.ones(1), jnp.zeros(2)]))
    0.0
    """
    size = jnp.sqrt((_dot(one, one) + _TINY) * (_dot(other, other) + _TINY))
    return 1.0 - _dot(one, other) / size


def gradient_mismatch(
    key: Array,
    images: Array,
    labels: Array,
    target: Any,
    params: Any,
    learning: Learning,
    *,
    transform: Transform = Partial(jitter),
) -> Array:
    """How far the step that poisons cause is from the step that is wanted, [].

    An objective for `descend` once all but key and images are bound by name. Several
    networks: `mean_objective` of one for each.

    Args:
        images: the poisoned ones, float [P, H, W, C] in [0, 1].
        labels: int [P], their own.
        target: from `target_gradient`, of the same parameters.
        transform: `(key, x) -> x`; `jitter` by up to 8 pixels of 32 is published, so
            bind `largest` to a quarter of the side of other images.

    >>> square = lambda params, key, x, label: (params - jnp.sum(x)) ** 2
    >>> still = lambda key, x: x
    >>> args = jnp.array([[3.0], [5.0]]), jnp.array([0, 1]), jnp.array(-7.0)
    >>> key, more = jax.random.key(0), (jnp.array(1.0), square)
    >>> float(gradient_mismatch(key, *args, *more, transform=still))
    0.0
    """
    k_transform, k_loss = jax.random.split(key)

    def seen(i: Array, x: Array) -> Array:
        return transform(jax.random.fold_in(k_transform, i), x)

    shown = jax.vmap(seen)(jnp.arange(images.shape[0]), images)
    return mismatch(target, target_gradient(k_loss, shown, labels, params, learning))


def gradient_matching(
    key: Array,
    images: Array,
    labels: Array,
    target: Any,
    params: Any,
    learning: Learning,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
    *,
    transform: Transform = Partial(jitter),
) -> tuple[Array, Array]:
    """Perturbations of some images of the adversarial class that match a gradient.

    Signed Adam from normal noise, and the lowest of several restarts.

    Args:
        images: float [P, H, W, C] in [0, 1]; published are 500 of 50,000, of the class
            that the target is to get, all in one batch.
        threat: `Linf(8 / 255)`, or 16/255.
        step_sizes: [T], published are 250 of 0.1 in units of a standard deviation of
            the data (some 0.025 on CIFAR-10), times 0.1 from steps 93, 156 and 218.
        restarts: int [R], published are 8.

    Returns:
        delta, like images, and the mismatch at the end of every restart, [R].

    >>> from purifax.threat import Linf
    >>> square = lambda params, key, x, label: (params - jnp.sum(x)) ** 2
    >>> args = jnp.full((1, 1, 1, 1), 0.6), jnp.array([0]), jnp.array(1.0), 0.5, square
    >>> key, more = jax.random.key(0), (Linf(0.25), jnp.full(9, 0.1), jnp.arange(2))
    >>> delta, ends = gradient_matching(key, *args, *more, transform=lambda key, x: x)
    >>> bool(ends.min() < 1e-6)
    True
    """
    objective = Partial(
        gradient_mismatch,
        labels=labels,
        target=target,
        params=params,
        learning=learning,
        transform=transform,
    )
    crafting = Partial(
        descend,
        objective=objective,
        threat=threat,
        step_sizes=step_sizes,
        rule=Partial(signed_adam),
        start=Partial(at_normal),
    )
    return best_of_starts(key, images, crafting, objective, restarts)


def _dot(one: Any, other: Any) -> Array:
    products = jax.tree.map(lambda a, b: jnp.sum(a * b), one, other)
    return sum(jax.tree.leaves(products), start=jnp.zeros(()))
