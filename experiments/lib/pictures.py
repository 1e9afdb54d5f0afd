"""Pictures of a trained network: what it removes, and what it draws by itself."""

import pathlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial
from PIL import Image, ImageDraw

from experiments.lib.config import Sample
from purifax import batched, sample, schedule, score
from purifax.types import Score

__all__ = ["denoising", "drawn", "grid", "samples", "strip"]

_SIGMAS = (0.1, 0.25, 0.5)


def grid(path: pathlib.Path, rows: np.ndarray, height: int = 64) -> None:
    """Writes images [R, K, H, W, C] in [0, 1] as R rows of K, each enlarged.

    Pixels are repeated a whole number of times, so that nothing is blurred.
    """
    times = max(1, height // rows.shape[2])
    pixels = np.rint(np.clip(rows, 0, 1) * 255).astype(np.uint8)
    pixels = pixels.repeat(times, 2).repeat(times, 3)
    pixels = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)))
    r, k, h, w, c = pixels.shape
    page = pixels.transpose(0, 2, 1, 3, 4).reshape(r * h, k * w, c)
    Image.fromarray(page[..., 0] if c == 1 else page).save(path)


def strip(path: pathlib.Path, rows: np.ndarray, words: Sequence[str]) -> None:
    """Writes images [R, K, H, W, C] as `grid` does, with words beside each row."""
    grid(path, rows)
    with Image.open(path) as found:
        images = found.convert("RGB")
    high, margin = images.height // len(words), 150
    page = Image.new("RGB", (images.width + margin, images.height), "white")
    page.paste(images, (margin, 0))
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(words):
        draw.text((6, row * high + high // 2 - 5), line, fill="black")
    page.save(path)


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
    grid(path, np.asarray(jnp.stack(rows)))


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
    grid(path, np.asarray(images[: side * side]).reshape(side, side, *shape))


@jax.jit
def _draw(key: Array, x: Array, chain: Partial, score: Score) -> Array:
    return batched(lambda key, x: chain(key, x, score)[0])(key, x)
