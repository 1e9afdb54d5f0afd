"""Purify the images of files, a folder or an .npz, and write them out again."""

import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from jax import Array

from purifax import fleet
from purifax.data.images import dimensions
from purifax.evaluation.images import held_out
from purifax.evaluation.settings import Evaluation
from purifax.fleet.purify_batch import key_words
from purifax.pipelines import inputs, purifiers
from purifax.run import pictures, places
from purifax.run.extras import extra
from purifax.run.progress import Progress, say
from purifax.transform import in_chunks
from purifax.types import Purifier

__all__ = ["check_size", "clean", "purifier", "recipe", "shape"]

CALIBRATED = 512
"""Validation images on which a purifier is calibrated, at most."""


def _told(name: str, reason: str) -> None:
    print(f"left out: {name}: {reason}", file=sys.stderr)


def clean(
    config: Evaluation,
    source: pathlib.Path,
    out: pathlib.Path,
    data_dir: str | None,
    seed: int,
    tell: Callable[[str, str], None] = _told,
) -> int:
    """Purifies all images of `source` into the folder `out`; gives their number.

    Each file appears whole. Another number of images or chunk is another compiled
    program, which may round a value to the next grey level.

    Args:
        tell: called with the name of each file that is left out, and the reason.

    Raises:
        ValueError: no image that can be read and has the size of the score network, or
            a target that exists.
        FileNotFoundError: no such source or network.
    """
    places.on_disk("--out", out)
    made = recipe(config)

    def check(found: tuple[int, ...]) -> None:
        check_size(config, str(source), found)

    found = inputs.read(source, shape(config), check)
    pages = (f"purified{mark}.png" for mark in ("", *range(2, 2 + len(found.index))))
    page = next(name for name in pages if name not in found.targets)
    taken = [name for name in (*found.targets, page) if (out / name).exists()]
    if taken:
        raise ValueError(
            f"{out / taken[0]} exists already; give another --out, or remove it."
        )
    bound = purifier(config, made, data_dir)
    out.mkdir(parents=True, exist_ok=True)  # before the work, which would be lost
    size = dimensions(found.images.shape[1:])
    say(f"{len(found.images)} image(s) of {size} from {found.words}")
    for name, reason in found.left_out:
        tell(name, reason)
    purified = _purified(bound, found, config.chunk, seed)
    found.write(out, purified)
    with extra(page):
        rows = np.stack([found.images[:10], purified[:10]]) / 255
        pictures.grid(out / page, rows)
    return len(purified)


def _purified(
    purifier: Purifier, found: inputs.Source, chunk: int, seed: int
) -> np.ndarray:
    """The purified images, uint8 [N, H, W, C]; each by its place's own key."""
    images = found.images
    chunk = min(chunk, len(images))
    purify = fleet.batched_purifier(purifier, seed, chunk)
    shown = Progress("purify", 0, len(images), unit="image")

    def run(key: None, batch: np.ndarray, index: np.ndarray) -> Array:
        del key  # it is that of the seed
        pixels, finite = purify(key_words(index.tolist()), batch)
        lost = np.flatnonzero(~np.asarray(finite))
        if len(lost):
            raise ValueError(
                f"the purifier's answer is not finite for {len(lost)} of {len(index)} "
                f"images, the first of them image {index[lost[0]]}; nothing is written."
            )
        return pixels

    def progress(starts: Sequence[int]) -> Iterator[int]:
        for start in starts:
            yield start
            shown.update(min(start + chunk, len(images)))
        shown.close()

    return in_chunks(run, chunk, progress=progress)(None, images, index=found.index)


def recipe(config: Evaluation) -> Any:
    """The recipe of an evaluation's purifier, which may be a name or a callable.

    Raises:
        ValueError: there is no purifier, or none of this name.
    """
    if config.purifier is None:
        raise ValueError("purifier is none, which purifies nothing.")
    return purifiers.recipe(config.purifier)


def purifier(config: Evaluation, made: Any, data_dir: str | None) -> Purifier:
    """The purifier of a recipe with the networks of an evaluation.

    It is calibrated on the evaluation's validation images, if it is one of those.

    Raises:
        ValueError: a recipe that does not fit its networks.
        FileNotFoundError: no such network.
    """

    def clean() -> np.ndarray:
        return held_out(config.images, data_dir).images[:CALIBRATED]

    places = (config.score, config.energy, config.dtype)
    return purifiers.build(made, *places, fast=True, clean=clean)


def shape(config: Evaluation) -> tuple[int, ...] | None:
    """(H, W, C) of the images its networks take; None: it has none, or cannot say."""
    if not purifiers.needs(recipe(config)):
        return None
    return purifiers.image_shape(config.score, config.energy)


def check_size(config: Evaluation, source: str, shape_: tuple[int, ...]) -> None:
    """Refuses images that the network was not made for.

    Raises:
        ValueError: they have another size.
    """
    expected = shape(config)
    if expected not in (None, tuple(shape_)):
        raise ValueError(
            f"{source} has images of {dimensions(shape_)}; the score network of "
            f"{config.score} takes {dimensions(expected)}. Resize them first."
        )
