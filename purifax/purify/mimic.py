"""Purification from pure noise: the input only guides what is generated (Mimic).

The chain starts from noise that knows nothing of the image and is DDPM's, with D the
denoised image at each step:

    x <- mean(x) + sqrt(V) z - scale grad_D distance(D, x0)

The gradient is in D alone, with the predicted noise held constant, as in the authors'
code; so no step runs back through the network.

With the published distance, `manhattan`, the input enters through the signs of D - x0
alone: the exact gradient in the input is zero almost everywhere, and an attack that
follows it stands still. That is no robustness. Attack through
`backward.straight_through` or a surrogate, or take `mean_square` for the distance.

From the papers: the start in pure noise and the guidance towards the input (both), the
Manhattan distance, a long-range and a short-range guidance (Mimic). The
short-range one compares both images enlarged; in the released code they are enlarged
by repetition, which changes no mean, so it equals the long-range one, and here the two
are one guidance of twice the strength. Our choice: the level at the start is that of
`sigmas[0]`, about the middle grey to which a variance-preserving process pulls;
`strength` is that of one image. The body of the first paper was not available to us:
`distance=Partial(mean_square)` is that idea with scales of your own.

Source: Wu, Ye and Gu 2022, arXiv 2206.10875; Song et al. 2024, arXiv 2312.04802; the
latter's code for the numbers.
"""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe, sample
from purifax.noise.process import alpha_bar_of
from purifax.purify import descent
from purifax.purify.descent import start_words
from purifax.purify.distance import DISTANCES, Distance, manhattan
from purifax.purify.gdmp import Guided
from purifax.purify.guided_diffusion import led
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.sample.ddpm import Variance
from purifax.score import denoise
from purifax.transform import remat
from purifax.types import Purifier, Score

__all__ = [
    "Mimic",
    "mimic_from_noise",
    "mimic_scales",
    "mimic_step",
]


@checks.checked(start=checks.number(), stop=checks.number())
def mimic_scales(
    sigmas: Array,
    *,
    strength: Array | float = 375.0,
    start: Array | float = 0.2,
    stop: Array | float = 0.9,
    width: Array | float = 2.0,
) -> Array:
    """The published scales for `manhattan`, [T].

    strength / (w sqrt(alpha_bar_below)) from after share `start` of the steps to
    before share `stop`, else 0.

    Args:
        sigmas: [T + 1]; published, 100 labels evenly spaced over `noise.VPDiscrete()`.
        strength: 2 guidances of 3000, averaged over the batch of 16 of the authors'
            script. For images of 32 x 32 that is a move of 0.37 in every value of
            [-1, 1].
        width: of the pixel range in which the process is defined.

    >>> mimic_scales(jnp.array([2.0, 1.0, 0.0]), strength=2.0).tolist()
    [0.0, 1.0]
    """
    share = jnp.arange(sigmas.shape[0] - 1) / (sigmas.shape[0] - 1)
    size = strength / (width * jnp.sqrt(alpha_bar_of(sigmas[1:], width=width)))
    return jnp.where((share > start) & (share < stop), size, 0.0)


@checks.checked()
def mimic_step(
    key: Array,
    x: Array,
    near: Array,
    score: Score,
    sigma: Array | float,
    below: Array | float,
    scale: Array | float,
    *,
    distance: Distance = Partial(manhattan),
    variance: Variance = Partial(sample.small),
) -> Array:
    """One step from level sigma down to level `below`, pulled to the image `near`.

    >>> x, to_zero = jnp.ones((1, 1, 1)), lambda x, sigma: -x / sigma**2
    >>> key, near = jax.random.key(0), jnp.ones((1, 1, 1))
    >>> mimic_step(key, x, near, to_zero, 2.0, 0.0, 0.25).tolist()
    [[[0.25]]]
    """
    value = score(x, jnp.asarray(sigma, x.dtype))
    pull = jax.grad(distance)(denoise(x, sigma, lambda *_: value), near)
    ahead = sample.ancestral_step(
        key, x, lambda *_: value, sigma, below, variance=variance
    )
    return ahead - jnp.asarray(scale, x.dtype) * pull


@checks.checked(x=checks.in_scale, sigmas=checks.listed)
def mimic_from_noise(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    scales: Array,
    *,
    distance: Distance = Partial(manhattan),
    variance: Variance = Partial(sample.small),
    centre: Array | float = 0.5,
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Generate an image from pure noise, guided towards x.

    Args:
        sigmas: [T + 1], falling from a level at which nothing of an image is seen.
        scales: [T], such as `mimic_scales(sigmas)`; 0 generates without guidance.
        distance: `manhattan` or any `(denoised, x) -> []`, as a `Partial`.
        variance: of a step; the published chain has `sample.small`.
        centre: what the process pulls images to, in [0, 1].
        scan: what the gradient keeps, see `recompute`.

    Returns:
        The purified image, clipped to [0, 1].

    Raises:
        ValueError: the levels rise, or the scales are not one for each step.

    >>> from purifax.score import Gaussian
    >>> x, levels = jnp.full((2, 2, 1), 0.4), jnp.array([9.0, 0.5, 0.0])
    >>> key, scales = jax.random.key(0), jnp.array([0.0, 0.4])
    >>> mimic_from_noise(key, x, Gaussian(0.7, 0.0), levels, scales)[0, 0].round(3)
    Array([0.6], dtype=float32)
    """

    def step(key: Array, y: Array, *at: Array) -> Array:
        bound = {"distance": distance, "variance": variance}
        return mimic_step(key, y, x, score, *at, **bound)

    grey = 0 * x + jnp.asarray(centre, x.dtype)
    return led(key, grey, step, sigmas, scales, scan)


@dataclass(frozen=True)
@typed
class Mimic(Guided):
    """A sample from noise alone that is led to the input (Mimic).

    The published strength is that of the Manhattan distance; it grows in proportion to
    the pixels.

    Source: Song et al. 2024, arXiv 2312.04802.

    Attributes:
        distance: "manhattan", "square" or "ssim", whose gradient leads.
    """

    distance: str = "manhattan"

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.one_of(self, "distance", ("manhattan", "square", "ssim"))
        if self.strength is None and self.distance != "manhattan":
            raise ValueError(
                "Mimic's published strength is that of the manhattan distance; with "
                f"distance={self.distance} give a strength."
            )

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self.build_short(prior, self.steps)

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """As few steps over the whole way, as a surrogate."""
        given = {} if self.strength is None else {"strength": self.strength}
        sigmas = self.down(prior, steps)
        return Partial(
            mimic_from_noise,
            score=prior.score,
            sigmas=sigmas,
            scales=mimic_scales(sigmas, **given),
            distance=Partial(DISTANCES[self.distance]),
            variance=descent.variance(self.variance, prior),
        )

    def words(self) -> str:
        """The noise and the guide in words."""
        start = start_words(self.start, self.time)
        return f"{start}, guided by {self.distance}, {self.steps} steps"
