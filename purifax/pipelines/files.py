"""Purify the images of files, a folder or an .npz, and write them out again."""

import pathlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import Array

from purifax import fleet
from purifax.data.files import whole
from purifax.evaluation.images import held_out
from purifax.evaluation.settings import Evaluation
from purifax.fleet.purify_batch import key_words
from purifax.pipelines import purifiers
from purifax.run import pictures
from purifax.run.progress import Progress
from purifax.transform import in_chunks
from purifax.types import Purifier

__all__ = ["check_size", "clean", "purifier", "recipe", "shape"]

CALIBRATED = 512
"""Validation images on which a purifier is calibrated, at most."""

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff")
FIELDS = ("images", "image", "x")


@dataclass(frozen=True)
class Source:
    """Images to purify: uint8 [N, H, W, C], and how to write the purified ones."""

    images: np.ndarray
    targets: tuple[str, ...]
    write: Callable[[pathlib.Path, np.ndarray], None]


def clean(
    config: Evaluation,
    source: pathlib.Path,
    out: pathlib.Path,
    data_dir: str | None,
    seed: int,
) -> int:
    """Purifies all images of `source` into the folder `out`; gives their number.

    Each file appears whole. Another number of images or chunk is another compiled
    program, which may round a value to the next grey level.

    Raises:
        ValueError: no image, one that cannot be read or has another size than the
            score network's, or a target that exists.
        FileNotFoundError: no such source or network.
    """
    made = recipe(config)
    found = _read(source)
    check_size(config, str(source), found.images.shape[1:])
    taken = [name for name in (*found.targets, "purified.png") if (out / name).exists()]
    if taken:
        raise ValueError(
            f"{out / taken[0]} exists already; give another --out, or remove it."
        )
    bound = purifier(config, made, data_dir)
    out.mkdir(parents=True, exist_ok=True)  # before the work, which would be lost
    purified = _purified(bound, found.images, config.chunk, seed)
    found.write(out, purified)
    rows = np.stack([found.images[:10], purified[:10]]) / 255
    pictures.grid(out / "purified.png", rows)
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
        if not np.asarray(finite).all():
            raise ValueError("the purifier's answer is not finite; nothing is written.")
        return pixels

    def progress(starts: Sequence[int]) -> Iterator[int]:
        for start in starts:
            yield start
            shown.update(min(start + chunk, len(images)))
        shown.close()

    return in_chunks(run, chunk, progress=progress)(None, images)


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


def _read(source: pathlib.Path) -> Source:
    if source.is_dir():
        paths = sorted(p for p in source.rglob("*") if p.suffix.lower() in ENDINGS)
        return _files(source, paths)
    if not source.is_file():
        raise FileNotFoundError(f"there is no file or folder {source}.")
    if source.suffix == ".npz":
        return _archive(source)
    return _files(source.parent, [source])


def _files(root: pathlib.Path, paths: list[pathlib.Path]) -> Source:
    """Image files, written as .png under the same names, folders kept."""
    if not paths:
        raise ValueError(f"{root} holds no image; known endings: {', '.join(ENDINGS)}.")
    images = [_decode(path) for path in paths]
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape:
            raise ValueError(
                f"{path} is {_size(image.shape)} but {paths[0]} is "
                f"{_size(images[0].shape)}; all must be alike."
            )
    names = [str(path.relative_to(root).with_suffix(".png")) for path in paths]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two images would both be written as {twice[0]}.")

    def write(out: pathlib.Path, purified: np.ndarray) -> None:
        from PIL import Image

        for name, image in zip(names, purified, strict=True):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            grey = image.shape[-1] == 1
            with whole(out / name) as file:
                Image.fromarray(image[..., 0] if grey else image).save(file, "PNG")

    return Source(np.stack(images), tuple(names), write)


def _decode(path: pathlib.Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            grey = image.mode in ("1", "L", "I", "I;16", "LA")
            array = np.asarray(image.convert("L" if grey else "RGB"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as an image ({error}).") from None
    return array[..., None] if grey else array


def _archive(path: pathlib.Path) -> Source:
    """An .npz with uint8 `images`; its other arrays are written along."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        why = error if zipfile.is_zipfile(path) else "it is no zip archive"
        raise ValueError(f"{path} cannot be read as an .npz ({why}).") from None
    field = next((name for name in FIELDS if name in arrays), None)
    if field is None:
        raise ValueError(
            f"{path} has {', '.join(arrays) or 'no array'}; one of "
            f"{', '.join(FIELDS)} is needed."
        )
    images = arrays[field][..., None] if arrays[field].ndim == 3 else arrays[field]
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise ValueError(
            f"{field} in {path} is {images.dtype} {images.shape}; uint8 [N, H, W, C] "
            "with N > 0 is needed."
        )

    def write(out: pathlib.Path, purified: np.ndarray) -> None:
        members: dict[str, Any] = dict(arrays)
        members[field] = purified.reshape(arrays[field].shape)
        with whole(out / path.name) as file:
            np.savez(file, **members)

    return Source(images, (path.name,), write)


def check_size(config: Evaluation, source: str, shape_: tuple[int, ...]) -> None:
    """Refuses images that the network was not made for.

    Raises:
        ValueError: they have another size.
    """
    expected = shape(config)
    if expected not in (None, tuple(shape_)):
        raise ValueError(
            f"{source} has images of {_size(shape_)}; the score network of "
            f"{config.score} takes {_size(expected)}. Resize them first."
        )


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
