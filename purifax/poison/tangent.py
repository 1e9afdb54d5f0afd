"""NTGA: training images that make a trained network wrong about others, by its kernel.

A wide network trained on (X, Y) for a time t by gradient descent on squared errors says
of an image x, with Theta its neural tangent kernel,

    f(x; t) = Theta(x, X) Theta(X, X)^-1 (I - exp(-t Theta(X, X))) Y

so that its errors on held-out images have a gradient in X. The kernel is that of any
network at its parameters, from its Jacobian J,

    Theta(x, x') = <J(x), J(x')> / K         averaged over the K outputs

or in closed form for an infinitely wide one. The subject is a block of images.

Source: Yuan and Wu 2021, "Neural Tangent Generalization Attacks", International
Conference on Machine Learning, and its released code, in double precision; Jacot et al.
2018, arXiv 1806.07572 (the kernel); Williams 1997 ("Computing with infinite networks")
and Lee et al. 2019, arXiv 1902.06720 (the kernel for the error function).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
from jax import Array
from jax import numpy as jnp

from purifax.classify import cross_entropy
from purifax.poison.spectrum import relaxation
from purifax.threat import Threat

__all__ = ["Kernel", "ntga", "ntga_loss", "ntk", "ntk_erf", "tangent_fit"]

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


def tangent_fit(
    within: Array,
    targets: Array,
    time: Array | float,
    *,
    ridge: Array | float = 1e-4,
) -> Array:
    """What training for a time makes of the labels, [N, K].

    A kernel of other images with these, [M, N], times this, is what the network then
    says of them.

    Args:
        within: kernel of the training images, [N, N].
        targets: [N, K], one-hot labels or any others.
        time: learning rate times number of steps, for the sum of squared errors / 2.
            The released code divides its t by N K before: its 64 is 64 / (512 * 10).
        ridge: added to the diagonal, relative to its mean.

    >>> tangent_fit(2 * jnp.eye(1), jnp.ones((1, 1)), 1e3, ridge=1.0).tolist()
    [[0.25]]
    """
    size = within.shape[0]
    more = ridge * jnp.trace(within) / size
    regular = within + more * jnp.eye(size, dtype=within.dtype)
    return jnp.matmul(relaxation(regular, time), targets, precision="highest")


def ntga_loss(
    images: Array,
    targets: Array,
    seen: Array,
    labels: Array,
    kernel: Kernel,
    time: Array | float,
    *,
    ridge: Array | float = 1e-4,
) -> Array:
    """The cross-entropy on held-out images of a network trained on some, [].

    Args:
        images: the training images, float [N, ...] in [0, 1].
        targets: their labels, one-hot [N, K].
        seen: held-out images, [V, B, ...], in V parts that are done one by one.
        labels: int [V, B].
        kernel: as a `Partial`.
        time, ridge: as in `tangent_fit`.

    >>> kernel = lambda xs, ys: xs @ ys.T
    >>> args = jnp.eye(2), jnp.eye(2), 3 * jnp.eye(2)[None], jnp.arange(2)[None]
    >>> round(float(ntga_loss(*args, kernel, 99.0)), 4)
    0.0486
    """
    fit = tangent_fit(kernel(images, images), targets, time, ridge=ridge)

    @jax.checkpoint
    def part(row: tuple[Array, Array]) -> Array:
        said = jnp.matmul(kernel(row[0], images), fit, precision="highest")
        return jnp.mean(jax.vmap(cross_entropy)(said, row[1]))

    return jnp.mean(jax.lax.map(part, (seen, labels)))


def ntga(
    images: Array,
    targets: Array,
    seen: Array,
    labels: Array,
    kernel: Kernel,
    time: Array | float,
    threat: Threat,
    step_sizes: Array,
    *,
    ridge: Array | float = 1e-4,
) -> tuple[Array, Array]:
    """Perturbations of a block that raise the errors of a network trained on it.

    The released code begins every step anew at the clean images with the whole radius,
    and so repeats one step: that is `step_sizes=jnp.array([radius])`.

    Args:
        images: float [N, H, W, C] in [0, 1], one block; published are 512.
        seen, labels: [V, B, ...] and [V, B]; published are 10,000 images that are not
            poisoned.
        time: published are t = 64, or 4,096 for dense and 8 for convolutional layers on
            CIFAR-10, each divided by N K here.
        threat: `Linf(8 / 255)` is published.
        step_sizes: [T], published are 10 of 1.1 radius / 10.

    Returns:
        delta, like images, and the loss before each step, [T].

    >>> from purifax.threat import Linf
    >>> kernel = lambda xs, ys: jnp.sum(xs, (1, 2, 3))[:, None] * jnp.sum(ys, (1, 2, 3))
    >>> x, targets = jnp.full((1, 1, 1, 1), 0.5), jnp.array([[1.0, 0.0]])
    >>> args = x, targets, x[None], jnp.array([[0]]), kernel, 1.0
    >>> ntga(*args, Linf(0.25), jnp.full(4, 0.1))[0].tolist()
    [[[[-0.25]]]]
    """

    def loss(x: Array) -> Array:
        return ntga_loss(x, targets, seen, labels, kernel, time, ridge=ridge)

    def step(x: Array, size: Array) -> tuple[Array, Array]:
        before, g = jax.value_and_grad(loss)(x)
        g = jnp.where(jnp.isfinite(g), g, 0.0)
        moved = jax.vmap(lambda y, way: threat.ascend(y, way, size))(x, g)
        return jax.vmap(threat.project)(moved, images), before

    x, losses = jax.lax.scan(step, images, step_sizes)
    return x - images, losses


def _products(rows: Array, columns: Array) -> Array:
    """Inner products of all pairs, [N, M]."""
    a, b = (v.reshape(v.shape[0], -1) for v in (rows, columns))
    return jnp.matmul(a, b.T, precision="highest")


def _arc(cosine: Array) -> Array:
    return 2 / jnp.pi * jnp.arcsin(cosine)
