"""The images an evaluation is about, and those it may calibrate on."""

import hashlib

import numpy as np

from purifax import data
from purifax.evaluation.settings import Subjects

__all__ = ["chosen", "fingerprint", "held_out"]


def chosen(subjects: Subjects, data_dir: str | None) -> data.Images:
    """The images of an evaluation, stratified by class, in a fixed shuffled order.

    Raises:
        ValueError: more images are asked for than there are, or an unknown split.
    """
    if subjects.split == "test":
        images = data.load(subjects.name, "test", data_dir)
    elif subjects.split == "validation":
        images = held_out(subjects, data_dir)
    else:
        raise ValueError(
            f"images.split is {subjects.split!r}; it must be 'test', or 'validation' "
            "while settings are being chosen."
        )
    if not 1 <= subjects.count <= len(images):
        raise ValueError(
            f"images.count={subjects.count}, but {subjects.name} has {len(images)} "
            f"{subjects.split} images ({images.source})."
        )
    share = subjects.count / len(images)
    if share < 1:
        picked = data.splits(images.labels, share, subjects.seed)["validation"]
        images = images.take(picked)
    return _part(images, subjects)


def _part(images: data.Images, subjects: Subjects) -> data.Images:
    """This run's share of the chosen images, in their order."""
    part, parts = subjects.part, subjects.parts
    if not 0 <= part < parts <= len(images):
        raise ValueError(
            f"images.part={part} of images.parts={parts}: the first must be from 0 to "
            f"parts - 1, and parts at most the {len(images)} images."
        )
    return images.take(np.array_split(np.arange(len(images)), parts)[part])


def held_out(subjects: Subjects, data_dir: str | None) -> data.Images:
    """The validation images, which no network was trained on.

    Those of a corrupted test set are its uncorrupted relatives'.
    """
    train = data.load(subjects.name.partition("_c:")[0], "train", data_dir)
    parts = data.splits(train.labels, subjects.validation, subjects.split_seed)
    return train.take(parts["validation"])


def fingerprint(images: data.Images) -> str:
    """sha256 of the pixels, labels and positions, in order."""
    digest = hashlib.sha256(np.ascontiguousarray(images.images).tobytes())
    for part in (images.labels, images.index):
        digest.update(np.asarray(part, "<i8").tobytes())
    return digest.hexdigest()
