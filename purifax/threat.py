"""Threat models: the set of images that an attack may reach, and its moves in it.

The set is a ball around the image intersected with the box [0, 1]. Radii are in
[0, 1] pixel units, over the whole image for L2 and L1. Every threat has

    start(key, x)             a random point of the set,
    project(x_adv, x)         back into the set,
    ascend(x, gradient, step) the steepest ascent step of length `step`,
    distance(x_adv, x)        the length of a perturbation.

`project` and `distance` raise a `ValueError` unless both are floating images of the
same shape. Otherwise a batch of images would be measured as if it were one image.
"""

from dataclasses import dataclass
from typing import Protocol

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.types import expect, fair_signs, noun

__all__ = ["L1", "L2", "Linf", "Threat"]

_TINY = 1e-24
_HALVINGS = 30


class Threat(Protocol):
    """The protocol of a threat model, for one image."""

    @property
    def radius(self) -> Array | float:
        """The radius of the ball."""
        ...

    def start(self, key: Array, x: Array) -> Array:
        """A random point of the set around x."""
        ...

    def project(self, x_adv: Array, x: Array) -> Array:
        """A point of the set around x; x_adv itself if it is in the set."""
        ...

    def ascend(self, x: Array, gradient: Array, step: Array | float) -> Array:
        """x moved by the length `step` in the direction of steepest ascent."""
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
        _alike(x_adv, x, self.radius)
        near = jnp.clip(x_adv, x - self.radius, x + self.radius)
        return jnp.clip(near, 0.0, 1.0).astype(x.dtype)

    def ascend(self, x: Array, gradient: Array, step: Array | float) -> Array:
        """x + step sign(gradient)."""
        return x + jnp.asarray(step, x.dtype) * jnp.sign(gradient)

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The largest absolute difference, []."""
        _alike(x_adv, x)
        return jnp.max(jnp.abs(x_adv - x))


@noun
@dataclass(frozen=True)
class L2:
    """|x_adv - x|_2 <= radius over the whole image.

    `project` scales into the ball and then clips to the box. Clipping never leaves the
    ball, since x is in the box; the result is not always the nearest point of the set.

    >>> threat, x = L2(radius=0.5), jnp.zeros((4, 4, 1))
    >>> threat.distance(threat.project(jnp.ones((4, 4, 1)), x), x)
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
        """A point of the set; x_adv itself if it is in the set."""
        _alike(x_adv, x, self.radius)
        delta = x_adv - x
        length = jnp.sqrt(jnp.sum(jnp.square(delta)) + _TINY)
        shrink = jnp.minimum(1.0, self.radius / length)
        return jnp.clip(x + shrink * delta, 0.0, 1.0).astype(x.dtype)

    def ascend(self, x: Array, gradient: Array, step: Array | float) -> Array:
        """x + step gradient / |gradient|; a zero gradient moves nothing."""
        return x + jnp.asarray(step, x.dtype) * _unit(gradient)

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The Euclidean length of the difference, []."""
        _alike(x_adv, x)
        return jnp.sqrt(jnp.sum(jnp.square(x_adv - x)) + _TINY)


@noun
@dataclass(frozen=True)
class L1:
    """|x_adv - x|_1 <= radius over the whole image.

    `project` gives the nearest point of the intersection of ball and box. Projecting
    onto the ball first and then clipping to the box would lose most of the radius: a
    few pixels carry it, and these soon reach the end of their range.

    Source: Croce and Hein 2021, arXiv 2103.01208, section 3 (the set and its
    projection).

    >>> threat = L1(radius=0.75)
    >>> y = jnp.array([0.75, 2.0, 0.0]).reshape(1, 3, 1)
    >>> threat.project(y, jnp.full((1, 3, 1), 0.5)).ravel().tolist()
    [0.5, 1.0, 0.25]
    """

    radius: Array | float

    def start(self, key: Array, x: Array) -> Array:
        """x plus a point uniform in the ball, projected into the box."""
        k_sizes, k_signs = jax.random.split(key)
        sizes = jax.random.exponential(k_sizes, (x.size + 1,), x.dtype)
        shares = (sizes[:-1] / jnp.sum(sizes)).reshape(x.shape)
        signs = fair_signs(k_signs, x.shape, x.dtype)
        return self.project(x + self.radius * signs * shares, x)

    def project(self, x_adv: Array, x: Array) -> Array:
        """The nearest point of the set."""
        _alike(x_adv, x, self.radius)
        delta = x_adv - x
        size, room = jnp.abs(delta), jnp.where(delta > 0, 1.0 - x, x)
        level = _shrinkage(size.ravel(), room.ravel(), self.radius)
        kept = jnp.clip(size - level, 0.0, room)
        return jnp.clip(x + jnp.sign(delta) * kept, 0.0, 1.0).astype(x.dtype)

    def ascend(
        self,
        x: Array,
        gradient: Array,
        step: Array | float,
        *,
        share: Array | float = 0.01,
    ) -> Array:
        """x moved along the signs of the largest entries of the gradient.

        Args:
            share: fraction of the entries that are moved, at least one of them. One
                entry alone is the steepest direction, but it soon reaches the end of
                its range.

        Source: Tramer and Boneh 2019, arXiv 1904.13000, section 2.2 (sparse descent).
        """
        signs = _sparse_signs(gradient, share)
        count = jnp.maximum(jnp.sum(jnp.abs(signs)), 1.0)
        return x + jnp.asarray(step, x.dtype) * signs / count

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The sum of absolute differences, []."""
        _alike(x_adv, x)
        return jnp.sum(jnp.abs(x_adv - x))


def _alike(x_adv: Array, x: Array, radius: Array | float = 0.0) -> None:
    """Refuse images of integers, a pair that would be broadcast, a negative radius."""
    checks.at_least_zero("The radius of a threat", radius, x)
    hint = "Both are one image in [0, 1]; map over several with `batched`."
    expect("`x`", x, jnp.shape(x), float, hint=hint)
    expect("`x_adv`", x_adv, jnp.shape(x), float, hint=hint)


def _sparse_signs(gradient: Array, share: Array | float) -> Array:
    """Signs of the share of entries with the largest magnitudes; zero elsewhere.

    At least one entry is kept, and all entries that tie with the smallest kept one.

    >>> _sparse_signs(jnp.array([3.0, -4.0, 1.0, 0.5]), 0.5)
    Array([ 1., -1.,  0.,  0.], dtype=float32)
    """
    size = jnp.abs(gradient)
    place = jnp.floor((1.0 - jnp.asarray(share, size.dtype)) * size.size)
    place = jnp.clip(place, 0, size.size - 1).astype(jnp.int32)
    least = jax.lax.dynamic_index_in_dim(jnp.sort(size.ravel()), place, keepdims=False)
    return jnp.where(size >= least, jnp.sign(gradient), 0.0)


def _shrinkage(size: Array, room: Array, radius: Array | float) -> Array:
    """The level l >= 0 with sum of clip(size - l, 0, room) = radius, [].

    Zero where the sum is at most the radius even for l = 0. The sum is piecewise
    linear: an entry contributes to the slope between the levels size - room and size.
    The paper sorts these levels; bisection also finds the right piece, ten times as
    fast on a CPU. The level within the piece is exact, and so is its gradient.
    """
    still = jax.lax.stop_gradient((size, room))

    def halve(_: Array, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        too_long = jnp.sum(jnp.clip(still[0] - middle, 0.0, still[1])) > radius
        return jnp.where(too_long, middle, low), jnp.where(too_long, high, middle)

    top = jnp.max(still[0])
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (0.0 * top, top))
    level = 0.5 * (low + high)
    full = size - room >= level
    part = (size > level) & ~full
    total = jnp.sum(jnp.where(full, room, 0.0)) + jnp.sum(jnp.where(part, size, 0.0))
    count = jnp.sum(part.astype(size.dtype))
    level = jnp.where(count > 0, (total - radius) / jnp.maximum(count, 1.0), level)
    inside = jnp.sum(jnp.minimum(size, room)) <= radius
    return jnp.where(inside, 0.0, level).astype(size.dtype)


def _unit(v: Array) -> Array:
    """v scaled to length one; zero stays zero, and tiny vectors do not underflow."""
    largest = jnp.max(jnp.abs(v))
    v = v / jnp.where(largest > 0, largest, 1.0)
    return v / jnp.sqrt(jnp.sum(jnp.square(v)) + _TINY)
