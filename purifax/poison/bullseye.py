"""Bullseye Polytope and Convex Polytope: poisons around a target in feature space.

    bullseye   mean_m  |mean_j phi_m(x_j) - phi_m(t)| / |phi_m(t)|
    polytope   mean_m  min_c |sum_j c_j phi_m(x_j) - phi_m(t)|^2 / (2 |phi_m(t)|^2)

over the networks m of an ensemble, with c in the simplex. A linear layer trained on the
features of the poisons x_j then gives the target t their label.

An extractor is `(key, x) -> features`: one vector, before the last layer, when that
layer alone will be trained; a sequence of arrays, one for each block and with channels
last, when all of the network will be. Lengths are along the last axis, and averaged
over positions and blocks. A network with dropout is random, and draws of it are
averaged (the net repeat of the paper).

Source: Aghakhani et al. 2021, arXiv 2005.00191 (bullseye); Zhu et al. 2019, arXiv
1905.05897, algorithm 1 (convex polytope); the released code of the first: Adam, steps
of 0.04 in units of a standard deviation of the data (some 0.008 on CIFAR-10), 800 of
them (linear), 1,500 (end to end) or 4,000 (convex polytope), with perturbations of at
most 0.1 in every pixel.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
from jax import Array
from jax import numpy as jnp

__all__ = [
    "Extractor",
    "bullseye",
    "convex_polytope",
    "onto_simplex",
    "polytope_weights",
    "target_features",
]

Extractor: TypeAlias = Callable[[Array, Array], Any]
"""`extractor(key, x) -> features`, an array or a sequence of arrays."""

_TINY = 1e-24


def target_features(
    key: Array, x: Array, extractors: Sequence[Extractor]
) -> tuple[Any, ...]:
    """The features of the target under every network, once and for all.

    >>> double, key = (lambda key, x: 2 * x), jax.random.key(0)
    >>> target_features(key, jnp.ones(2), [double])[0].tolist()
    [2.0, 2.0]
    """
    draws = enumerate(extractors)
    return tuple(fn(jax.random.fold_in(key, i), x) for i, fn in draws)


def bullseye(
    key: Array,
    images: Array,
    aims: Sequence[Any],
    extractors: Sequence[Extractor],
    draws: Array,
) -> Array:
    """How far the mean of the poisons' features is from those of the target, [].

    An objective for `descend` once all but key and images are bound by name.

    Args:
        images: the poisoned ones, float [P, H, W, C] in [0, 1]; published are 5 to 50
            of the class that the target is to get.
        aims: from `target_features`, for the same extractors.
        draws: int [R], folded into the keys of the extractors: `jnp.arange(1)`, or 3
            or 5 draws of networks with dropout.

    Returns:
        Scalar, 1 for features of mean zero. Positions without any feature of the target
        are left out; the released code divides by zero there.

    >>> args = [jnp.array([3.0, 4.0])], [lambda key, x: x], jnp.arange(1)
    >>> images = jnp.array([[3.0, 0.0], [3.0, 2.0]])
    >>> round(float(bullseye(jax.random.key(0), images, *args)), 4)
    0.6
    """
    losses = []
    for means, aim in _paired(key, images, aims, extractors, draws):
        pairs = zip(jax.tree.leaves(means), jax.tree.leaves(aim), strict=True)
        blocks = [_apart(jnp.mean(mean, axis=0), a) for mean, a in pairs]
        losses.append(jnp.mean(jnp.stack(blocks)))
    return jnp.mean(jnp.stack(losses))


def convex_polytope(
    key: Array,
    images: Array,
    aims: Sequence[Any],
    extractors: Sequence[Extractor],
    draws: Array,
    steps: Array,
) -> Array:
    """How far the target is from the polytope of the poisons' features, [].

    The weights of every network and block are those of the nearest point, found anew;
    no gradient flows into them. Arguments otherwise as for `bullseye`.

    Args:
        steps: [I], of the search for the weights, relative to the largest that is safe:
            `jnp.ones(500)`.

    >>> args = [jnp.array([3.0, 4.0])], [lambda key, x: x], jnp.arange(1), jnp.ones(50)
    >>> images = jnp.array([[3.0, 0.0], [3.0, 5.0]])
    >>> abs(round(float(convex_polytope(jax.random.key(0), images, *args)), 4))
    0.0
    """
    losses = []
    for means, aim in _paired(key, images, aims, extractors, draws):
        blocks = []
        for mean, a in zip(jax.tree.leaves(means), jax.tree.leaves(aim), strict=True):
            rows, wanted = mean.reshape(mean.shape[0], -1), a.ravel()
            found = polytope_weights(*jax.lax.stop_gradient((rows, wanted)), steps)
            rest = jnp.sum(jnp.square(_combined(found, rows) - wanted))
            blocks.append(rest / (2 * jnp.sum(jnp.square(wanted)) + _TINY))
        losses.append(jnp.mean(jnp.stack(blocks)))
    return jnp.mean(jnp.stack(losses))


def polytope_weights(rows: Array, aim: Array, steps: Array) -> Array:
    """Weights of the point of a polytope that is nearest to an aim, [P].

    Projected gradient descent from equal weights, each step at most 1 / the largest
    curvature.

    Args:
        rows: the corners, [P, D].
        aim: [D].
        steps: [I], relative to that step; 1 is safe.

    >>> rows = jnp.array([[0.0, 1.0], [4.0, 1.0]])
    >>> polytope_weights(rows, jnp.array([1.0, 0.0]), jnp.ones(50)).round(4).tolist()
    [0.75, 0.25]
    """
    products = jnp.matmul(rows, rows.T, precision="highest")
    toward = jnp.matmul(rows, aim, precision="highest")
    # No eigenvalue is larger than the largest sum of sizes along a row.
    curvature = jnp.maximum(jnp.max(jnp.sum(jnp.abs(products), axis=1)), _TINY)

    def step(weights: Array, size: Array) -> tuple[Array, None]:
        slope = jnp.matmul(products, weights, precision="highest") - toward
        return onto_simplex(weights - size * slope / curvature), None

    count = rows.shape[0]
    equal = jnp.full(count, 1 / count, rows.dtype) + 0 * toward
    return jax.lax.scan(step, equal, steps)[0]


def onto_simplex(v: Array) -> Array:
    """The nearest point with entries that are not negative and sum to one, like v.

    Source: Duchi et al. 2008, "Efficient projections onto the l1-ball", figure 1.

    >>> onto_simplex(jnp.array([0.5, 1.5, -3.0])).tolist()
    [0.0, 1.0, 0.0]
    """
    falling = jnp.sort(v)[::-1]
    number = jnp.arange(1, v.shape[0] + 1, dtype=v.dtype)
    excess = (jnp.cumsum(falling) - 1.0) / number
    kept = jnp.sum((falling > excess).astype(jnp.int32))
    level = jax.lax.dynamic_index_in_dim(excess, kept - 1, keepdims=False)
    return jnp.maximum(v - level, 0.0)


def _paired(
    key: Array,
    images: Array,
    aims: Sequence[Any],
    extractors: Sequence[Extractor],
    draws: Array,
) -> list[tuple[Any, Any]]:
    """For each network, features of the images, [P, ...], and of the target."""

    def features(fn: Extractor, k: Array) -> Any:
        def one(i: Array, x: Array) -> Any:
            k_image = jax.random.fold_in(k, i)
            drawn = jax.vmap(lambda d: fn(jax.random.fold_in(k_image, d), x))(draws)
            return jax.tree.map(lambda a: jnp.mean(a, axis=0), drawn)

        return jax.vmap(one)(jnp.arange(images.shape[0]), images)

    keys = [jax.random.fold_in(key, m) for m in range(len(extractors))]
    pairs = zip(extractors, keys, aims, strict=True)
    return [(features(fn, k), aim) for fn, k, aim in pairs]


def _apart(mean: Array, aim: Array) -> Array:
    """Lengths of the difference along the last axis, relative, their mean, []."""
    size = jnp.sum(jnp.square(aim), axis=-1)
    there = size > 0
    square = jnp.sum(jnp.square(mean - aim), axis=-1) / jnp.where(there, size, 1.0)
    total = jnp.sum(jnp.where(there, jnp.sqrt(square + _TINY), 0.0))
    return total / jnp.maximum(jnp.sum(there.astype(aim.dtype)), 1.0)


def _combined(weights: Array, rows: Array) -> Array:
    return jnp.matmul(weights, rows, precision="highest")
