"""Purify the images of files, a folder or an .npz, and write them out again."""

import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jax import Array

from purifax import fleet
from purifax.data.images import dimensions
from purifax.evaluation import own_parts
from purifax.evaluation.settings import Evaluation
from purifax.fleet.purify_batch import key_words
from purifax.pipelines import configured, inputs, photo_job
from purifax.pipelines.photo_job import How
from purifax.run import pictures, places
from purifax.run.extras import extra
from purifax.run.progress import Progress, say
from purifax.transform import in_chunks
from purifax.types import Purifier

__all__ = ["clean"]


PLAIN = How()


def _told(name: str, reason: str) -> None:
    print(f"left out: {name}: {reason}", file=sys.stderr)


def clean(
    config: Evaluation,
    source: pathlib.Path,
    out: pathlib.Path,
    data_dir: str | None,
    seed: int,
    tell: Callable[[str, str], None] = _told,
    how: How = PLAIN,
) -> int:
    """Purifies all images of `source` into the folder `out`; gives their number.

    Photos are written as it goes, and the same call again goes on where it was stopped;
    an .npz is written at the end. Each file appears whole. Another number of images or
    chunk is another compiled program, which may round a value to the next grey level.

    Args:
        tell: called with the name of each file that is left out, and the reason.
        how: what becomes of photos.

    Raises:
        ValueError: no image that can be read and that fits the network, or a target
            that exists and is not this command's.
        FileNotFoundError: no such source or network.
        Stopped: SIGTERM or Ctrl-C; what was written stays.
    """
    places.on_disk("--out", out)
    if source.is_file() and source.suffix.lower() == ".npz":
        return _archive(config, source, out, data_dir, seed)
    return photo_job.purify(config, source, out, data_dir, seed, tell, how)


def _archive(
    config: Evaluation,
    source: pathlib.Path,
    out: pathlib.Path,
    data_dir: str | None,
    seed: int,
) -> int:
    """Purifies the images of an .npz, which is written at the end."""
    made = configured.recipe(config)

    def check(found: tuple[int, ...]) -> None:
        configured.check_size(config, str(source), found)

    fits = hasattr(made, "seen")  # it makes images fit
    found = inputs.read(source, None if fits else configured.shape(config), check)
    page = "purified.png"
    taken = [name for name in (source.name, page) if (out / name).exists()]
    if taken:
        raise ValueError(
            f"{out / taken[0]} exists already; give another --out, or remove it."
        )
    bound = configured.purifier(config, made, data_dir)
    shape = found.images.shape[1:]
    own_parts.try_purifier(made, bound, shape, config.score, config.energy)
    out.mkdir(parents=True, exist_ok=True)  # before the work, which would be lost
    say(f"{len(found.images)} image(s) of {dimensions(shape)} from {source}")
    purified = _purified(bound, found.images, config.chunk, seed)
    found.write(out, purified)
    with extra(page):
        rows = np.stack([found.images[:10], purified[:10]]) / 255
        pictures.grid(out / page, rows)
    return len(purified)


def _purified(
    purifier: Purifier, images: np.ndarray, chunk: int, seed: int
) -> np.ndarray:
    """The purified images, uint8 [N, H, W, C]; each by its place's own key."""
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

    return in_chunks(run, chunk, progress=progress)(None, images)
