"""Denoised smoothing's purifier: one denoising step, at the noise already there (DDS).

Source: Carlini et al. 2023, arXiv 2206.10550.
"""

from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.score import denoise
from purifax.types import Purifier, Score

__all__ = ["DDS", "dds"]


@checks.checked()
def dds(key: Array, x: Array, score: Score, *, sigma: Array | float) -> Array:
    """Denoised smoothing's purifier: the posterior mean of an image already noised.

        clip(x + sigma^2 score(x, sigma))

    It adds no noise, for the smoothing has: `sigma` must be the smoothing noise. In a
    variance-preserving process of alpha_bar this is the prediction of the clean image
    at the time where (1 - alpha_bar) / alpha_bar = sigma^2; the scale of its input is
    the business of the score (see `purifax.score`).

    Args:
        key: not used.
        x: a noised image, [H, W, C], not clipped.

    Returns:
        The denoised image, in [0, 1].

    Source: Carlini et al. 2023, arXiv 2206.10550, algorithm 1.

    >>> from purifax.score import Gaussian
    >>> dds(None, jnp.array([0.3, 2.0]), Gaussian(0.6, 0.0), sigma=0.25).round(3)
    Array([0.6, 0.6], dtype=float32)
    """
    del key
    return jnp.clip(denoise(x, sigma, score), 0.0, 1.0)


@dataclass(frozen=True)
@typed
class DDS:
    """One denoising step at the noise that the image already has (DDS).

    Source: Carlini et al. 2023, arXiv 2206.10550, algorithm 1.

    Attributes:
        sigma: that noise; under randomized smoothing it is the smoothing's (default).
    """

    sigma: float | None = None

    def __post_init__(self) -> None:
        recipe.above(self, "sigma", 0)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        sigma = 0.25 if self.sigma is None else self.sigma
        return Partial(dds, score=prior.score, sigma=sigma)

    def calls(self) -> int:
        """Network evaluations of one run."""
        return 1

    def words(self) -> str:
        """What it does, in words."""
        return "one-shot denoiser (DDS)"
