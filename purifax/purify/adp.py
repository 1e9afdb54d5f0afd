"""Adversarial purification with a score and adaptive step sizes (ADP).

Noise the image, clip it to [0, 1], then climb the density without further noise:

    v      = f(x)                          f = sigma score, minus the unit noise
    bend   = - <v, J v> / <v, v>           J the Jacobian of f at x
    alpha  = clip(rate / bend, smallest, largest)
    active = active and alpha > stop       never re-armed
    x      = clip(x + alpha v, 0, 1)       while active

For a locally quadratic energy alpha is `rate` times the exact line search along v: on
f(x) = -(x - m) / s it is rate s. f predicts unit noise, so alpha is the noise standard
deviation removed by the step.

The paper evaluates f twice, at x and at x + delta v, and sets bend = (1 - z) / delta
with z = <v, f(x + delta v)> / <v, v>; that is `by_difference`. `by_jvp` takes the limit
by forward-mode differentiation at the same cost and needs no delta.

Where this differs from the released code: the affine map between pixel grids is left
out (it drifts the contrast at every step), a zero score stops the image where the code
yields NaN, and no image sees its batch-mates. `reference` keeps all three.

Source: Yoon, Hwang and Lee 2021, arXiv 2106.06041, algorithm 1 and section 3.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.noise import gaussian
from purifax.purify.adp_climb import Climb
from purifax.purify.adp_early import (
    adaptive_early,
)
from purifax.purify.adp_step import all_active, climb_step, noised
from purifax.purify.curvature import Curvature, by_jvp
from purifax.purify.prior import Prior, States
from purifax.recipe import typed
from purifax.transform import remat
from purifax.types import Perturb, Purifier, Score

__all__ = [
    "ADP",
    "Trace",
    "adaptive",
    "adaptive_path",
    "adaptive_trace",
]


class Trace(NamedTuple):
    """What happened on the way.

    Attributes:
        images: [T + 1, H, W, C], the noised image first.
        step_sizes: [T], zero once stopped.
    """

    images: Array
    step_sizes: Array


@checks.checked(x=checks.in_scale)
def adaptive(
    key: Array,
    x: Array,
    score: Score,
    levels: Array,
    *,
    sigma: Array | float = 0.25,
    perturb: Perturb = Partial(gaussian),
    curvature: Curvature = Partial(by_jvp),
    rate: Array | float = 0.05,
    smallest: Array | float = 1e-5,
    largest: Array | float = 0.1,
    stop: Array | float = 1e-3,
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Purify one image by noise and adaptive score ascent (ADP).

    Args:
        score: gradient of log p_sigma.
        levels: [T], the sigma at which the score is taken at each step; the published
            purifier takes 10 steps with a network that ignores it.
        sigma: noise added first, in [0, 1] pixel units; 0 is deterministic.
        perturb: `noise.gaussian`, `noise.binary` or any `(key, x, sigma) -> x`, as a
            `Partial`.
        curvature: `by_jvp`, `by_difference` or `held`, as a `Partial`.
        rate: the paper's lambda.
        smallest, largest: bounds of a step size.
        stop: an image stops for good once its step size is not above this; the
            paper's tau.
        scan: what the gradient keeps, see `recompute`.

    Returns:
        The purified image, in [0, 1].

    The steps are a masked `scan` with recomputation, so the exact gradient is
    available at little more than the memory of one step. `adaptive_early` gives the
    same image sooner where no gradient is wanted.

    Source: Yoon et al. 2021, arXiv 2106.06041, algorithm 1.

    >>> import jax, jax.numpy as jnp
    >>> from purifax.score import Gaussian
    >>> key, x = jax.random.key(0), jnp.full((4, 4, 1), 0.3)
    >>> purify = Partial(adaptive, score=Gaussian(0.6, 0.0), levels=jnp.full(10, 0.2))
    >>> purify(key, x, rate=1.0, largest=1.0).round(3)[0, 0]
    Array([0.6], dtype=float32)
    """
    purified, _ = adaptive_trace(
        key,
        x,
        score,
        levels,
        sigma=sigma,
        perturb=perturb,
        curvature=curvature,
        rate=rate,
        smallest=smallest,
        largest=largest,
        stop=stop,
        scan=scan,
    )
    return purified


@checks.checked(x=checks.in_scale)
def adaptive_trace(
    key: Array,
    x: Array,
    score: Score,
    levels: Array,
    *,
    sigma: Array | float = 0.25,
    perturb: Perturb = Partial(gaussian),
    curvature: Curvature = Partial(by_jvp),
    scan: remat.Scan = Partial(remat.auto),
    **limits: Array | float,
) -> tuple[Array, Trace]:
    """`adaptive`, with every intermediate image and step size.

    `limits` are `rate, smallest, largest, stop` as in `adaptive`.
    """

    def step(carry: tuple[Array, Array], level: Array) -> tuple[tuple, Trace]:
        x, active = carry
        x, active, size = climb_step(x, active, level, score, curvature, **limits)
        return (x, active), Trace(x, size)

    start = noised(key, x, sigma, perturb)
    (last, _), trace = scan(step, (start, all_active(start)), levels)
    return last, Trace(jnp.concatenate([start[None], trace.images]), trace.step_sizes)


def adaptive_path(key: Array, x: Array, *bound: Any, **knobs: Any) -> Array:
    """Every image of `adaptive_trace`, [T + 1, H, W, C], the purified one last."""
    return adaptive_trace(key, x, *bound, **knobs)[1].images


@dataclass(frozen=True)
@typed
class ADP(Climb):
    """Adversarial purification by adaptive score ascent (ADP).

    Source: Yoon et al. 2021, arXiv 2106.06041, algorithm 1; its numbers are the
    defaults.

    Attributes:
        sigma: noise added first, in [0, 1] pixel units.
        sigmas: several such levels, of which equal shares of the samples get one each.
    """

    sigma: float = 0.25
    sigmas: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "sigma", 0)
        recipe.at_least(self, "sigmas", 0)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self.bound(adaptive, prior, sigma=self.sigma)

    def build_fast(self, prior: Prior) -> Purifier:
        """The same images sooner, without a gradient."""
        return self.bound(adaptive_early, prior, sigma=self.sigma)

    def build_frozen(self, prior: Prior) -> Purifier:
        """The same images; step sizes are constants to the gradient."""
        return self.bound(adaptive, prior, sigma=self.sigma, frozen=True)

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """The first steps alone, as a surrogate."""
        return self.bound(adaptive, prior, sigma=self.sigma, steps=steps)

    def states(self, prior: Prior) -> States:
        """The image after every step."""
        path = self.bound(adaptive_path, prior, sigma=self.sigma)
        return States(path, None, self.steps)

    def knobs(self, samples: int) -> dict[str, Array] | None:
        """The noise level of each sample, [S], where there are several.

        Raises:
            ValueError: the samples do not divide into equal shares.
        """
        if not self.sigmas:
            return None
        if samples % len(self.sigmas):
            raise ValueError(
                f"{samples} samples do not divide into {len(self.sigmas)} equal "
                "shares, one for each of ADP.sigmas."
            )
        shares = jnp.arange(samples) * len(self.sigmas) // samples
        return {"sigma": jnp.array(self.sigmas)[shares]}

    def words(self) -> str:
        """The noise in words."""
        several = ", ".join(f"{sigma:g}" for sigma in self.sigmas)
        level = f"of sigma {several}" if several else f"{self.sigma:g}"
        return f"noise {self.noise} {level}, {self.steps} steps"
