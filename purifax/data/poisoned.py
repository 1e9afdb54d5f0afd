"""A poisoned training set on disk: images, labels, and the record of the poison.

A folder with

    train.npz     images uint8 [N, H, W, C], labels [N], index [N] in the clean split
    test.npz      clean test images, where there are any, and then also tfds/
    both as a TFDS data set, whose training images have the flag `poisoned` poison.npz
    index [P] of the poisoned among the N, delta [P, H, W, C], budget and
                  radius; label [P] where labels change; original [N], the written index
    poison.json   the method, its numbers, and sha256 of the clean and stored images

Purifying a file in which images are missing or in another order gives numbers that look
like a defence. So a set is refused if its `index`, its images or its labels are not
those that were written.

`poison.json` is written last: a folder without it is unfinished.
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from purifax.data import npz
from purifax.data.images import DataError, Images
from purifax.data.write import write_set
from purifax.run import json_text, seal
from purifax.run import npz as stored_arrays

__all__ = ["digest", "perturbation", "read", "record", "store_images", "write"]

_SHOWN = 5


def digest(images: Images) -> str:
    """sha256 of pixels, labels and positions, in order."""
    hashed = hashlib.sha256(np.ascontiguousarray(images.images).tobytes())
    for part in (images.labels, images.index):
        hashed.update(np.asarray(part, "<i8").tobytes())
    return hashed.hexdigest()


def write(
    place: Path,
    train: Images,
    test: Images | None,
    perturbation: dict[str, np.ndarray],
    words: dict[str, Any],
) -> None:
    """Store a poisoned set; the folder is made, and files in it are replaced.

    Args:
        train: the poisoned training images.
        test: clean test images; None stores none.
        perturbation: "index" [P] increasing positions in `train`, "delta", and more.
        words: further entries of `poison.json`.
    """
    store_images(place / "train.npz", train)
    if test is not None:
        store_images(place / "test.npz", test)
        _write_tfds(place / "tfds", train, test, perturbation["index"])
    arrays = {"original": train.index, **perturbation}
    stored_arrays.write(place / "poison.npz", arrays)
    entries = {**words, "images": len(train), "stored_sha256": digest(train)}
    part = place / "poison.json.part"
    part.write_bytes(seal.sealed(entries))
    os.replace(part, place / "poison.json")


def store_images(path: Path, images: Images) -> None:
    """Write images so that `data.npz` reads them; the folder is made.

    The only place that knows how the images of a poisoned set are stored.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"images": images.images, "labels": images.labels, "index": images.index}
    stored_arrays.write(path, arrays | {"names": np.array(images.names)})


def read(place: Path, split: str) -> Images:
    """The poisoned training images, or the clean test images stored with them.

    Raises:
        DataError: not a finished poisoned set, or images are shuffled, duplicated,
            missing or altered; the message names the first of them.
    """
    words = record(place)
    if split == "test":
        if not (place / "test.npz").is_file():
            raise DataError(f"{place} was stored without test images.")
        return npz.read(place, "test")
    if split == "all":
        raise DataError(f"{place} is a poisoned training set: 'train' or 'test'.")
    images, stored = npz.read(place, "train"), perturbation(place)
    _complete(place, images.index, stored["original"])
    if digest(images) != words["stored_sha256"]:
        raise DataError(
            f"{place / 'train.npz'} does not hold the images or labels that "
            "poison.json records: they were altered after they were stored."
        )
    return images


def record(place: Path) -> dict[str, Any]:
    """The entries of `poison.json`.

    Raises:
        DataError: the file is missing or damaged.
    """
    path = place / "poison.json"
    if not path.is_file():
        raise DataError(
            f"{place} holds no finished poisoned set (no poison.json); make one with "
            "python -m experiments.poison."
        )
    try:
        words = seal.opened(path, json_text.read(path, dict))
    except ValueError as error:
        raise DataError(str(error)) from None
    if not isinstance(words.get("stored_sha256"), str):
        raise DataError(f"{path} is damaged: it has no `stored_sha256`.")
    return words


def perturbation(place: Path) -> dict[str, np.ndarray]:
    """The arrays of `poison.npz`.

    Raises:
        DataError: the file is unreadable, or its positions do not increase within the
            set, or their number differs from that of the perturbations.
    """
    path = place / "poison.npz"
    try:
        found = stored_arrays.read(path)
    except (ValueError, OSError) as error:
        raise DataError(str(error)) from None
    _check_arrays(path, found)
    index, count = found["index"], len(found["original"])
    if len(found["delta"]) != len(index):
        raise DataError(
            f"{path} has {len(found['delta'])} perturbations for {len(index)} images."
        )
    _rising(path, index)
    if len(index) and not 0 <= index[0] <= index[-1] < count:
        raise DataError(f"{path} names images outside of the {count} of the set.")
    return found


def _check_arrays(path: Path, found: dict[str, np.ndarray]) -> None:
    """Refuse other arrays than those of a perturbation.

    Raises:
        DataError: one is missing, or is of another kind.
    """
    for name, kinds in (("index", "iu"), ("original", "iu"), ("delta", "f")):
        array = found.get(name)
        fits = array is not None and array.dtype.kind in kinds
        if array is None or not fits or array.ndim != (4 if name == "delta" else 1):
            got = "nothing" if array is None else f"{array.dtype} {array.shape}"
            raise DataError(
                f"{path} needs `index` and `original`, integers, and `delta` "
                f"[P, H, W, C]; `{name}` is {got}."
            )


def _write_tfds(root: Path, train: Images, test: Images, poisoned: np.ndarray) -> None:
    """Both splits as ArrayRecord, replacing those of an unfinished run."""
    shutil.rmtree(root, ignore_errors=True)
    flags = np.zeros(len(train), bool)
    flags[poisoned] = True
    extras = {
        "train": {"poisoned": flags},
        "test": {"poisoned": np.zeros(len(test), bool)},
    }
    write_set(root, "poisoned", {"train": train, "test": test}, extras)


def _complete(place: Path, index: np.ndarray, original: np.ndarray) -> None:
    """Check that the images are those of the set, all of them and in order."""
    path = place / "train.npz"
    missing = np.setdiff1d(original, index)
    if len(missing):
        raise DataError(
            f"{path} is missing {len(missing)} images of the set, of index "
            f"{_first(missing)}."
        )
    _rising(path, index)
    extra = np.setdiff1d(index, original)
    if len(extra):
        raise DataError(f"{path} has images of other index: {_first(extra)}.")


def _rising(path: Path, index: np.ndarray) -> None:
    step = np.diff(index)
    if (step == 0).any():
        raise DataError(
            f"{path}: index {_first(index[1:][step == 0])} is there twice: duplicated."
        )
    if (step < 0).any():
        at = int(np.argmax(step < 0))
        raise DataError(
            f"{path}: index {index[at + 1]} follows {index[at]}: the images are "
            "shuffled, and would no longer meet their perturbations."
        )


def _first(index: np.ndarray) -> str:
    shown = ", ".join(str(number) for number in index[:_SHOWN])
    return shown + (" ..." if len(index) > _SHOWN else "")
