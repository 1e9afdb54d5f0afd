"""Tangent kernels, of networks as they are and of infinitely wide ones.

    Theta(x, x') = <J(x), J(x')> / K

with J the Jacobian of the outputs in the parameters, averaged over the K outputs.

Source: Jacot et al. 2018, arXiv 1806.07572 (the kernel); Williams 1997 ("Computing with
infinite networks") and Lee et al. 2019, arXiv 1902.06720 (the kernel for the error
function).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["Kernel", "ntk", "ntk_erf"]

Kernel: TypeAlias = Callable[[Array, Array], Array]
"""`kernel(xs [N, ...], ys [M, ...]) -> [N, M]`."""


def ntk(
    xs: Array, ys: Array, function: Callable[[Any, Array], Array], params: Any
) -> Array:
    """The tangent kernel of a network as it is, [N, M]; memory for N + M gradients.

    Args:
        xs: [N, ...]; ys: [M, ...], images.
        function: `(params, x) -> outputs [K]`, of one image.
        params: any pytree.

    >>> linear = lambda w, x: w @ x
    >>> xs = jnp.array([[1.0, 2.0], [3.0, 0.0]])
    >>> ntk(xs, xs, linear, jnp.ones((3, 2))).tolist()
    [[5.0, 3.0], [3.0, 9.0]]
    """
    count = jax.eval_shape(function, params, xs[0]).shape[0]

    @jax.checkpoint
    def of_output(total: Array, one: Array) -> tuple[Array, None]:
        def gradient(x: Array) -> Any:
            return jax.grad(lambda p: jnp.sum(one * function(p, x)))(params)

        rows, columns = jax.vmap(gradient)(xs), jax.vmap(gradient)(ys)
        products = jax.tree.map(_products, rows, columns)
        return total + sum(jax.tree.leaves(products)), None

    zero = jnp.zeros((xs.shape[0], ys.shape[0])) + 0 * jnp.sum(xs) + 0 * jnp.sum(ys)
    return jax.lax.scan(of_output, zero, jnp.eye(count))[0] / count


def ntk_erf(
    xs: Array,
    ys: Array,
    variances: Array,
) -> Array:
    """The tangent kernel of infinitely wide dense layers with the error function.

    Every layer, the last one too, is erf(W h / sqrt(width) + b).

    Args:
        xs: [N, ...]; ys: [M, ...], images, whose values are the inputs.
        variances: [L, 2], of weights and biases of each layer: published are 5 layers
            of 1.76 and 0.18.

    Returns:
        [N, M].

    >>> xs = jnp.array([[1.0, 0.0], [0.0, 1.0]])
    >>> round(float(ntk_erf(xs, xs, jnp.array([[2.0, 0.0]]))[0, 0]), 4)
    0.5694
    """
    xs, ys = xs.reshape(xs.shape[0], -1), ys.reshape(ys.shape[0], -1)
    size = xs.shape[1]
    both = jnp.matmul(xs, ys.T, precision="highest") / size
    left, right = (jnp.sum(jnp.square(v), axis=1) / size for v in (xs, ys))

    def layer(state: tuple[Array, ...], variance: Array) -> tuple[tuple, None]:
        both, left, right, tangent = state
        weight, bias = variance
        both, left, right = (weight * v + bias for v in (both, left, right))
        tangent = both + weight * tangent
        scale = (1 + 2 * left)[:, None] * (1 + 2 * right)[None, :]
        slope = 4 / jnp.pi / jnp.sqrt(scale - 4 * jnp.square(both))
        both = _arc(2 * both / jnp.sqrt(scale))
        left, right = (_arc(2 * v / (1 + 2 * v)) for v in (left, right))
        return (both, left, right, slope * tangent), None

    return jax.lax.scan(layer, (both, left, right, 0 * both), variances)[0][3]


def _products(rows: Array, columns: Array) -> Array:
    """Inner products of all pairs, [N, M]."""
    a, b = (v.reshape(v.shape[0], -1) for v in (rows, columns))
    return jnp.matmul(a, b.T, precision="highest")


def _arc(cosine: Array) -> Array:
    return 2 / jnp.pi * jnp.arcsin(cosine)
