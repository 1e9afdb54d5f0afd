"""Guided diffusion: a reverse chain that is pulled to the image it came from (GDMP).

At each level sigma the input is noised anew, y = x0 + sigma z', and after DDPM's step

    x <- mean(x) + sqrt(V) z - scale V grad_x distance(x, y)

with V the variance of the step. All images are over the scale of their process, in
[0, 1] units. The published chain lives in w a (x - 1/2), with a = sqrt(alpha_bar) and
w = 2, where it has the factor 3 s sigma / radius; in ours that is `square_scales` for
the mean square, whose published value also grows with (w a)^2, and
`similarity_scales` for SSIM.

On an image of D values the mean square so pulls by the share 2 scale V / D of the way.
Published that is a fifth at most. It grows with the length of a step and the noise, and
above 2 the chain leaps over the input and diverges: lower `strength` then.

Through `distance` reverse mode differentiates the gradient itself, so the exact
gradient has the second-order terms that published attacks left out.

What is the paper's and what is not: the authors average the distance over the batch
too, so with a batch of 100 their pull is a hundredth; here it is that of one image.
They noise to label 36 and then denoise from label 35; here both are `sigmas[0]`. SSIM
is taken of images in [0, 1], where theirs are in [-1, 1] times a. The denoised image is
clipped at each step if the score is `guide.bounded(score)`, as theirs.

Source: Wang et al. 2022, arXiv 2205.14969, algorithm 1; the authors' code for the
schedule of the scale.
"""

from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import sample, schedule
from purifax.noise import gaussian
from purifax.noise.process import alpha_bar_of
from purifax.purify.distance import Distance, mean_square
from purifax.sample.ddpm import Variance
from purifax.transform import remat
from purifax.types import Score

__all__ = [
    "guided",
    "guided_step",
    "led",
    "one_each",
    "similarity_scales",
    "square_scales",
]


@checks.checked(radius=checks.positive)
def square_scales(
    sigmas: Array,
    *,
    strength: Array | float = 6e4,
    radius: Array | float = 8 / 255,
    width: Array | float = 2.0,
) -> Array:
    """The published scales for `mean_square`, [T].

    3 strength sigma / radius, times w^2 sqrt(alpha_bar alpha_bar_below)

    Args:
        sigmas: [T + 1], of a variance-preserving process.
        strength: 6e4 for CIFAR-10.
        radius: of the Linf attack that is expected.
        width: of the pixel range in which the process is defined.

    >>> levels = jnp.array([0.5, 0.0])
    >>> round(float(square_scales(levels, strength=1.0, radius=1.0)[0]), 3)
    4.243
    """
    a = jnp.sqrt(alpha_bar_of(sigmas, width=width))
    return 3 * strength * sigmas[:-1] / radius * a[:-1] * a[1:] * jnp.square(width)


@checks.checked(radius=checks.positive)
def similarity_scales(
    sigmas: Array,
    *,
    strength: Array | float = 7e4,
    radius: Array | float = 8 / 255,
    width: Array | float = 2.0,
) -> Array:
    """The published scales for `dissimilarity`, [T].

    3 strength sigma / radius, times sqrt(alpha_bar_below / alpha_bar)

    Args:
        sigmas: [T + 1], of a variance-preserving process.
        strength: 7e4 for CIFAR-10, 1e3 for ImageNet.
        radius: of the Linf attack that is expected.
        width: of the pixel range in which the process is defined.

    >>> levels = jnp.array([0.5, 0.0])
    >>> round(float(similarity_scales(levels, strength=1.0, radius=1.0)[0]), 3)
    2.121
    """
    a = jnp.sqrt(alpha_bar_of(sigmas, width=width))
    return 3 * strength * sigmas[:-1] / radius * a[1:] / a[:-1]


@checks.checked()
def guided_step(
    key: Array,
    x: Array,
    near: Array,
    score: Score,
    sigma: Array | float,
    below: Array | float,
    scale: Array | float,
    *,
    distance: Distance = Partial(mean_square),
    variance: Variance = Partial(sample.large),
) -> Array:
    """One step from level sigma down to level `below`, pulled to the image `near`.

    >>> x, to_zero = jnp.ones((1, 1, 1)), lambda x, sigma: -x / sigma**2
    >>> key, near = jax.random.key(0), jnp.zeros((1, 1, 1))
    >>> guided_step(key, x, near, to_zero, 2.0, 0.0, 0.0).tolist()
    [[[0.0]]]
    """
    k_near, k_step = jax.random.split(key)
    sigma, below = jnp.asarray(sigma, x.dtype), jnp.asarray(below, x.dtype)
    pull = jax.grad(distance)(x, gaussian(k_near, near, sigma))
    size = jnp.asarray(scale, x.dtype) * variance(x, sigma, below).astype(x.dtype)
    ahead = sample.ancestral_step(k_step, x, score, sigma, below, variance=variance)
    return ahead - size * pull


@checks.checked(x=checks.in_scale, sigmas=checks.listed)
def guided(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    scales: Array,
    *,
    near: Array | None = None,
    distance: Distance = Partial(mean_square),
    variance: Variance = Partial(sample.large),
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Noise the image to level sigmas[0] and sample down, guided to `near`.

    Args:
        sigmas: [T + 1], falling; published for CIFAR-10, `noise.VPDiscrete().sigma` of
            the times 35 to -1.
        scales: [T], such as `square_scales(sigmas)`; 0 is DDPM's purifier.
        near: what the chain is pulled to, like x; None is x itself.
        distance: `mean_square`, `dissimilarity` or any `(x, y) -> []`, as a `Partial`.
        variance: of a step; the published chain has `sample.large`.
        scan: what the gradient keeps, see `recompute`.

    Returns:
        The purified image, clipped to [0, 1].

    Raises:
        ValueError: the levels rise, or the scales are not one for each step.

    >>> from purifax.score import Gaussian
    >>> x, levels = jnp.full((2, 2, 1), 0.4), jnp.array([0.2, 0.1, 0.0])
    >>> key, no_guide = jax.random.key(0), jnp.zeros(2)
    >>> guided(key, x, Gaussian(0.6, 0.0), levels, no_guide)[0, 0].round(3)
    Array([0.6], dtype=float32)
    """
    near = x if near is None else near

    def step(key: Array, y: Array, *at: Array) -> Array:
        bound = {"distance": distance, "variance": variance}
        return guided_step(key, y, near, score, *at, **bound)

    return led(key, x, step, sigmas, scales, scan)


def led(
    key: Array,
    start: Array,
    step: Callable[..., Array],
    sigmas: Array,
    scales: Array,
    scan: remat.Scan,
) -> Array:
    """Noise `start` to level sigmas[0] and take guided steps down to sigmas[-1].

    Args:
        step: `(key, x, sigma, below, scale) -> x`.

    Returns:
        The last image, clipped to [0, 1].

    Raises:
        ValueError: the levels rise, or the scales are not one for each step.

    >>> to_scale = lambda key, x, sigma, below, scale: 0 * x + scale
    >>> levels, scales = jnp.array([0.2, 0.0]), jnp.array([0.5])
    >>> key, x = jax.random.key(0), jnp.ones((1, 1, 1))
    >>> led(key, x, to_scale, levels, scales, jax.lax.scan).tolist()
    [[[0.5]]]
    """
    levels = one_each(sigmas, scales).astype(start.dtype)
    k_noise, k_steps = jax.random.split(key)

    def once(x: Array, at: tuple[Array, ...]) -> tuple[Array, None]:
        i, *numbers = at
        return step(jax.random.fold_in(k_steps, i), x, *numbers), None

    steps = (jnp.arange(scales.shape[0]), levels[:-1], levels[1:], scales)
    last, _ = scan(once, gaussian(k_noise, start, levels[0]), steps)
    return jnp.clip(last, 0.0, 1.0)


def one_each(sigmas: Array, scales: Array) -> Array:
    """The levels, if they fall and there is one scale for each step between them.

    Raises:
        ValueError: otherwise.

    >>> one_each(jnp.array([1.0, 0.0]), jnp.array([3.0])).tolist()
    [1.0, 0.0]
    """
    levels = schedule.falling(sigmas)
    if scales.shape != (levels.shape[0] - 1,):
        raise ValueError(
            f"{levels.shape[0]} levels need {levels.shape[0] - 1} scales, one for each "
            f"step; got the shape {scales.shape}."
        )
    return levels
