"""Energies: callables `energy(x) -> []`, low where x is natural, p ~ exp(-E / T).

Papers fix a temperature T, and the step size by epsilon, the noise of one step; see
`schedule.noise_steps`. The network of Stochastic Security has its step size folded in:
it is an energy at T = epsilon^2 / 2, with epsilon as published, for images in [-1, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import Energy, as_pytree, expect, known, noun

__all__ = ["Gaussian", "Mixture", "Sum", "Tempered"]


@noun
@dataclass(frozen=True)
class Gaussian:
    """E(x) = sum (x - mean)^2 / (2 variance): an exact oracle, or a prior in a `Sum`.

    The Gaussian prior of EBM Life Cycle's long runs, |u|^2 / (2 tau^2) with tau 0.15
    and u = 2 x - 1, is `Gaussian(0.5, (tau / 2) ** 2)`.

    `mean` and `variance` are scalars or like x.

    >>> Gaussian(mean=0.0, variance=2.0)(jnp.full((2, 2, 1), 1.0))
    Array(1., dtype=float32)
    """

    mean: Array | float
    variance: Array | float

    def __call__(self, x: Array) -> Array:
        """The energy of one image, []."""
        return 0.5 * jnp.sum(jnp.square(x - self.mean) / self.variance)


@noun
@dataclass(frozen=True)
class Mixture:
    """E(x) = -log p(x) of an isotropic Gaussian mixture: an exact oracle.

    Attributes:
        means: [M, H, W, C].
        variances: [M], per pixel.
        log_weights: [M], not necessarily normalised.

    >>> pair = Mixture(jnp.array([[-1.0], [1.0]]), jnp.ones(2), jnp.zeros(2))
    >>> float(pair(jnp.ones(1)) - pair(-jnp.ones(1)))
    0.0
    """

    means: Array
    variances: Array
    log_weights: Array

    def __call__(self, x: Array) -> Array:
        """The energy of one image, [], up to the normalisation of the weights."""
        return -jax.nn.logsumexp(self.log_joint(x))

    def log_joint(self, x: Array) -> Array:
        """log weight + log density of each component at x, [M]."""
        axes = tuple(range(1, self.means.ndim))
        square = jnp.sum(jnp.square(x[None] - self.means), axis=axes)
        volume = 0.5 * x.size * jnp.log(2 * jnp.pi * self.variances)
        return self.log_weights - 0.5 * square / self.variances - volume


@noun
@dataclass(frozen=True)
class Tempered:
    """E(x) / temperature: p ~ exp(-E / T) as an energy at temperature one.

    Raises:
        ValueError: the temperature is known and not positive.

    >>> float(Tempered(Gaussian(0.0, 0.5), temperature=4.0)(jnp.full((1, 1, 1), 2.0)))
    1.0
    """

    energy: Energy
    temperature: Array | float

    def __post_init__(self) -> None:
        """Check the temperature; make a bare function a pytree."""
        object.__setattr__(self, "energy", as_pytree(self.energy))
        checked_temperature(self.temperature)

    def __call__(self, x: Array) -> Array:
        """The energy of one image over the temperature, []."""
        return self.energy(x) / self.temperature


@noun
@dataclass(frozen=True)
class Sum:
    """The sum of energies: the product of their densities, for example with a prior.

    >>> pair = Sum([Gaussian(0.0, 1.0), Gaussian(1.0, 0.5)])
    >>> float(pair(jnp.full((1, 1, 1), 2.0)))
    3.0
    """

    energies: Sequence[Energy]

    def __post_init__(self) -> None:
        """Make bare functions pytrees."""
        parts = tuple(as_pytree(energy) for energy in self.energies)
        object.__setattr__(self, "energies", parts)

    def __call__(self, x: Array) -> Array:
        """The energy of one image, []."""
        return sum((energy(x) for energy in self.energies), jnp.zeros((), x.dtype))


def checked_temperature(temperature: Array | float) -> Array | float:
    """The temperature, unchanged; a traced one passes unchecked.

    Raises:
        ValueError: it is zero, negative or not finite.

    >>> checked_temperature(1e-4)
    0.0001
    """
    for value in known(temperature) or []:
        if not 0 < value < float("inf"):
            raise ValueError(
                f"The temperature of p ~ exp(-E / T) must be positive; got {value}. "
                "For steps down the energy without noise use `sample.ascend`."
            )
    return temperature


def force(x: Array, energy: Energy) -> Array:
    """-dE/dx, the score of p ~ exp(-E) at temperature one.

    >>> force(jnp.full((1, 1, 1), 3.0), Gaussian(mean=1.0, variance=2.0))
    Array([[[-1.]]], dtype=float32)
    """
    return -jax.grad(lambda y: valued(y, energy))(x)


def valued(x: Array, energy: Energy) -> Array:
    """The energy of one image, if it is one number.

    Raises:
        ValueError: it has another shape, such as one number a pixel.
    """
    value = energy(x)
    hint = "Sum over the pixels, and give it one image."
    expect("The energy of one image", value, (), float, hint=hint)
    return value
