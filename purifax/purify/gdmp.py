"""GDMP: rounds of guided diffusion, each pulled to the image that came in.

The guided chain itself is in `guided`.

Source: Wang et al. 2022, arXiv 2205.14969, algorithm 1.
"""

from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import guide, recipe, sample
from purifax.purify import descent
from purifax.purify.compose import repeat
from purifax.purify.corrupt import Noise
from purifax.purify.descent import Descent, start_words
from purifax.purify.distance import DISTANCES, Distance, mean_square
from purifax.purify.guided_diffusion import guided, similarity_scales, square_scales
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.sample.ddpm import Variance
from purifax.transform import remat
from purifax.types import Purifier, Score

__all__ = ["GDMP", "guided_rounds"]


@checks.checked(x=checks.in_scale, sigmas=checks.listed)
def guided_rounds(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    scales: Array,
    draws: Array,
    *,
    distance: Distance = Partial(mean_square),
    variance: Variance = Partial(sample.large),
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Rounds of `guided`, each from the result of the last, all guided to the input.

    Args:
        draws: int [R], the rounds; published 4 for CIFAR-10 with 36 steps in each, 1
            for ImageNet with 45 of a chain of 250. The published answer averages the
            logits of 10 such runs.

    Returns:
        The purified image, in [0, 1]. (The authors clip after the last round only.)

    >>> import jax
    >>> from purifax.score import Gaussian
    >>> x, levels = jnp.full((2, 2, 1), 0.4), jnp.array([0.2, 0.1, 0.0])
    >>> scales, key = square_scales(levels, strength=0.1), jax.random.key(0)
    >>> guided_rounds(key, x, Gaussian(0.6, 0.0), levels, scales, jnp.arange(4)).shape
    (2, 2, 1)
    """
    once = Partial(
        guided,
        score=score,
        sigmas=sigmas,
        scales=scales,
        near=x,
        distance=distance,
        variance=variance,
        scan=scan,
    )
    return repeat(key, x, once, draws, scan=scan)


@dataclass(frozen=True)
class Guided(Descent):
    """A descent that a distance pulls to the input, shared by GDMP and Mimic.

    Attributes:
        sigma: noise added, in [0, 1] pixel units (default 0.25 where no time is given).
        time: time of the process up to which the image is noised, in place of sigma.
        strength: factor of the pull (default: the published one).
        variance: of a step: "small", "large" or "learned".
    """

    sigma: float | None = None
    time: float | None = None
    strength: float | None = None
    variance: str = "small"

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.above(self, "sigma", 0)
        recipe.above(self, "time", -1)
        recipe.at_least(self, "strength", 0)
        recipe.one_of(self, "variance", descent.VARIANCES)
        if self.sigma is not None and self.time is not None:
            raise ValueError(
                f"{type(self).__name__} starts at a sigma or at a time; got "
                f"sigma={self.sigma} and time={self.time}. Set one of them to None."
            )

    @property
    def start(self) -> float:
        """The level of noise where no time is given."""
        return 0.25 if self.sigma is None else self.sigma

    def down(self, prior: Prior, steps: int) -> Array:
        """The levels of the way down."""
        return self.levels(prior, self.start, self.time, steps)

    def calls(self) -> int:
        """Network evaluations of one run."""
        return self.steps


@dataclass(frozen=True)
@typed
class GDMP(Guided):
    """Guided diffusion, in rounds, pulled to the input (GDMP).

    The published strength is that of 32 x 32 x 3 images; that of "square" grows in
    proportion to the values of an image.

    Source: Wang et al. 2022, arXiv 2205.14969, algorithm 1.

    Attributes:
        repeats: rounds; published 4 for CIFAR-10.
        distance: "square" or "ssim", whose gradient pulls.
        against: Linf radius of the attack that is expected.
    """

    repeats: int = 1
    distance: str = "square"
    against: float = 8 / 255

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "repeats", 1)
        recipe.one_of(self, "distance", ("square", "ssim"))
        recipe.above(self, "against", 0)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self.build_short(prior, self.steps)

    def noise_alone(self, prior: Prior) -> Noise:
        """The noise of all rounds at once, without the ways back, for a control."""
        return self.noise_of(prior, *([(self.start, self.time)] * self.repeats))

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """As few steps over the whole way, as a surrogate.

        The denoised image is clipped at each step, as published.
        """
        scales = square_scales if self.distance == "square" else similarity_scales
        given = {} if self.strength is None else {"strength": self.strength}
        sigmas = self.down(prior, steps)
        return Partial(
            guided_rounds,
            score=guide.bounded(prior.score),
            sigmas=sigmas,
            scales=scales(sigmas, radius=self.against, **given),
            draws=jnp.arange(self.repeats),
            distance=Partial(DISTANCES[self.distance]),
            variance=descent.variance(self.variance, prior),
        )

    def calls(self) -> int:
        """Network evaluations of one run."""
        return self.steps * self.repeats

    def words(self) -> str:
        """The noise and the guide in words."""
        start = start_words(self.start, self.time)
        return f"{start}, guided by {self.distance}, {self.steps} steps"
