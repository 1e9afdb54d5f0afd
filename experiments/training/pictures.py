"""Pictures of a trained network: what it removes, and what it draws by itself."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from experiments.training.config import (
    Sample,
)
from purifax import batched, sample, schedule, score
from purifax.run import pictures
from purifax.types import Score

__all__ = ["denoising", "drawn", "samples"]

_SIGMAS = (0.1, 0.25, 0.5)


def denoising(
    path: pathlib.Path,
    key: Array,
    score: Score,
    images: np.ndarray,
) -> None:
    """Rows: clean images, then noised and denoised ones at sigma 0.1, 0.25 and 0.5.

    Args:
        score: of one image.
        images: uint8 [K, H, W, C], not trained on.
    """
    clean = jnp.asarray(images, jnp.float32) / 255
    z = jax.random.normal(key, clean.shape)
    rows = [clean]
    for sigma in _SIGMAS:
        noised = clean + sigma * z
        rows += [noised, _denoise(score, noised, jnp.float32(sigma))]
    pictures.grid(path, np.asarray(jnp.stack(rows)))


@jax.jit
def _denoise(f: Score, x: Array, sigma: Array) -> Array:
    return jax.vmap(lambda one: score.denoise(one, sigma, f))(x)


def samples(
    path: pathlib.Path,
    key: Array,
    score: Score,
    settings: Sample,
    shape: tuple[int, ...],
) -> None:
    """A square grid of annealed Langevin samples, from noise of the largest level."""
    sigmas = schedule.geometric(settings.largest, settings.smallest, settings.levels)
    steps = schedule.langevin_steps(sigmas, settings.rate)
    k_start, k_chain = jax.random.split(key)
    x = 0.5 + settings.largest * jax.random.normal(k_start, (settings.images, *shape))
    sigmas = jnp.repeat(sigmas, settings.per_level)
    steps = jnp.repeat(steps, settings.per_level)
    chain = Partial(sample.annealed_langevin, sigmas=sigmas, step_sizes=steps)
    _square(path, _draw(k_chain, x, chain, score))


def drawn(
    path: pathlib.Path,
    key: Array,
    score: Score,
    sampler: Partial,
    sigmas: Array,
    shape: tuple[int, ...],
) -> None:
    """A square grid of samples, from noise of the largest of the levels.

    Args:
        sampler: `(key, x, score, sigmas=sigmas) -> (x, path)`.
        sigmas: [T + 1], falling.
        shape: how many images, and of one: [N, H, W, C].
    """
    k_start, k_chain = jax.random.split(key)
    x = 0.5 + sigmas[0] * jax.random.normal(k_start, shape)
    _square(path, _draw(k_chain, x, Partial(sampler, sigmas=sigmas), score))


def _square(path: pathlib.Path, images: Array) -> None:
    side, shape = int(len(images) ** 0.5), images.shape[1:]
    pictures.grid(path, np.asarray(images[: side * side]).reshape(side, side, *shape))


@jax.jit
def _draw(key: Array, x: Array, chain: Partial, score: Score) -> Array:
    return batched(lambda key, x: chain(key, x, score)[0])(key, x)
