"""Detect, then purify: little noise for an image that already looks natural.

The length of the scaled score |f(x)|_2 of the image as it came is large for attacked
and corrupted images. Above a threshold the image gets the full noise, below it a
fraction. Calibrate the threshold on clean validation images: |f| scales with the
square root of the image size and with the network.

Source: Yoon et al. 2021, arXiv 2106.06041, appendix on detection; its released code
uses fixed thresholds 25 and 35 on CIFAR-10 and fractions 0, 0.1 and 0.2.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.purify.adp import adaptive, adaptive_early
from purifax.purify.adp_climb import Climb
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.score import scaled
from purifax.types import Purifier, Score

__all__ = [
    "Detect",
    "detect",
    "scaled_norm",
    "threshold",
]


@checks.checked()
def scaled_norm(x: Array, score: Score, level: Array | float) -> Array:
    """|f(x)|_2 with f = level score(x, level), [].

    >>> float(scaled_norm(jnp.ones((2, 2, 1)), lambda x, s: -x, 1.0))
    2.0
    """
    v = scaled(x, level, score)
    v = v.astype(jnp.promote_types(v.dtype, jnp.float32))
    return jnp.sqrt(jnp.sum(jnp.square(v)) + 1e-24)


def threshold(norms: Array, false_alarms: float = 0.05) -> Array:
    """The norm above which a share `false_alarms` of clean images lies.

    Args:
        norms: [N], `scaled_norm` of clean validation images.

    Raises:
        ValueError: `false_alarms` is outside [0, 1].

    >>> float(threshold(jnp.arange(101.0), 0.05))
    95.0
    """
    if not 0 <= false_alarms <= 1:
        raise ValueError(
            f"`false_alarms` is a share of clean images in [0, 1]; got {false_alarms}."
        )
    return jnp.quantile(norms, 1.0 - false_alarms)


@checks.checked(
    x=checks.in_scale, limit=checks.at_least_zero, calm=checks.at_least_zero
)
def detect(
    key: Array,
    x: Array,
    purifier: Purifier,
    score: Score,
    level: Array | float,
    limit: Array | float,
    *,
    sigma: Array | float = 0.25,
    calm: Array | float = 0.2,
    **knobs: Any,
) -> Array:
    """Purify with noise sigma where |f(x)| > limit, else with calm times sigma.

    Args:
        purifier: takes the keyword `sigma`, such as a bound `adaptive`.
        level: the sigma at which the score is measured.
        limit: see `threshold`.
        calm: fraction of the noise for an image that is not suspected.
        knobs: further keywords for the purifier, such as `scan`.

    >>> purifier = lambda key, x, sigma: x + sigma
    >>> f = lambda x, s: -x
    >>> float(detect(None, jnp.ones(()), purifier, f, 1.0, 2.0, sigma=0.5))
    1.100000023841858
    """
    norm = scaled_norm(x, score, level)
    sigma = jnp.where(norm > limit, sigma, sigma * calm)
    sigma = jnp.where(jnp.isnan(norm), jnp.nan, sigma)
    return purifier(key, x, sigma=sigma, **knobs)  # pyright: ignore[reportCallIssue]


@dataclass(frozen=True)
@typed
class Detect(Climb):
    """ADP with little noise for images whose score is short, which look natural.

    Source: Yoon et al. 2021, arXiv 2106.06041, appendix on detection.

    Attributes:
        sigma: noise added to a suspected image.
        calm: share of that noise for the others.
        false_alarms: share of clean images that may be suspected, which sets the limit.
        limit: length of the score above which an image is suspected; found on clean
            validation images if it is not given.
    """

    sigma: float = 0.25
    calm: float = 0.2
    false_alarms: float = 0.05
    limit: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "sigma", 0)
        recipe.within(self, "calm", 0, 1)
        recipe.within(self, "false_alarms", 0, 1)
        recipe.at_least(self, "limit", 0)

    @property
    def uncalibrated(self) -> bool:
        """Whether clean images must still set the limit."""
        return self.limit is None

    def calibrate(self, prior: Prior, images: Array) -> "Detect":
        """With the limit that clean images [N, H, W, C] set."""
        if self.limit is not None:
            return self
        norms = jax.lax.map(
            lambda x: scaled_norm(x, prior.score, self.level), images, batch_size=64
        )
        limit = float(threshold(norms, self.false_alarms))
        return dataclasses.replace(self, limit=limit)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self._detect(prior, self.bound(adaptive, prior))

    def build_fast(self, prior: Prior) -> Purifier:
        """The same images sooner, without a gradient."""
        return self._detect(prior, self.bound(adaptive_early, prior))

    def build_frozen(self, prior: Prior) -> Purifier:
        """The same images; step sizes are constants to the gradient."""
        return self._detect(prior, self.bound(adaptive, prior, frozen=True))

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """The first steps alone, as a surrogate."""
        return self._detect(prior, self.bound(adaptive, prior, steps=steps))

    def _detect(self, prior: Prior, purifier: Purifier) -> Purifier:
        return Partial(
            detect,
            purifier=purifier,
            score=prior.score,
            level=self.level,
            limit=0.0 if self.limit is None else self.limit,
            sigma=self.sigma,
            calm=self.calm,
        )

    def calls(self) -> int:
        """Network evaluations of one run."""
        return super().calls() + 1

    def words(self) -> str:
        """The noise in words."""
        return f"noise {self.noise} {self.sigma:g}, {self.steps} steps"
