"""Descent of the perturbations of a set together, on an objective of all of them.

    x_j <- project(x_j - step r(dL / dx_j))      L = objective(key, x_1 .. x_P)

for poisons that act as a set: what matters is the mean of their gradients or features.
The rule r is that of an optimiser: `adam`, `signed_adam` or `radam`.

Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1 (Adam); Liu et al. 2020, arXiv
1908.03265, algorithm 2 (RAdam); Geiping et al. 2021, arXiv 2009.02276 (Adam on the
signs of gradients, restarts).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.attack import at_image
from purifax.threat import Threat
from purifax.types import noun

__all__ = [
    "Moments",
    "Objective",
    "Rule",
    "adam",
    "at_rest",
    "best_of_starts",
    "descend",
    "descend_step",
    "mean_objective",
    "radam",
    "signed_adam",
]

Objective: TypeAlias = Callable[[Array, Array], Array]
"""`objective(key, images [P, ...]) -> []`, low where the poison does its work."""

_TINY = 1e-24


@noun
@dataclass(frozen=True)
class Moments:
    """What an optimiser remembers of the gradients it has seen.

    Attributes:
        first, second: their running mean and mean square, like them.
        count: how many there were, [].
    """

    first: Array
    second: Array
    count: Array


Rule: TypeAlias = Callable[[Moments, Array], tuple[Moments, Array]]
"""`rule(moments, gradient) -> (moments, way)`; a step goes against the way."""


def at_rest(x: Array) -> Moments:
    """Moments before the first gradient.

    >>> at_rest(jnp.ones(2)).first.tolist()
    [0.0, 0.0]
    """
    return Moments(0 * x, 0 * x, jnp.sum(0 * x))


def adam(
    moments: Moments,
    gradient: Array,
    *,
    first: float = 0.9,
    second: float = 0.999,
    tiny: float = 1e-8,
) -> tuple[Moments, Array]:
    """The way of Adam: a gradient divided by its running size.

    >>> _, way = adam(at_rest(jnp.zeros(2)), jnp.array([7.0, -0.5]))
    >>> way.round(4).tolist()
    [1.0, -1.0]
    """
    moments, mean, size = _updated(moments, gradient, first, second)
    return moments, mean / (size + tiny)


def signed_adam(moments: Moments, gradient: Array) -> tuple[Moments, Array]:
    """Adam on the sign of a gradient.

    >>> _, way = signed_adam(at_rest(jnp.zeros(2)), jnp.array([7.0, -1e-9]))
    >>> way.round(4).tolist()
    [1.0, -1.0]
    """
    return adam(moments, jnp.sign(gradient))


def radam(
    moments: Moments,
    gradient: Array,
    *,
    first: float = 0.9,
    second: float = 0.999,
    tiny: float = 1e-8,
) -> tuple[Moments, Array]:
    """The way of RAdam: Adam once its mean square is reliable, the mean before.

    >>> _, way = radam(at_rest(jnp.zeros(2)), jnp.array([7.0, -0.5]))
    >>> way.round(4).tolist()
    [7.0, -0.5]
    """
    moments, mean, size = _updated(moments, gradient, first, second)
    longest, count = 2 / (1 - second) - 1, moments.count
    length = longest - 2 * count * second**count / _left(second, count)
    reliable = length > 5
    safe = jnp.where(reliable, length, 6.0)
    rectified = jnp.sqrt(
        (safe - 4) * (safe - 2) * longest / ((longest - 4) * (longest - 2) * safe)
    )
    return moments, jnp.where(reliable, rectified * mean / (size + tiny), mean)


def descend_step(
    key: Array,
    images: Array,
    poisoned: Array,
    moments: Moments,
    objective: Objective,
    threat: Threat,
    step_size: Array | float,
    *,
    rule: Rule = Partial(adam),
) -> tuple[Array, Moments, Array]:
    """One step of all images, each projected into the threat's set around its own.

    Args:
        images, poisoned: [P, H, W, C], clean and as they are now.
        objective: `(key, images) -> []`, as a `Partial`.

    Returns:
        The poisoned images, the moments, and the objective before the step, [].

    >>> from purifax.threat import Linf
    >>> x, total = jnp.full((2, 1, 1, 1), 0.5), lambda key, x: jnp.sum(x)
    >>> args = None, x, x, at_rest(x), total, Linf(0.25), 0.125
    >>> descend_step(*args)[0].ravel().round(4).tolist()
    [0.375, 0.375]
    """
    loss, g = jax.value_and_grad(lambda x: objective(key, x))(poisoned)
    moments, way = rule(moments, jnp.where(jnp.isfinite(g), g, 0.0))
    moved = poisoned - jnp.asarray(step_size, images.dtype) * way
    return jax.vmap(threat.project)(moved, images), moments, loss


def descend(
    key: Array,
    images: Array,
    objective: Objective,
    threat: Threat,
    step_sizes: Array,
    *,
    rule: Rule = Partial(adam),
    start: Callable[[Array, Array, Threat], Array] = Partial(at_image),
) -> tuple[Array, Array]:
    """Perturbations that bring an objective of the whole set down.

    Args:
        images: float [P, H, W, C] in [0, 1].
        threat: of every image on its own.
        step_sizes: [T], in [0, 1] pixel units.
        start: `(key, x, threat) -> x_adv` for one image: `at_image`, or `at_normal`.

    Returns:
        delta, like images, and the objective before each step, [T].

    >>> from purifax.threat import Linf
    >>> x, total = jnp.full((2, 1, 1, 1), 0.5), lambda key, x: jnp.sum(x)
    >>> delta, _ = descend(jax.random.key(0), x, total, Linf(0.25), jnp.full(4, 0.125))
    >>> delta.ravel().tolist()
    [-0.25, -0.25]
    """
    k_start, k_steps = jax.random.split(key)

    def begin(i: Array, x: Array) -> Array:
        return threat.project(start(jax.random.fold_in(k_start, i), x, threat), x)

    def step(state: tuple[Array, Moments], at: tuple[Array, Array]) -> tuple:
        i, size = at
        k_step = jax.random.fold_in(k_steps, i)
        x, moments, loss = descend_step(
            k_step, images, *state, objective, threat, size, rule=rule
        )
        return (x, moments), loss

    first = jax.vmap(begin)(jnp.arange(images.shape[0]), images)
    steps = jnp.arange(step_sizes.shape[0]), step_sizes
    (x, _), losses = jax.lax.scan(step, (first, at_rest(images)), steps)
    return x - images, losses


def best_of_starts(
    key: Array,
    images: Array,
    crafting: Callable[[Array, Array], tuple[Array, Array]],
    objective: Objective,
    restarts: Array,
) -> tuple[Array, Array]:
    """Runs of one descent under several keys, of which the lowest at its end is kept.

    They are compared under one key, the same for all.

    Args:
        crafting: `descend` with all but key and images bound, as a `Partial`.
        restarts: int [R], folded into the key.

    Returns:
        delta, like images, and the final objective of every run, [R]; one that is not
        finite is never kept.

    >>> guess = lambda key, x: (0 * x + jax.random.normal(key), None)
    >>> far = lambda key, x: jnp.sum(x**2)
    >>> args = jax.random.key(0), jnp.zeros((1, 1, 1, 1)), guess, far, jnp.arange(5)
    >>> delta, ends = best_of_starts(*args)
    >>> bool(delta[0, 0, 0, 0] ** 2 == ends.min())
    True
    """
    k_craft, k_judge = jax.random.split(key)

    def again(r: Array) -> tuple[Array, Array]:
        delta, _ = crafting(jax.random.fold_in(k_craft, r), images)
        return delta, objective(k_judge, images + delta)

    found, ends = jax.lax.map(again, restarts)
    best = jnp.argmin(jnp.where(jnp.isfinite(ends), ends, jnp.inf))
    return jax.lax.dynamic_index_in_dim(found, best, keepdims=False), ends


def mean_objective(key: Array, images: Array, objectives: Sequence[Objective]) -> Array:
    """The mean of several objectives, such as one for each network of an ensemble, [].

    >>> one, three = (lambda key, x: jnp.sum(x)), (lambda key, x: 3 * jnp.sum(x))
    >>> float(mean_objective(jax.random.key(0), jnp.ones(1), (one, three)))
    2.0
    """
    draws = enumerate(objectives)
    found = [fn(jax.random.fold_in(key, i), images) for i, fn in draws]
    return jnp.mean(jnp.stack(found))


def _updated(
    moments: Moments, gradient: Array, first: float, second: float
) -> tuple[Moments, Array, Array]:
    """The moments after a gradient, and mean and size without their start at zero."""
    count = moments.count + 1
    mean = first * moments.first + (1 - first) * gradient
    square = second * moments.second + (1 - second) * jnp.square(gradient)
    size = jnp.sqrt(square / _left(second, count) + _TINY)
    return Moments(mean, square, count), mean / _left(first, count), size


def _left(decay: float, count: Array) -> Array:
    """1 - decay^count, without loss of digits."""
    return -jnp.expm1(count * math.log(decay))
