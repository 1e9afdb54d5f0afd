"""Likelihood maximisation by a diffusion's one-step bound: LM and ScoreOpt.

With D the denoised image, an image that is likely is its own denoised image: the
bound on -log p(x) is a weighted mean over levels of |D(x + sigma z, sigma) - x|^2. One
level and one noise are drawn for each step of Adam on the pixels.

    gap                |D(x + sigma z) - x|^2                             LM, ScoreOpt-O
    anchored_gap       gap + weight |x - x0|^2
    regularised_gap    gap + weight |D(x + sigma z) - D(x0 + sigma z')|^2

(means over the image's values). `maximise` descends one of them; `maximise_noised` is
ScoreOpt-N: it keeps one noise z, descends |sigma score(y, sigma) + z|^2 in the noised
image y = x0 + sigma z, and denoises once.

LM and ScoreOpt-O are one method, found twice, and differ in numbers. In [0, 1] units,
half those on images in [-1, 1]: LM 5 steps of 0.05 at sigma 0.25 +- 0.05; ScoreOpt-O
5 or 20 steps of 0.05 at 0.25 +- 0.05 against adaptive attacks, 20 of 0.005 at
0.125 +- 0.05 against transferred ones; ScoreOpt-N 5 steps of 0.05 at 0.125.

The gradient of each objective runs through the network, so the exact gradient of the
purifier takes second derivatives of it; reverse mode does so by itself. The authors'
codes detach it.

Source: Chen et al. 2024, arXiv 2305.15241, section 3 (LM); Zhang et al. 2023, arXiv
2307.04333 (ScoreOpt); the authors' codes for the numbers and for ScoreOpt-N.
"""

from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.purify.adam import State, adam_step, resting
from purifax.purify.distance import mean_square
from purifax.purify.likelihood_gaps import Objective, anchored_gap, gap, regularised_gap
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.score import denoise, scaled
from purifax.threat import Linf, Threat
from purifax.transform import remat
from purifax.types import Purifier, Score, known

__all__ = [
    "LM",
    "ScoreOpt",
    "maximise",
    "maximise_noised",
]


@checks.checked(x=checks.in_scale)
def maximise(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    step_sizes: Array,
    *,
    spread: Array | float = 0.05,
    objective: Objective = Partial(gap),
    threat: Threat | None = None,
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Adam on the image, down an objective that is low where images are likely.

    Args:
        sigmas: [T]; the level of step i is uniform within `spread` of sigmas[i].
        step_sizes: [T], of Adam, in [0, 1] units.
        spread: less than the sigmas.
        objective: `gap`, `anchored_gap` or `regularised_gap`, as a `Partial`.
        threat: the set around the image that every step is projected to; None is the
            whole space, as in effect in LM's code (an L2 ball of radius 100). The
            paper's own radius is not known to us.
        scan: what the gradient keeps, see `recompute`.

    Returns:
        The purified image, clipped to [0, 1].

    Raises:
        ValueError: there is not one step size for each level, or a level may be
            negative.

    >>> from purifax.score import Gaussian
    >>> key, x = jax.random.key(0), jnp.full((2, 2, 1), 0.4)
    >>> levels, steps = jnp.full(4, 0.25), jnp.full(4, 0.05)
    >>> found = maximise(key, x, Gaussian(0.7, 0.0), levels, steps)
    >>> round(float(found[0, 0, 0]), 2)
    0.6
    """
    _usable(sigmas, step_sizes, spread)
    spread = jnp.asarray(spread, x.dtype)

    def step(state: State, at: tuple[Array, Array, Array]) -> tuple[State, None]:
        i, sigma, size = at
        k_level, k_loss = jax.random.split(jax.random.fold_in(key, i))
        off = jax.random.uniform(k_level, (), x.dtype, -1.0, 1.0)
        level = sigma.astype(x.dtype) + spread * off
        g = jax.grad(objective, argnums=1)(k_loss, state[0], x, score, level)
        y, m, v = adam_step(state, g, i + 1, size)
        return (y if threat is None else threat.project(y, x), m, v), None

    steps = (jnp.arange(sigmas.shape[0]), sigmas, step_sizes)
    (last, _, _), _ = scan(step, resting(x), steps)
    return jnp.clip(last, 0.0, 1.0)


@checks.checked(x=checks.in_scale)
def maximise_noised(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array | float,
    step_sizes: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Adam on the noised image towards one whose noise is seen as it is; denoised.

    Args:
        sigma: [], the level; published 0.125.
        step_sizes: [T], of Adam, in [0, 1] units; published 5 of 0.05.
        scan: what the gradient keeps, see `recompute`.

    Returns:
        The purified image, clipped to [0, 1].

    >>> from purifax.score import Gaussian
    >>> key, x = jax.random.key(0), jnp.full((2, 2, 1), 0.4)
    >>> found = maximise_noised(key, x, Gaussian(0.7, 0.0), 0.1, jnp.zeros(1))
    >>> round(float(found[0, 0, 0]), 2)
    0.7
    """
    sigma = jnp.asarray(sigma, x.dtype)
    z = jax.random.normal(key, x.shape, x.dtype)

    def unlike(y: Array) -> Array:
        return mean_square(-scaled(y, sigma, score), z)

    def step(state: State, at: tuple[Array, Array]) -> tuple[State, None]:
        i, size = at
        return adam_step(state, jax.grad(unlike)(state[0]), i + 1, size), None

    steps = (jnp.arange(step_sizes.shape[0]), step_sizes)
    (last, _, _), _ = scan(step, resting(x + sigma * z), steps)
    return jnp.clip(denoise(last, sigma, score), 0.0, 1.0)


def _usable(sigmas: Array, step_sizes: Array, spread: Array | float) -> None:
    if sigmas.shape != step_sizes.shape or sigmas.ndim != 1:
        raise ValueError(
            "Each step needs a level and a step size; got the shapes "
            f"{sigmas.shape} and {step_sizes.shape}."
        )
    levels, width = known(sigmas), known(spread)
    if levels and width and not min(levels) > width[0] >= 0:
        raise ValueError(
            f"`spread` must be at least 0 and less than every level; got {width[0]:.4g}"
            f" and levels down to {min(levels):.4g}."
        )


OBJECTIVES = {
    "gap": gap,
    "anchored": anchored_gap,
    "regularised": regularised_gap,
}
NOISED = "noised"
_WEIGHED = ("anchored", "regularised")


@dataclass(frozen=True)
class Maximiser:
    """Adam down a bound of the likelihood, shared by LM and ScoreOpt.

    Attributes:
        sigma: noise level at which the bound is taken.
        steps: steps of Adam.
        step_size: of Adam, in [0, 1] pixel units.
        spread: half the width about sigma in which levels are drawn (default 0.05).
        objective: gap, anchored or regularised.
        weight: of the second term of the anchored and regularised ones (default 1).
        reach: Linf radius about the input that is not left (default: the whole space).
    """

    sigma: float = 0.25
    steps: int = 5
    step_size: float = 0.05
    spread: float | None = None
    objective: str = "gap"
    weight: float | None = None
    reach: float | None = None

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", 1)
        recipe.above(self, "step_size", 0)
        recipe.above(self, "reach", 0)
        recipe.one_of(self, "objective", self._objectives())
        recipe.only_with(self, "weight", "objective", _WEIGHED)
        recipe.at_least(self, "weight", 0)
        recipe.only_with(self, "spread", "objective", tuple(OBJECTIVES))
        recipe.only_with(self, "reach", "objective", tuple(OBJECTIVES))
        recipe.above(self, "sigma", 0)
        if self.objective != NOISED and not 0 <= self._spread() < self.sigma:
            raise ValueError(
                f"{type(self).__name__}.spread must be 0 or more and less than sigma, "
                f"about which levels are drawn; got {self._spread()} and {self.sigma}."
            )

    def _objectives(self) -> tuple[str, ...]:
        return tuple(OBJECTIVES)

    def _spread(self) -> float:
        return 0.05 if self.spread is None else self.spread

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self.build_short(prior, self.steps)

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """Fewer steps of Adam, as a surrogate."""
        sizes = jnp.full(steps, self.step_size)
        if self.objective == NOISED:
            bound: dict[str, Any] = {"score": prior.score, "sigma": self.sigma}
            return Partial(maximise_noised, **bound, step_sizes=sizes)
        weighed: dict[str, Any] = {}
        if self.objective in _WEIGHED:
            weighed = {"weight": 1.0 if self.weight is None else self.weight}
        return Partial(
            maximise,
            score=prior.score,
            sigmas=jnp.full(len(sizes), self.sigma),
            step_sizes=sizes,
            spread=self._spread(),
            objective=Partial(OBJECTIVES[self.objective], **weighed),
            threat=None if self.reach is None else Linf(radius=self.reach),
        )

    def calls(self) -> int:
        """Network evaluations of one run."""
        each = 2 if self.objective == "regularised" else 1
        return each * self.steps + (self.objective == NOISED)

    def words(self) -> str:
        """The noise and the objective in words."""
        return f"noise of sigma {self.sigma:g}, {self.objective}, {self.steps} steps"


@dataclass(frozen=True)
@typed
class LM(Maximiser):
    """Likelihood maximisation by a diffusion's one-step bound (LM).

    Source: Chen et al. 2024, arXiv 2305.15241, section 3.
    """


@dataclass(frozen=True)
@typed
class ScoreOpt(Maximiser):
    """Score-based optimisation of the image; "noised" is its variant N (ScoreOpt).

    Source: Zhang et al. 2023, arXiv 2307.04333.
    """

    def _objectives(self) -> tuple[str, ...]:
        return (*OBJECTIVES, NOISED)
