"""Metropolis-adjusted Langevin: Langevin steps, each accepted or rejected.

    y = x - h dE/dx + sqrt(2 h) z
    accept y with probability min(1, exp(-E(y) + E(x)) q(x | y) / q(y | x))

where q is the density of the step. A rejected step stays at x. The stationary
distribution is exactly exp(-E), whatever the step h; that of plain Langevin dynamics
has a bias of the order of h. With g(x) = -dE/dx, the logarithm of the ratio is

    E(x) - E(y) - sqrt(h / 2) z . (g(x) + g(y)) - h / 4 |g(x) + g(y)|^2.

A step costs one energy and one force, like a Langevin step: those at x are kept.

Source: Besag 1994; Roberts and Tweedie 1996, Bernoulli 2(4), section 1.4.2.
"""

from typing import NamedTuple

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.energy import Tempered, valued
from purifax.transform import remat
from purifax.types import Energy

__all__ = ["MALAState", "acceptance", "mala", "mala_step"]


class MALAState(NamedTuple):
    """The state of a chain.

    Attributes:
        x: the image.
        value: its energy, [].
        force: -dE/dx, like the image.

    >>> three = jnp.full((1, 1, 1), 3.0)
    >>> MALAState.at(three, lambda x: jnp.sum(x**2)).force.tolist()
    [[[-6.0]]]
    """

    x: Array
    value: Array
    force: Array

    @classmethod
    def at(cls, x: Array, energy: Energy) -> "MALAState":
        """The state of a chain at x."""
        value, slope = jax.value_and_grad(Partial(valued, energy=energy))(x)
        return cls(x, value, -slope)


@checks.checked()
def mala_step(
    key: Array, state: MALAState, energy: Energy, step_size: Array | float
) -> tuple[MALAState, Array]:
    """One step at temperature one, and whether it was accepted, bool [].

    A proposal whose energy is not finite is rejected. A state whose own energy or force
    is not finite could never move: it becomes NaN.

    >>> half = lambda x: 0.5 * jnp.sum(x**2)
    >>> state = MALAState.at(jnp.ones((1, 1, 1)), half)
    >>> mala_step(jax.random.key(0), state, half, 0.0)[1]
    Array(True, dtype=bool)
    """
    k_noise, k_accept = jax.random.split(key)
    x, value, force = state
    step = jnp.asarray(step_size, x.dtype)
    z = jax.random.normal(k_noise, x.shape, x.dtype)
    moved = x + step * force + jnp.sqrt(2.0 * step) * z
    proposal = MALAState.at(moved, energy)

    both = force + proposal.force
    ratio = value - proposal.value - 0.25 * step * jnp.sum(jnp.square(both))
    ratio = ratio - jnp.sqrt(0.5 * step) * jnp.sum(z * both)
    level = -jax.random.exponential(k_accept, (), ratio.dtype)
    accepted = jnp.isfinite(ratio) & (level <= ratio)
    kept = (jnp.where(accepted, a, b) for a, b in zip(proposal, state, strict=True))
    on, usable = MALAState(*kept), jnp.isfinite(value) & jnp.all(jnp.isfinite(force))
    return on._replace(x=jnp.where(usable, on.x, jnp.nan)), accepted


@checks.checked()
def mala(
    key: Array,
    x: Array,
    energy: Energy,
    step_sizes: Array,
    *,
    temperature: Array | float = 1.0,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """Metropolis-adjusted Langevin dynamics of p ~ exp(-E / temperature).

    Step i draws from `fold_in(key, i)`. An acceptance rate of about 57% is best, with
    step sizes of the order d^(-1/3) for images of d pixels. A gradient through the
    chain is that of the path: acceptances are constants to it.

    Args:
        step_sizes: [T].
        temperature: positive.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...]; its `acceptance` is the share of
        accepted steps.

    Raises:
        ValueError: the temperature is known and not positive.

    >>> from purifax.energy import Gaussian
    >>> key, x, steps = jax.random.key(0), jnp.zeros((1, 1, 1)), jnp.full(9, 0.1)
    >>> x, path = mala(key, x, Gaussian(0.5, 0.2), steps)
    >>> path.shape, bool(acceptance(path) > 0.5)
    ((10, 1, 1, 1), True)
    """
    tempered = Tempered(energy, temperature)

    def step(state: MALAState, at: tuple[Array, Array]) -> tuple[MALAState, Array]:
        i, size = at
        state, _ = mala_step(jax.random.fold_in(key, i), state, tempered, size)
        return state, state.x

    steps = (jnp.arange(step_sizes.shape[0]), step_sizes)
    last, path = scan(step, MALAState.at(x, tempered), steps)
    return last.x, jnp.concatenate([x[None], path])


def acceptance(path: Array) -> Array:
    """The share of steps of a path [T + 1, ...] that moved, [].

    >>> float(acceptance(jnp.array([0.0, 1.0, 1.0, 2.0, 3.0])))
    0.75
    """
    moved = path[1:] != path[:-1]
    return jnp.mean(jnp.any(moved.reshape(moved.shape[0], -1), axis=1))
