"""Where an attack begins: at random, at the surface of the set, at the image."""

from collections.abc import Callable

import jax
from jax import Array
from jax.tree_util import Partial

from purifax.threat import L1, Linf, Threat

__all__ = ["STARTS", "Start", "at_image", "at_random", "at_surface"]

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


STARTS = {
    "random": Partial(at_random),
    "surface": Partial(at_surface),
    "image": Partial(at_image),
}
"""Starts by name, as recipes write them."""
