"""The variance-preserving chain of Ho et al.: a table of betas.

alpha_bar_k = product of 1 - beta_i over i = 0 .. k. Time k is the label given to the
network at step k, and time -1 is the clean image.

Source: Ho et al. 2020, arXiv 2006.11239, eq. 4; Nichol and Dhariwal 2021,
arXiv 2102.09672, section 3.2.
"""

import math
from dataclasses import dataclass, field

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.noise.process import reached, root
from purifax.types import known, noun

__all__ = ["VPDiscrete", "cosine_betas", "linear_betas"]


def linear_betas(length: int = 1000, first: float = 1e-4, last: float = 0.02) -> Array:
    """Evenly spaced betas [length]; the defaults are those of Ho et al.

    For another length, OpenAI's code multiplies both ends by 1000 / length.

    >>> linear_betas(3, 0.25, 0.75).tolist()
    [0.25, 0.5, 0.75]
    """
    return jnp.linspace(first, last, length)


def cosine_betas(
    length: int = 4000, *, offset: float = 0.008, largest: float = 0.999
) -> Array:
    """The betas [length] of the cosine process, clipped to `largest`.

    beta_k = 1 - alpha_bar_k / alpha_bar_(k-1), with the alpha_bar of `VPCosine`.

    >>> betas = cosine_betas(4)
    >>> betas.shape, round(float(betas[-1]), 3)
    ((4,), 0.999)
    """
    angle = [
        (k / length + offset) / (1 + offset) * math.pi / 2 for k in range(length + 1)
    ]
    # 1 - cos^2 B / cos^2 A, with the difference of squares as a product.
    return jnp.array(
        [
            min(math.sin(a + b) * math.sin(b - a) / math.cos(a) ** 2, largest)
            for a, b in zip(angle[:-1], angle[1:], strict=True)
        ]
    )


@noun
@dataclass(frozen=True)
class VPDiscrete:
    """Variance preserving in steps; times are labels, -1 (clean) to T - 1.

    An integer time is looked up in the table. Between labels -log alpha_bar is linear
    in time, for float times and for `time`; `label` is the nearest integer, for
    networks that know integer times only. A time outside the table is a ValueError, or
    NaN where it is traced.

    Attributes:
        betas: [T], in (0, 1).

    >>> chain = VPDiscrete()
    >>> times = jnp.arange(99, -2, -1)  # DiffPure's t* = 0.1: 100 steps to the clean
    >>> [round(float(chain.sigma(t)), 4) for t in (times[0], times[-1])]
    [0.1694, 0.0]
    >>> int(chain.label(chain.sigma(99)))
    99
    """

    betas: Array = field(default_factory=linear_betas)
    width: Array | float = 2.0

    def __post_init__(self) -> None:
        """Refuse betas outside [0, 1)."""
        checks.fields(self, betas=checks.vector(0, 1), width=checks.positive)

    def alpha_bar(self, t: Array | int) -> Array:
        """The square of `scale`."""
        return jnp.exp(-self._total(t))

    def scale(self, t: Array | int) -> Array:
        """sqrt(alpha_bar)."""
        return jnp.exp(-0.5 * self._total(t))

    def sigma(self, t: Array | int) -> Array:
        """Noise level at time t; zero at -1."""
        return root(jnp.expm1(self._total(t))) / self.width

    def time(self, sigma: Array | float) -> Array:
        """The time at which the noise level is sigma, a float between labels.

        Raises:
            ValueError: the chain does not reach sigma.
        """
        table = self._table()
        reached(sigma, 0.0, self.sigma(self.betas.shape[0] - 1), "VPDiscrete")
        total = jnp.log1p(jnp.square(jnp.asarray(sigma) * self.width))
        labels = jnp.arange(-1, self.betas.shape[0], dtype=table.dtype)
        return jnp.interp(total, table, labels)

    def label(self, sigma: Array | float) -> Array:
        """The integer time nearest to that of sigma, at least 0."""
        time = jnp.maximum(jnp.round(self.time(sigma)), 0)
        return time.astype(jax.dtypes.canonicalize_dtype(int))

    def _table(self) -> Array:
        """-log alpha_bar at times -1 to T - 1, [T + 1]."""
        steps = -jnp.log1p(-jnp.asarray(self.betas))
        return jnp.concatenate([jnp.zeros_like(steps[:1]), jnp.cumsum(steps)])

    def _total(self, t: Array | int) -> Array:
        last = self.betas.shape[0] - 1
        for time in known(t) or []:
            if not -1 <= time <= last:
                raise ValueError(
                    f"VPDiscrete has times from -1 (clean) to {last}; got {time}."
                )
        inside = None
        if known(t) is None:
            inside = (jnp.asarray(t) >= -1) & (jnp.asarray(t) <= last)
        t, table = jnp.asarray(t), self._table()
        if jnp.issubdtype(t.dtype, jnp.integer):
            return checks.where(inside, table[t + 1])
        labels = jnp.arange(-1, self.betas.shape[0], dtype=table.dtype)
        return checks.where(inside, jnp.interp(t, labels, table))
