"""Threat models: the set an attack may move in, and how it moves there.

The set is a ball around the image intersected with the box [0, 1]. Radii are in
[0, 1] pixel units, over the whole image for L2. Every threat has

    start(key, x)             a random point of the set,
    project(x_adv, x)         back into the set,
    ascend(x, gradient, step) the steepest ascent step of that length,
    distance(x_adv, x)        the length of a perturbation.
"""

from dataclasses import dataclass
from typing import Protocol

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import noun

__all__ = ["L2", "Linf", "Threat"]

_TINY = 1e-24


class Threat(Protocol):
    """What every threat model answers, for one image."""

    def start(self, key: Array, x: Array) -> Array:
        """A random point of the set around x."""
        ...

    def project(self, x_adv: Array, x: Array) -> Array:
        """A point of the set around x, x_adv itself if it is in it."""
        ...

    def ascend(self, x: Array, gradient: Array, step: Array | float) -> Array:
        """x moved by `step` in the steepest direction."""
        ...

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The norm of x_adv - x, []."""
        ...


@noun
@dataclass(frozen=True)
class Linf:
    """|x_adv - x| <= radius in every pixel and channel.

    >>> threat = Linf(radius=0.25)
    >>> threat.project(jnp.ones((1, 1, 1)), jnp.zeros((1, 1, 1)))
    Array([[[0.25]]], dtype=float32)
    """

    radius: Array | float

    def start(self, key: Array, x: Array) -> Array:
        """x plus uniform noise in the cube, clipped to the box."""
        noise = jax.random.uniform(key, x.shape, x.dtype, -1.0, 1.0)
        return self.project(x + self.radius * noise, x)

    def project(self, x_adv: Array, x: Array) -> Array:
        """The nearest point of the set."""
        near = jnp.clip(x_adv, x - self.radius, x + self.radius)
        return jnp.clip(near, 0.0, 1.0).astype(x.dtype)

    def ascend(self, x: Array, gradient: Array, step: Array | float) -> Array:
        """x + step sign(gradient)."""
        return x + jnp.asarray(step, x.dtype) * jnp.sign(gradient)

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The largest absolute difference, []."""
        return jnp.max(jnp.abs(x_adv - x))


@noun
@dataclass(frozen=True)
class L2:
    """|x_adv - x|_2 <= radius over the whole image.

    `project` scales into the ball and then clips to the box. Clipping never leaves
    the ball, since x is in the box; the point need not be the nearest of the set.

    >>> threat = L2(radius=0.5)
    >>> threat.distance(threat.project(jnp.ones((4, 4, 1)), jnp.zeros((4, 4, 1))), 0)
    Array(0.5, dtype=float32)
    """

    radius: Array | float

    def start(self, key: Array, x: Array) -> Array:
        """x plus a point uniform in the ball, clipped to the box."""
        k_direction, k_length = jax.random.split(key)
        direction = _unit(jax.random.normal(k_direction, x.shape, x.dtype))
        length = jax.random.uniform(k_length, (), x.dtype) ** (1.0 / x.size)
        return self.project(x + self.radius * length * direction, x)

    def project(self, x_adv: Array, x: Array) -> Array:
        """A point of the set, x_adv itself if it is in it."""
        delta = x_adv - x
        length = jnp.sqrt(jnp.sum(jnp.square(delta)) + _TINY)
        shrink = jnp.minimum(1.0, self.radius / length)
        return jnp.clip(x + shrink * delta, 0.0, 1.0).astype(x.dtype)

    def ascend(self, x: Array, gradient: Array, step: Array | float) -> Array:
        """x + step gradient / |gradient|; a zero gradient moves nothing."""
        return x + jnp.asarray(step, x.dtype) * _unit(gradient)

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The Euclidean length of the difference, []."""
        return jnp.sqrt(jnp.sum(jnp.square(x_adv - x)) + _TINY)


def _unit(v: Array) -> Array:
    """v scaled to length one; zero stays zero, and tiny vectors are not lost."""
    largest = jnp.max(jnp.abs(v))
    v = v / jnp.where(largest > 0, largest, 1.0)
    return v / jnp.sqrt(jnp.sum(jnp.square(v)) + _TINY)
