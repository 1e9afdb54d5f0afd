"""The share of the images that PureGen's filter purifies; see `puregen`."""

import math
from collections.abc import Callable
from typing import Any

from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.types import Energy, known

__all__ = ["filtered", "highest"]


@checks.checked(limit=checks.number(infinite=True))
def filtered(
    key: Array,
    x: Array,
    purifier: Callable[..., Array],
    energy: Energy,
    limit: Array | float,
    **knobs: Any,
) -> Array:
    """The purified image where the energy is above the limit, x itself elsewhere.

    The rule of `highest` for one image: the limit is the energy that divides the set. A
    gradient sees the side that x is on, and not the border.

    Args:
        limit: published the median over the training set.
        knobs: further keywords for the purifier, such as `scan`.

    >>> raised, far = (lambda key, x: x + 1), lambda x: jnp.sum(x)
    >>> [float(filtered(None, jnp.array(x), raised, far, 1.0)) for x in (0.5, 2.0)]
    [0.5, 3.0]
    """
    value = energy(x)
    found = jnp.where(value > limit, purifier(key, x, **knobs), x)
    return jnp.where(jnp.isnan(value), jnp.nan, found)


def highest(energies: Array, fraction: Array | float) -> Array:
    """Which images of a set have the highest energies: PureGen's filter.

    Of equal energies the first come first. An energy that is no number is the highest.

    Args:
        energies: [N], of the images as they came, after rounding to 8 bits.
        fraction: of the set, in [0, 1]; int(fraction N) images are chosen. Published
            0.5.

    Returns:
        bool [N]; `jnp.where` of it chooses between the purified image and the raw one.

    Raises:
        ValueError: the fraction is known and outside [0, 1].

    >>> highest(jnp.array([0.3, 0.1, 0.9, 0.3]), 0.5).tolist()
    [True, False, True, False]
    """
    for value in known(fraction) or []:
        if not 0 <= value <= 1:
            raise ValueError(
                f"`fraction` is a share of the set in [0, 1]; got {value}."
            )
    size = energies.shape[0] * fraction
    count = math.floor(size) if isinstance(size, float) else jnp.floor(size)
    worst_first = jnp.where(jnp.isnan(energies), -jnp.inf, -energies)
    rank = jnp.argsort(jnp.argsort(worst_first, stable=True))
    return rank < count
