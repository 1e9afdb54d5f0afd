"""Noise processes in continuous time.

    name      a(t)^2 = alpha_bar                       (width sigma)^2
    VE        1                                        (smallest (largest/smallest)^t)^2
    EDM       1                                        t^2
    VP        exp(-B(t)), B = t b0 + t^2 (b1 - b0)/2   1 / alpha_bar - 1
    VPCosine  cos^2((t + s)/(1 + s) pi/2) / that of 0  1 / alpha_bar - 1
    SubVP     exp(-B(t))                               (1 - alpha_bar)^2 / alpha_bar

with width 1 for VE. `time` inverts `sigma` in closed form, and both keep the precision
of float32 at small noise, where 1 - alpha_bar alone would lose it.

Source: Song et al. 2021, arXiv 2011.13456, section 3.4 and appendix C (VE, VP, SubVP);
Nichol and Dhariwal 2021, arXiv 2102.09672, eq. 17; Karras et al. 2022,
arXiv 2206.00364, table 1.
"""

import math
from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.noise.process import reached, root
from purifax.types import noun

__all__ = ["EDM", "VE", "VP", "SubVP", "VPCosine"]

_NUMBERS = {
    "first": checks.at_least_zero,
    "last": checks.at_least_zero,
    "width": checks.positive,
}


@noun
@dataclass(frozen=True)
class VE:
    """Variance exploding: sigma(t) = smallest (largest / smallest)^t, scale 1.

    The defaults are NCSNv2's for CIFAR-10 (arXiv 2006.09011), 0.01 to 50; the published
    ladder of 232 levels is this process on an even grid of times.

    >>> process = VE(smallest=0.01, largest=1.0)
    >>> round(float(process.sigma(process.time(0.1))), 4)
    0.1
    """

    smallest: Array | float = 0.01
    largest: Array | float = 50.0

    def __post_init__(self) -> None:
        """Refuse numbers that give no process."""
        checks.fields(self, smallest=checks.positive, largest=checks.positive)

    def scale(self, t: Array | float) -> Array:
        """One, like t."""
        return jnp.ones_like(jnp.asarray(t, jnp.float32))

    def sigma(self, t: Array | float) -> Array:
        """Noise level at time t in [0, 1]."""
        return self.smallest * (self.largest / self.smallest) ** jnp.asarray(t)

    def time(self, sigma: Array | float) -> Array:
        """The time at which the noise level is sigma.

        Raises:
            ValueError: the process does not reach sigma.
        """
        reached(sigma, self.smallest, self.largest, "VE")
        span = jnp.log(jnp.asarray(self.largest) / self.smallest)
        return jnp.log(jnp.asarray(sigma) / self.smallest) / span


@noun
@dataclass(frozen=True)
class EDM:
    """Karras et al.: scale 1, and time is the level itself, sigma = t / width.

    t is the sigma of their paper, for images in [-1, 1]: 0.002 to 80. With width 1 it
    is the sigma of this library. `schedule.karras` gives their levels.

    >>> process = EDM()
    >>> float(process.sigma(80.0)), float(process.time(40.0))
    (40.0, 80.0)
    """

    width: Array | float = 2.0

    def __post_init__(self) -> None:
        """Refuse numbers that give no process."""
        checks.fields(self, width=checks.positive)

    def scale(self, t: Array | float) -> Array:
        """One, like t."""
        return jnp.ones_like(jnp.asarray(t, jnp.float32))

    def sigma(self, t: Array | float) -> Array:
        """t / width."""
        return jnp.asarray(t) / self.width

    def time(self, sigma: Array | float) -> Array:
        """width sigma.

        Raises:
            ValueError: sigma is negative.
        """
        reached(sigma, 0.0, math.inf, "EDM")
        return jnp.asarray(sigma) * self.width


@noun
@dataclass(frozen=True)
class VP:
    """Variance preserving with beta(t) = first + t (last - first), t in [0, 1].

    The defaults are those of Song et al.; DiffPure purifies CIFAR-10 from time 0.1.

    >>> process = VP()
    >>> sigma = process.sigma(0.1)
    >>> round(float(sigma), 4), round(float(process.time(sigma)), 4)
    (0.1701, 0.1)
    """

    first: Array | float = 0.1
    last: Array | float = 20.0
    width: Array | float = 2.0

    def __post_init__(self) -> None:
        """Refuse numbers that give no process."""
        checks.fields(self, **_NUMBERS)

    def alpha_bar(self, t: Array | float) -> Array:
        """The square of `scale`."""
        return jnp.exp(-_linear_sum(t, self.first, self.last))

    def scale(self, t: Array | float) -> Array:
        """exp(-1/2 of the integral of beta from 0 to t)."""
        return jnp.exp(-0.5 * _linear_sum(t, self.first, self.last))

    def sigma(self, t: Array | float) -> Array:
        """Noise level at time t in [0, 1]."""
        total = _linear_sum(t, self.first, self.last)
        return root(jnp.expm1(total)) / self.width

    def time(self, sigma: Array | float) -> Array:
        """The time at which the noise level is sigma.

        Raises:
            ValueError: the process does not reach sigma.
        """
        reached(sigma, 0.0, self.sigma(1.0), "VP")
        total = jnp.log1p(jnp.square(jnp.asarray(sigma) * self.width))
        return _linear_time(total, self.first, self.last)


@noun
@dataclass(frozen=True)
class SubVP:
    """The sub-VP process: the scale of `VP`, with noise 1 - alpha_bar after scaling.

    x_t / a(t) has independent noise of level sigma with width sigma = 2 sinh(B / 2), B
    the integral of beta.

    Source: Song et al. 2021, arXiv 2011.13456, eq. 29 (their standard deviation).

    >>> process = SubVP()
    >>> sigma = process.sigma(0.1)
    >>> round(float(sigma), 4), round(float(process.time(sigma)), 4)
    (0.0548, 0.1)
    """

    first: Array | float = 0.1
    last: Array | float = 20.0
    width: Array | float = 2.0

    def __post_init__(self) -> None:
        """Refuse numbers that give no process."""
        checks.fields(self, **_NUMBERS)

    def scale(self, t: Array | float) -> Array:
        """exp(-1/2 of the integral of beta from 0 to t)."""
        return jnp.exp(-0.5 * _linear_sum(t, self.first, self.last))

    def sigma(self, t: Array | float) -> Array:
        """Noise level at time t in [0, 1]."""
        half = 0.5 * _linear_sum(t, self.first, self.last)
        return 2 * jnp.sinh(half) / self.width

    def time(self, sigma: Array | float) -> Array:
        """The time at which the noise level is sigma.

        Raises:
            ValueError: the process does not reach sigma.
        """
        reached(sigma, 0.0, self.sigma(1.0), "SubVP")
        total = 2 * jnp.arcsinh(jnp.asarray(sigma) * self.width / 2)
        return _linear_time(total, self.first, self.last)


@noun
@dataclass(frozen=True)
class VPCosine:
    """Variance preserving, alpha_bar = cos^2((t + offset)/(1 + offset) pi/2) / at 0.

    t in [0, 1); at 1 nothing of the image is left and sigma is infinite. The published
    chains are discrete, with betas clipped: `VPDiscrete(cosine_betas(4000))`.

    >>> process = VPCosine()
    >>> sigma = process.sigma(0.1)
    >>> round(float(sigma), 4), round(float(process.time(sigma)), 4)
    (0.0847, 0.1)
    """

    offset: Array | float = 0.008
    width: Array | float = 2.0

    def __post_init__(self) -> None:
        """Refuse numbers that give no process."""
        checks.fields(self, offset=checks.at_least_zero, width=checks.positive)

    def alpha_bar(self, t: Array | float) -> Array:
        """The square of `scale`."""
        return jnp.square(self.scale(t))

    def scale(self, t: Array | float) -> Array:
        """cos of the angle at t over cos of the angle at 0."""
        start, turn = self._angles(t)
        return jnp.cos(start + turn) / jnp.cos(start)

    def sigma(self, t: Array | float) -> Array:
        """Noise level at time t in [0, 1)."""
        start, turn = self._angles(t)
        # cos^2 A - cos^2 B as a product, for it is small.
        lost = jnp.sin(2 * start + turn) * jnp.sin(turn)
        return root(lost) / jnp.cos(start + turn) / self.width

    def time(self, sigma: Array | float) -> Array:
        """The time at which the noise level is sigma.

        Raises:
            ValueError: sigma is negative.
        """
        reached(sigma, 0.0, math.inf, "VPCosine")
        start, _ = self._angles(0.0)
        near = jnp.tan(start)
        gain = jnp.square(jnp.asarray(sigma) * self.width / jnp.cos(start))
        far = jnp.sqrt(jnp.square(near) + gain)
        turn = jnp.arctan(gain / (near + far) / (1 + near * far))
        return turn * (1 + self.offset) * 2 / math.pi

    def _angles(self, t: Array | float) -> tuple[Array, Array]:
        """The angle at time 0, and how far it has turned at t."""
        quarter = jnp.asarray(math.pi / 2 / (1 + self.offset), jnp.float32)
        return self.offset * quarter, jnp.asarray(t) * quarter


def _linear_sum(t: Array | float, first: Array | float, last: Array | float) -> Array:
    """The integral of first + s (last - first) over s in [0, t]."""
    t = jnp.asarray(t)
    return t * first + 0.5 * jnp.square(t) * (last - first)


def _linear_time(total: Array, first: Array | float, last: Array | float) -> Array:
    """The inverse of `_linear_sum`; also for equal ends."""
    slope = jnp.asarray(last) - first
    return 2 * total / (first + jnp.sqrt(jnp.square(first) + 2 * slope * total))
