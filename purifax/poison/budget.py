"""What a poison promises not to exceed, image by image.

A budget is any threat of `purifax.threat`, or one of the two here: `Pixels`, which
counts the pixels that differ, and `Outside`, another budget that holds everywhere but
under a trigger. A poison without a budget (`None`) promises nothing.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from jax import Array
from jax import numpy as jnp

from purifax.threat import Threat
from purifax.types import noun

__all__ = ["Budget", "Outside", "Pixels", "in_ball", "within"]


class Budget(Protocol):
    """What a threat and the budgets here have in common, for one image."""

    @property
    def radius(self) -> Array | float:
        """The largest distance promised."""
        ...

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The length of x_adv - x, []; it grows with the size of each entry."""
        ...


@noun
@dataclass(frozen=True)
class Pixels:
    """At most `radius` pixels differ, in any of their channels and by any amount.

    >>> Pixels(1).distance(jnp.ones((2, 2, 3)), jnp.zeros((2, 2, 3)))
    Array(4., dtype=float32)
    """

    radius: Array | float

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The number of pixels that differ, []."""
        return jnp.sum(jnp.any(x_adv != x, axis=-1).astype(x.dtype))


@noun
@dataclass(frozen=True)
class Outside:
    """Another budget, for what is not under a trigger.

    Args:
        budget: such as `Linf(8 / 255)`.
        mask: [H, W], true where anything is allowed.

    >>> from purifax.threat import Linf
    >>> budget = Outside(Linf(0.1), jnp.array([[True, False]]))
    >>> budget.distance(jnp.array([[[1.0], [0.25]]]), jnp.zeros((1, 2, 1)))
    Array(0.25, dtype=float32)
    """

    budget: Any
    mask: Array

    @property
    def radius(self) -> Array | float:
        """The radius of the budget that holds outside."""
        return self.budget.radius

    def distance(self, x_adv: Array, x: Array) -> Array:
        """The distance in the budget's norm, without what lies under the mask, []."""
        seen = jnp.where(self.mask[:, :, None], x, x_adv)
        return self.budget.distance(seen, x)


def within(distance: Array, budget: Budget) -> Array:
    """Whether a distance is at most the budget's radius, up to rounding of float32.

    >>> from purifax.threat import Linf
    >>> bool(within(jnp.array(8 / 255) + 1e-8, Linf(8 / 255)))
    True
    """
    return distance <= jnp.asarray(budget.radius) * (1 + 1e-5) + 1e-7


def in_ball(delta: Array, threat: Threat) -> Array:
    """A perturbation of no image in particular, projected into the threat's ball.

    It is projected around grey, where the box [0, 1] is far.

    >>> from purifax.threat import Linf
    >>> in_ball(jnp.array([-1.0, 0.25]), Linf(0.25)).tolist()
    [-0.25, 0.25]
    """
    grey = jnp.full_like(delta, 0.5)
    return threat.project(grey + delta, grey) - grey
