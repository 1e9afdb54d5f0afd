"""The gradient an attacker sees, as a transformation of purifiers.

Each takes a purifier and returns one with the same images and another backward pass
(`blind` alone also changes the images: an attacker who does not know of the purifier
does not run it). Every attack so works under every gradient.

    exact             reverse mode through every step, with recomputation
    straight_through  the identity (BPDA): the classifier's gradient at the purified
                      image, handed to the input
    surrogate         the gradient of another, usually shorter, purifier
    blind             no purifier at all

One-step unrolling is a surrogate: `surrogate(purifier, first)` with `first` the same
purifier on `levels[:1]`; both draw the same noise from the key. The gradient with
adaptive step sizes held constant is `exact` of `adaptive` with `curvature.held`.

Keywords given to the transformed purifier reach the original ones.

Source: Athalye et al. 2018, arXiv 1802.00420 (BPDA); Lee and Kim 2023, arXiv 2303.09051
(surrogate process); Yoon et al. 2021, arXiv 2106.06041 (one-step unrolling).
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax.tree_util import Partial

from purifax.types import Purifier, as_pytree

__all__ = ["blind", "exact", "straight_through", "surrogate"]


def exact(purifier: Purifier, scan: Callable[..., Any] | None = None) -> Purifier:
    """The purifier itself: the gradient of the program that runs.

    Purifiers here carry `jax.checkpoint` on their step: the backward pass recomputes
    each step from its stored input, with the same noise, since noise is a function of
    the key and the step.

    Args:
        scan: what the gradient of the chain keeps, in place of the purifier's own:
            `recompute.Within(memory)` is the fastest that fits. The purifier must be
            a chain, which takes it.
    """
    if scan is None:
        return purifier
    return Partial(as_pytree(purifier), scan=as_pytree(scan))


def straight_through(purifier: Purifier) -> Purifier:
    """The same images, with the gradient of the identity (BPDA).

    >>> import jax.numpy as jnp
    >>> model, key = straight_through(lambda key, x: x**2), jax.random.key(0)
    >>> [float(a) for a in jax.value_and_grad(model, argnums=1)(key, jnp.array(3.0))]
    [9.0, 1.0]
    """
    return Partial(
        _with_gradient_of, purifier=as_pytree(purifier), other=Partial(_same)
    )


def surrogate(purifier: Purifier, other: Purifier) -> Purifier:
    """The images of `purifier`, with the gradient of `other` under the same key.

    >>> import jax.numpy as jnp
    >>> model = surrogate(lambda key, x: x**2, lambda key, x: 5 * x)
    >>> step, key = jax.value_and_grad(model, argnums=1), jax.random.key(0)
    >>> [float(a) for a in step(key, jnp.array(3.0))]
    [9.0, 5.0]
    """
    return Partial(
        _with_gradient_of, purifier=as_pytree(purifier), other=as_pytree(other)
    )


def blind(purifier: Purifier) -> Purifier:
    """The identity: what an attacker differentiates who does not know the purifier.

    >>> blind(lambda key, x: x**2)(None, 3.0)
    3.0
    """
    del purifier
    return Partial(_same)


def _same(key: Array, x: Array, **knobs: Any) -> Array:
    del key, knobs
    return x


def _with_gradient_of(
    key: Array,
    x: Array,
    purifier: Purifier,
    other: Purifier,
    **knobs: Any,
) -> Array:
    image = jax.lax.stop_gradient(purifier(key, jax.lax.stop_gradient(x), **knobs))
    moved = other(jax.random.clone(key), x, **knobs)
    return image + (moved - jax.lax.stop_gradient(moved))
