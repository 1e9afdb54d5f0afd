"""One-step denoising: noise the image, then take its posterior mean.

Source: the released code of Yoon et al. 2021 (arXiv 2106.06041), `ddp`; Tweedie's
formula.
"""

from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.noise import gaussian
from purifax.purify.adp_climb import NOISES, perturbation
from purifax.purify.corrupt import Noise
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.score import denoise
from purifax.types import Perturb, Purifier, Score

__all__ = [
    "OneStep",
    "one_step",
]


@checks.checked(x=checks.in_scale)
def one_step(
    key: Array,
    x: Array,
    score: Score,
    *,
    sigma: Array | float = 0.25,
    perturb: Perturb = Partial(gaussian),
) -> Array:
    """clip(y + sigma^2 score(y, sigma)) with y = clip(x + sigma z).

    >>> import jax
    >>> from purifax.score import Gaussian
    >>> x = jnp.full((2, 2, 1), 0.4)
    >>> one_step(jax.random.key(0), x, Gaussian(0.6, 0.0))[0, 0].round(3)
    Array([0.6], dtype=float32)
    """
    noised = jnp.clip(perturb(key, x, jnp.asarray(sigma, x.dtype)), 0.0, 1.0)
    return jnp.clip(denoise(noised, sigma, score), 0.0, 1.0)


@dataclass(frozen=True)
@typed
class OneStep:
    """Noise, then the denoised image in one step.

    Source: the released code of Yoon et al. 2021 (arXiv 2106.06041); Tweedie's formula.

    Attributes:
        sigma: noise added, at which the score is taken.
        noise: kind of noise: gaussian, binary or heteroscedastic.
        slope: growth of heteroscedastic noise with the score (default 0.1).
        level: noise level of the score that heteroscedastic noise grows with (default
            0.25).
    """

    sigma: float = 0.25
    noise: str = "gaussian"
    slope: float | None = None
    level: float | None = None

    def __post_init__(self) -> None:
        recipe.at_least(self, "sigma", 0)
        recipe.one_of(self, "noise", NOISES)
        recipe.only_with(self, "slope", "noise", ("heteroscedastic",))
        recipe.only_with(self, "level", "noise", ("heteroscedastic",))
        recipe.at_least(self, "slope", 0)
        recipe.above(self, "level", 0)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        level = 0.25 if self.level is None else self.level
        perturb = perturbation(self.noise, prior.score, level, self.slope)
        return Partial(one_step, score=prior.score, sigma=self.sigma, perturb=perturb)

    def build_frozen(self, prior: Prior) -> Purifier:
        """The purifier itself: it has no adaptive step size."""
        return self.build(prior)

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """The purifier itself, which has one step."""
        del steps
        return self.build(prior)

    def noise_alone(self, prior: Prior) -> Noise | None:
        """The same noise without the denoiser, for a control."""
        del prior
        return Noise(sigma=self.sigma) if self.sigma else None

    def calls(self) -> int:
        """Network evaluations of one run."""
        return 1 + (self.noise == "heteroscedastic")

    def words(self) -> str:
        """The noise in words."""
        return f"noise {self.noise} {self.sigma:g}"
