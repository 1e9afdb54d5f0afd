"""DeepConfuse: a generator of noise judged by what one training step on it does.

    delta = radius xi(x),   xi in [-1, 1]
    theta' = theta - rate  d/dtheta  mean L(f_theta(x + delta), y)
    max over xi of   mean L(f_theta'(x), y)

at the parameters theta that a network passes through while it is trained on the noise
of the generator as it was. One gradient is taken through another, and with more rates
through as many steps.

Source: Feng et al. 2019, arXiv 1905.09027 ("Learning to Confuse"): a U-Net that ends in
a tanh, noise of at most 0.032 on CIFAR-10; a round trains the network on its noise and
records the parameters, then goes through them again with the generator.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp

from purifax.poison.gradients import Learning, target_gradient
from purifax.threat import Linf

__all__ = ["after_steps", "damage", "generated"]


def generated(
    key: Array,
    x: Array,
    label: Array,
    generator: Callable[[Array], Array],
    threat: Linf,
) -> Array:
    """The noise of a generator for an image; a maker.

    Args:
        key, label: not used.
        generator: `x -> like x`, in [-1, 1], such as a U-Net that ends in a tanh.
        threat: `Linf(0.032)` is published.

    Returns:
        delta, like x, with x + delta in [0, 1].

    >>> args = None, jnp.full((1, 1, 1), 0.5), None, jnp.sign
    >>> generated(*args, Linf(0.25)).tolist()
    [[[0.25]]]
    """
    del key, label
    return threat.project(x + threat.radius * generator(x), x) - x


def after_steps(
    key: Array,
    images: Array,
    labels: Array,
    params: Any,
    learning: Learning,
    rates: Array,
) -> Any:
    """Parameters after steps of plain gradient descent on a batch, like params.

    Args:
        images: float [B, ...]; labels: int [B].
        learning: `(params, key, x, label) -> []`.
        rates: [T], one for each step.

    >>> square = lambda w, key, x, label: (w - jnp.sum(x)) ** 2
    >>> args = jnp.ones((1, 1)), jnp.array([0]), jnp.array(0.0), square
    >>> float(after_steps(jax.random.key(0), *args, jnp.array([0.25, 0.25])))
    0.75
    """

    def step(params: Any, at: tuple[Array, Array]) -> tuple[Any, None]:
        i, rate = at
        k_step = jax.random.fold_in(key, i)
        g = target_gradient(k_step, images, labels, params, learning)
        return jax.tree.map(lambda p, slope: p - rate * slope, params, g), None

    return jax.lax.scan(step, params, (jnp.arange(rates.shape[0]), rates))[0]


def damage(
    key: Array,
    poisoned: Array,
    images: Array,
    labels: Array,
    params: Any,
    learning: Learning,
    rates: Array,
) -> Array:
    """The clean loss of a network that has just learnt from a poisoned batch, [].

    The generator climbs it: its gradient in `poisoned` is exact.

    Args:
        poisoned, images: float [B, ...] in [0, 1], the same images with and without.
        labels: int [B].
        params: of the network at one point of its training, which stay as they are.
        rates: [T], learning rates of the network; one step is published.

    >>> square = lambda w, key, x, label: (w - jnp.sum(x)) ** 2
    >>> x, labels = jnp.ones((1, 1)), jnp.array([0])
    >>> args = x, labels, jnp.array(0.0), square, jnp.array([0.5])
    >>> float(damage(jax.random.key(0), x, *args))
    0.0
    >>> float(damage(jax.random.key(0), 3 * x, *args))
    4.0
    """
    k_steps, k_loss = jax.random.split(key)
    learnt = after_steps(k_steps, poisoned, labels, params, learning, rates)

    def one(i: Array, x: Array, label: Array) -> Array:
        return learning(learnt, jax.random.fold_in(k_loss, i), x, label)

    return jnp.mean(jax.vmap(one)(jnp.arange(images.shape[0]), images, labels))
