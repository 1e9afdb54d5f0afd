"""The nearest point of a hyperplane within the box [0, 1], in each norm.

An image t has a gap c to the plane, w . (z - t) = -c. Coordinate i may move against
sign(c w_i) by at most its room r_i, up to the edge of the box, and the least move is

    Linf  m_i = min(l, r_i)         L2  m_i = min(l |w_i|, r_i)

with the level l at which sum |w_i| m_i = |c|; in L1 coordinates are used up one by one,
the largest |w_i| first. Where no point of the box is on the plane, every coordinate
goes to its edge.

Source: Croce and Hein 2020, arXiv 1907.02044, equation 7 and appendix.
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax.threat import L1, L2, Linf, Threat

__all__ = ["slope_length", "step_to_plane"]

_HALVINGS = 30
"""Beyond the digits of float32."""


def step_to_plane(t: Array, w: Array, gap: Array, threat: Threat) -> Array:
    """The shortest d with w . d = -gap and t + d in the box.

    Args:
        t: point of the box, of any shape.
        w: normal of the plane, like t.
        gap: [], what w . t exceeds the plane by.
        threat: an `Linf`, `L2` or `L1`, for its norm; the radius is not used.

    Returns:
        d, like t. Zero where w is.

    Raises:
        ValueError: another threat.

    >>> t, w = jnp.array([0.5, 0.125]), jnp.array([1.0, 1.0])
    >>> for threat in (Linf(1.0), L2(1.0), L1(1.0)):
    ...     print(step_to_plane(t, w, jnp.array(0.5), threat).tolist())
    [-0.375, -0.125]
    [-0.375, -0.125]
    [-0.5, -0.0]
    """
    against = -jnp.sign(gap) * jnp.sign(w)
    room = jnp.where(against > 0, 1.0 - t, t).ravel()
    room = jnp.where(w.ravel() != 0, jnp.maximum(room, 0.0), 0.0)
    size, need = jnp.abs(w).ravel(), jnp.abs(gap)
    if isinstance(threat, Linf):
        move = jnp.minimum(_level(size, room, need), room)
    elif isinstance(threat, L2):
        some = jnp.where(size > 0, size, 1.0)
        level = _level(jnp.square(size), room / some, need)
        move = jnp.minimum(level * size, room)
    elif isinstance(threat, L1):
        move = _one_by_one(size, room, need)
    else:
        raise ValueError(f"`threat` must be Linf, L2 or L1; got {threat!r}.")
    return against * move.reshape(t.shape)


def slope_length(w: Array, threat: Threat) -> Array:
    """The dual norm of w: how fast w . d can grow with the length of d, [].

    >>> w = jnp.array([3.0, -4.0])
    >>> [float(slope_length(w, threat)) for threat in (Linf(1.0), L2(1.0), L1(1.0))]
    [7.0, 5.0, 4.0]
    """
    size = jnp.abs(w)
    if isinstance(threat, Linf):
        return jnp.sum(size)
    if isinstance(threat, L2):
        return jnp.sqrt(jnp.sum(jnp.square(size)))
    return jnp.max(size)


def _level(rates: Array, ends: Array, need: Array) -> Array:
    """The level l with sum of rates min(l, ends) = need, []; the largest end if none.

    Halving finds between which ends it lies; there the sum is linear. Sorting the ends
    would do as well, and takes ten times as long on a CPU.

    Args:
        rates, ends: [D], not negative.
    """

    def halve(_: Array, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        enough = jnp.sum(rates * jnp.minimum(middle, ends)) >= need
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    top = jnp.max(ends)
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (0.0 * top, top))
    ended = ends <= 0.5 * (low + high)
    full = jnp.sum(jnp.where(ended, rates * ends, 0.0))
    growing = jnp.sum(jnp.where(ended, 0.0, rates))
    level = (need - full) / jnp.where(growing > 0, growing, 1.0)
    return jnp.where(growing > 0, jnp.clip(level, low, high), high)


def _one_by_one(size: Array, room: Array, need: Array) -> Array:
    """The moves that meet the need with the steepest coordinates first, [D]."""
    place = jnp.argsort(-size, stable=True)
    steep = size[place]
    gains = steep * room[place]
    left = jnp.maximum(need - (jnp.cumsum(gains) - gains), 0.0)
    moves = jnp.minimum(left / jnp.where(steep > 0, steep, 1.0), room[place])
    return jnp.zeros_like(size).at[place].set(moves)
