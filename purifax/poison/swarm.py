"""Particle swarm: the lowest value of a function of a few numbers, without a gradient.

    v_p <- 0.5 v_p + 0.3 (best of p - x_p) + 0.3 (best of all - x_p)
    x_p <- x_p + v_p

Source: Kennedy and Eberhart 1995, "Particle swarm optimization"; the constants, and the
lack of random factors, are those of the released code of "Dual-branch Robust
Unlearnable Examples" (DUNE, 2026).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import noun

__all__ = ["Swarm", "swarm_start", "swarm_step", "swarm_step_released"]


@noun
@dataclass(frozen=True)
class Swarm:
    """Particles in search.

    Attributes:
        position, velocity: [P, D].
        own, own_value: [P, D] and [P], where each particle had its lowest value.
        best, best_value: [D] and [], the lowest of all.
        leader: int [], the particle that found it.
    """

    position: Array
    velocity: Array
    own: Array
    own_value: Array
    best: Array
    best_value: Array
    leader: Array


def swarm_start(
    key: Array, particles: Array, size: int, *, widest: Array | float = 0.1
) -> Swarm:
    """Particles anywhere in a cube around zero, slow.

    Args:
        particles: int [P], folded into the key; published are 10.
        size: D, how many numbers are searched for.
        widest: half the side of the cube; speeds are up to a tenth of it.

    >>> swarm_start(jax.random.key(0), jnp.arange(10), 3).position.shape
    (10, 3)
    """

    def one(p: Array) -> tuple[Array, Array]:
        k_position, k_velocity = jax.random.split(jax.random.fold_in(key, p))
        place = jax.random.uniform(k_position, (size,), jnp.float32, minval=-1.0)
        return place, jax.random.uniform(k_velocity, (size,), jnp.float32, minval=-1.0)

    place, speed = jax.vmap(one)(particles)
    place, speed = widest * place, 0.1 * widest * speed
    highest = jnp.full(particles.shape, jnp.inf)
    leader = jnp.zeros((), jnp.int32)
    return Swarm(place, speed, place, highest, 0 * place[0], highest[0], leader)


def swarm_step(
    swarm: Swarm,
    value: Callable[[Array], Array],
    *,
    inertia: Array | float = 0.5,
    toward_own: Array | float = 0.3,
    toward_best: Array | float = 0.3,
) -> Swarm:
    """All particles are judged, then moved; published are 10 steps.

    Args:
        value: `(position [D]) -> []`, low where it is good.

    >>> swarm = swarm_start(jax.random.key(0), jnp.arange(10), 1)
    >>> for _ in range(10):
    ...     swarm = swarm_step(swarm, lambda x: jnp.sum((x - 0.05) ** 2))
    >>> abs(round(float(swarm.best[0]), 2))
    0.05
    """
    values = jax.lax.map(value, swarm.position)
    better = values < swarm.own_value
    own = jnp.where(better[:, None], swarm.position, swarm.own)
    first = jnp.argmin(values)
    found = values[first] < swarm.best_value
    best = jnp.where(found, swarm.position[first], swarm.best)
    to_own, to_best = own - swarm.position, best[None, :] - swarm.position
    velocity = inertia * swarm.velocity + toward_own * to_own + toward_best * to_best
    return Swarm(
        position=swarm.position + velocity,
        velocity=velocity,
        own=own,
        own_value=jnp.minimum(values, swarm.own_value),
        best=best,
        best_value=jnp.minimum(values[first], swarm.best_value),
        leader=jnp.where(found, first, swarm.leader),
    )


def swarm_step_released(swarm: Swarm, value: Callable[[Array], Array]) -> Swarm:
    """`swarm_step` as the released code of DUNE has it: the best place drifts.

    It remembers the particle that found it instead of the place, and so the best place
    moves on with that particle, to where the value was never computed.

    >>> swarm = swarm_start(jax.random.key(0), jnp.arange(10), 1)
    >>> swarm = swarm_step_released(swarm, lambda x: jnp.sum((x - 0.05) ** 2))
    >>> bool(swarm.best == swarm.position[swarm.leader])
    True
    """
    moved = swarm_step(swarm, value)
    return replace(moved, best=moved.position[moved.leader])
