"""Convex Polytope: poisons whose features surround those of a target.

    mean_m  min_c |sum_j c_j phi_m(x_j) - phi_m(t)|^2 / (2 |phi_m(t)|^2)

over the networks m of an ensemble, with c in the simplex. Extractors are as those of
`bullseye`.

Source: Zhu et al. 2019, arXiv 1905.05897, algorithm 1; 4,000 steps as in the released
code of Bullseye Polytope, Aghakhani et al. 2021, arXiv 2005.00191.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.poison.bullseye import Bullseye, Extractor, paired
from purifax.recipe import typed

__all__ = ["ConvexPolytope", "onto_simplex", "polytope_distance", "polytope_weights"]

_TINY = 1e-24


def polytope_distance(
    key: Array,
    images: Array,
    aims: Sequence[Any],
    extractors: Sequence[Extractor],
    draws: Array,
    steps: Array,
) -> Array:
    """How far the target is from the polytope of the poisons' features, [].

    The weights of every network and block are those of the nearest point, found anew;
    no gradient flows into them. Arguments otherwise as for `bullseye_distance`.

    Args:
        steps: [I], of the search for the weights, relative to the largest that is safe:
            `jnp.ones(500)`.

    >>> args = [jnp.array([3.0, 4.0])], [lambda key, x: x], jnp.arange(1), jnp.ones(50)
    >>> images = jnp.array([[3.0, 0.0], [3.0, 5.0]])
    >>> abs(round(float(polytope_distance(jax.random.key(0), images, *args)), 4))
    0.0
    """
    losses = []
    for means, aim in paired(key, images, aims, extractors, draws):
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


def _combined(weights: Array, rows: Array) -> Array:
    return jnp.matmul(weights, rows, precision="highest")


@dataclass(frozen=True)
@typed
class ConvexPolytope(Bullseye):
    """Images whose features have a test image's in their hull (Convex Polytope).

    Source: Zhu et al. 2019, arXiv 1905.05897.
    """

    name: ClassVar[str] = "convex_polytope"

    def _objective(self, aims: Any, extractors: Sequence[Extractor]) -> Partial:
        bound = {"aims": aims, "extractors": extractors, "draws": jnp.arange(1)}
        return Partial(polytope_distance, steps=jnp.ones(500), **bound)
