"""What storing weights as float16 changes, measured; and a picture for their card."""

import pathlib
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial
from PIL import Image

from purifax import data, score, weights
from purifax.run import pictures
from purifax.run.progress import each
from purifax.types import Score

__all__ = ["IMAGES", "compare", "picture"]

IMAGES = 256
"""Test images on which the shipped weights are compared with the trained ones."""

SIGMAS = (0.1, 0.25, 0.5)
KINDS = {"score": "scores", "energy": "forces", "classifier": "logits"}
DRAWN = {"score": "samples.png", "energy": "long_chains_from_noise.png"}
COLOURS = 64
TILE = np.ones((12, 12))


def compare(
    trained: pathlib.Path, made: pathlib.Path, images: data.Images
) -> dict[str, Any]:
    """How far the answers of two folders are apart on test images, and in words."""
    few = images.take(np.arange(min(IMAGES, len(images))))
    x = data.augment.to_float(jnp.asarray(few.images))
    both = each("answers compared", (trained, made), unit="folder")
    before, after = (_answers(place, x) for place in both)
    apart = float(np.sqrt(np.square(after - before).mean() / np.square(before).mean()))
    found = {"images": len(few), "apart": float(f"{apart:.2g}")}
    kind = KINDS[weights.role(made)]
    words = f"{kind} of {len(few)} test images differ from the trained by {apart:.2g}"
    if weights.role(made) == "classifier":
        found["changed"] = int((before.argmax(-1) != after.argmax(-1)).sum())
        words += f" of their size, {found['changed']} answers differ"
    else:
        words += " of their size"
    return found | {"words": words}


def _answers(place: pathlib.Path, x: Array) -> np.ndarray:
    """Logits, or forces of an energy, or scores at three levels, of images [N, ...]."""
    role = weights.role(place)
    if role == "classifier":
        return _logits(place, x)
    noises = jax.random.normal(jax.random.key(0), (len(SIGMAS), *x.shape))
    if role == "energy":
        found: Score = score.from_energy(weights.energy(place))
    else:
        found = weights.score(place)
    levels = zip(SIGMAS, noises, strict=True)
    return np.stack([s * _scores(found, x + s * z, s) for s, z in levels])


def _logits(place: pathlib.Path, x: Array) -> np.ndarray:
    return np.asarray(_mapped(weights.load(place), x))


def _scores(found: Score, x: Array, sigma: float) -> np.ndarray:
    return np.asarray(_mapped(Partial(_at, found=found, sigma=sigma), x))


def _at(x: Array, found: Score, sigma: Array) -> Array:
    return found(x, sigma)


@jax.jit
def _mapped(fn: Any, x: Array) -> Array:
    return jax.lax.map(fn, x, batch_size=64)


def picture(path: pathlib.Path, trained: pathlib.Path, images: data.Images) -> str:
    """Writes a small picture and says what it shows.

    A score's samples and an energy's chains from noise, as training drew them: the
    bank has images of the set that are only a few steps old. Of a classifier how often
    each class is answered as which. There is no image of the set in any.
    """
    role = weights.role(trained)
    if role != "classifier":
        with Image.open(trained / DRAWN[role]) as drawn:
            small = drawn.quantize(COLOURS)
        small.save(path, optimize=True)
        return {"score": "samples", "energy": "long chains from noise"}[role]
    few = images.take(np.arange(min(IMAGES * 4, len(images))))
    x = data.augment.to_float(jnp.asarray(few.images))
    answers = _logits(trained, x).argmax(-1)
    shares = _shares(few.labels, answers, len(images.names))
    pictures.grid(path, np.kron(1 - shares, TILE)[None, None, :, :, None], height=1)
    right = int((few.labels == answers).sum())
    return (
        f"a row for each class, a column for each answer, the darker the more often; "
        f"{right} of the first {len(few)} test images are answered rightly"
    )


def _shares(labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """[K, K]: of each class, the share of every answer."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, answers), 1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
