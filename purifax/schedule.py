"""Schedules are arrays: their length is the number of steps.

Levels (sigmas) fall from noise to image; step sizes go with them one to one.
"""

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["geometric", "langevin_steps", "linear", "ncsnv2_sigmas", "subset"]


def linear(first: float, last: float, length: int) -> Array:
    """`length` evenly spaced values from first to last, both included.

    >>> linear(0.5, 0.0, 3).tolist()
    [0.5, 0.25, 0.0]
    """
    return jnp.linspace(first, last, length)


def geometric(first: float, last: float, length: int) -> Array:
    """`length` values in constant ratio from first to last, both included.

    Raises:
        ValueError: an end is not positive.

    >>> [round(s, 4) for s in geometric(1.0, 0.01, 3).tolist()]
    [1.0, 0.1, 0.01]
    """
    if not (first > 0 and last > 0):
        raise ValueError(
            "The ends of a geometric schedule must be positive; "
            f"got {first} and {last}. For a schedule that ends at 0 use `linear`."
        )
    return jnp.geomspace(first, last, length)


def ncsnv2_sigmas(first: float = 50.0, last: float = 0.01, length: int = 232) -> Array:
    """NCSNv2's ladder; the defaults are those for CIFAR-10, in [0, 1] pixel units.

    Tiny-ImageNet as trained by ADP: first 90, length 500.

    Source: Song and Ermon 2020, arXiv 2006.09011; Yoon et al. 2021.

    >>> ncsnv2_sigmas().shape
    (232,)
    """
    return geometric(first, last, length)


def langevin_steps(sigmas: Array, step: float = 6.2e-6) -> Array:
    """Step sizes of annealed Langevin dynamics: step (sigma_i / sigma_last)^2.

    Source: Song and Ermon 2020, arXiv 2006.09011, algorithm 1 (their alpha_i;
    their update x + alpha s + sqrt(2 alpha) z is ours with step sizes alpha).

    >>> langevin_steps(jnp.array([2.0, 1.0]), 0.5).tolist()
    [2.0, 0.5]
    """
    return step * jnp.square(sigmas / sigmas[-1])


def subset(schedule: Array, length: int) -> Array:
    """`length` entries spread over a schedule, its first and last among them.

    For surrogates: the same purifier with fewer steps.

    Raises:
        ValueError: `length` is not between 2 and the schedule's own (1 is allowed
            and keeps the first entry).

    >>> subset(jnp.arange(10.0), 4).tolist()
    [0.0, 3.0, 6.0, 9.0]
    """
    if not 1 <= length <= schedule.shape[0]:
        raise ValueError(
            f"`length` must lie between 1 and the schedule's {schedule.shape[0]} "
            f"entries; got {length}."
        )
    index = jnp.round(jnp.linspace(0, schedule.shape[0] - 1, length))
    return schedule[index.astype(jax.dtypes.canonicalize_dtype(int))]
