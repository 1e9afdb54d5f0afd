"""Schedules: arrays whose length is the number of steps.

Noise levels (sigmas) decrease from noise to image; each step has its own step size.
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.types import expect, known

__all__ = [
    "geometric",
    "karras",
    "langevin_steps",
    "linear",
    "noise_steps",
    "paired",
    "subset",
]


def falling(sigmas: Array) -> Array:
    """Check a schedule of levels and return it unchanged.

    A traced schedule passes unchecked.

    Raises:
        ValueError: fewer than two levels; a level that is above its predecessor, not a
            number or below zero; or a zero before the last level.

    >>> falling(jnp.array([1.0, 0.5, 0.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    sigmas = checks.array("`sigmas`", sigmas)
    if sigmas.ndim != 1 or sigmas.shape[0] < 2:
        raise ValueError(
            "A sampler needs levels [T + 1] from the start to the end, at least two; "
            f"got the shape {sigmas.shape}."
        )
    levels = known(sigmas)
    if levels is None:
        return sigmas
    for above, below in zip(levels[:-1], levels[1:], strict=True):
        if not above >= below:
            raise ValueError(
                "The levels must fall from the noise to the image; got "
                f"{above:.4g} -> {below:.4g}. Did you mean `sigmas[::-1]`?"
            )
    if not (levels[-1] >= 0 and levels[-2] > 0 and levels[0] < float("inf")):
        raise ValueError(
            "The levels must be finite and positive, the last alone may be 0; they run "
            f"from {levels[0]:.4g} to {levels[-2]:.4g} and {levels[-1]:.4g}."
        )
    return sigmas


def paired(sigmas: Array, step_sizes: Array) -> tuple[Array, Array]:
    """The levels and step sizes of a chain unchanged, if each step has one of both.

    Raises:
        ValueError: they are not vectors [T] of the same length.

    >>> paired(jnp.ones(3), jnp.ones(4))
    Traceback (most recent call last):
        ...
    ValueError: `step_sizes` must be an array of shape [3]; got float32 [4]. \
Each step takes one level and one step size.
    """
    hint = "Each step takes one level and one step size."
    expect("`sigmas`", sigmas, (None,), hint=hint)
    expect("`step_sizes`", step_sizes, (len(sigmas),), hint=hint)
    return sigmas, step_sizes


@checks.checked(first=checks.number(), last=checks.number())
def linear(first: float, last: float, length: int) -> Array:
    """`length` evenly spaced values from first to last, both included.

    >>> linear(0.5, 0.0, 3).tolist()
    [0.5, 0.25, 0.0]
    """
    return jnp.linspace(first, last, length)


@checks.checked(first=checks.number(), last=checks.number())
def geometric(first: float, last: float, length: int) -> Array:
    """`length` values with a constant ratio from first to last, both included.

    Published ladders of NCSNv2 (arXiv 2006.09011), in [0, 1] pixel units: 50 to 0.01
    with 232 levels for CIFAR-10; 90 to 0.01 with 500 for Tiny-ImageNet, as ADP trained
    it.

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


@checks.checked(first=checks.number(), last=checks.number(), rho=checks.positive)
def karras(
    first: float = 40.0, last: float = 0.001, length: int = 18, *, rho: float = 7.0
) -> Array:
    """`length` levels from first to last, evenly spaced in sigma^(1 / rho), then 0.

    The defaults are EDM's, whose 80 and 0.002 are for images in [-1, 1].

    Returns:
        [length + 1], decreasing.

    Raises:
        ValueError: an end is not positive.

    Source: Karras et al. 2022, arXiv 2206.00364, eq. 5.

    >>> karras(4.0, 1.0, 3, rho=1.0).tolist()
    [4.0, 2.5, 1.0, 0.0]
    """
    if not (first > 0 and last > 0):
        raise ValueError(
            f"The ends of Karras's schedule must be positive; got {first} and {last}. "
            "Level 0 is appended."
        )
    roots = jnp.linspace(first ** (1 / rho), last ** (1 / rho), length)
    return jnp.append(roots**rho, 0.0)


@checks.checked(step=checks.at_least_zero)
def langevin_steps(sigmas: Array, step: float = 6.2e-6) -> Array:
    """Step sizes of annealed Langevin dynamics: step (sigma_i / sigma_last)^2.

    Source: Song and Ermon 2020, arXiv 2006.09011, algorithm 1 (their alpha_i;
    their update x + alpha s + sqrt(2 alpha) z is ours with step sizes alpha).

    >>> langevin_steps(jnp.array([2.0, 1.0]), 0.5).tolist()
    [2.0, 0.5]
    """
    return step * jnp.square(sigmas / sigmas[-1])


@checks.checked(epsilon=checks.at_least_zero)
def noise_steps(epsilon: float, length: int, *, width: float = 2.0) -> Array:
    """`length` equal Langevin step sizes, given by the noise epsilon of one step.

    Papers on energies write, for images u in [-1, 1] (`width` 2),

        u <- u - epsilon^2 / 2 dE/du / T + epsilon z,

    which is `sample.langevin` with the score of E at temperature T and these steps,
    (epsilon / width)^2 / 2 in [0, 1] pixel units.

    Source: Hill et al. 2021, arXiv 2005.13525, eq. 5 (epsilon 0.01, 1,500 steps); Bhat
    et al. 2024, arXiv 2405.18627 (0.0125, 150 to 1,000 steps).

    >>> noise_steps(0.5, 2, width=1.0).tolist()
    [0.125, 0.125]
    """
    return jnp.full(length, 0.5 * (epsilon / width) ** 2)


@checks.checked(schedule=checks.vector())
def subset(schedule: Array, length: int) -> Array:
    """`length` entries evenly spread over a schedule, with its first and last.

    For surrogates: the same purifier with fewer steps. Length 1 keeps the first entry.

    Raises:
        ValueError: `length` is not between 1 and the length of the schedule.

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
