"""The images an evaluation is about, and those it may calibrate on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from purifax import data
from purifax.data.arrays import check_layout, check_pixels
from purifax.data.images import check_classes
from purifax.evaluation.settings import Subjects

__all__ = ["chosen", "fingerprint", "given", "held_out", "pixels", "share"]

_MOST = 10**6
"""More classes than any set has; each gets a name."""


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
    check_classes(images)
    if not 1 <= subjects.count <= len(images):
        raise ValueError(
            f"images.count={subjects.count}, but {subjects.name} has {len(images)} "
            f"{subjects.split} images ({images.source})."
        )
    part = subjects.count / len(images)
    if part < 1:
        picked = data.splits(images.labels, part, subjects.seed)["validation"]
        images = images.take(picked)
    return share(images, subjects)


def share(images: data.Images, subjects: Subjects) -> data.Images:
    """This run's share of the chosen images, in their order."""
    part, parts = subjects.part, subjects.parts
    if not 0 <= part < parts <= len(images):
        raise ValueError(
            f"images.part={part} of images.parts={parts}: the first must be from 0 to "
            f"parts - 1, and parts at most the {len(images)} images."
        )
    return images.take(np.array_split(np.arange(len(images)), parts)[part])


@dataclass(frozen=True)
class Floats(data.Images):
    """Images whose pixels are float32 in [0, 1] instead of bytes."""

    def __post_init__(self) -> None:
        pass

    def take(self, positions: np.ndarray) -> "Floats":
        """The images at these positions, in this order."""
        return replace(
            self,
            images=self.images[positions],
            labels=self.labels[positions],
            index=self.index[positions],
        )


def given(images: Any, labels: Any, names: Sequence[str] | None = None) -> data.Images:
    """Images and labels from a caller.

    Args:
        images: [N, H, W, C], uint8, or floats in [0, 1].
        labels: integers [N].
        names: of the classes; numbers by default.

    Raises:
        ValueError: images or labels that make no sense.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"images must be [N, H, W, C], with one image or more; got {images.shape}."
        )
    check_layout(images.shape)
    check_pixels(images)
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers [{len(images)}]; got {labels.dtype} "
            f"{labels.shape}."
        )
    if not 0 <= labels.min() <= labels.max() < _MOST:
        raise ValueError(
            f"labels must be the numbers of classes, from 0 to fewer than {_MOST}; got "
            f"{labels.min()} to {labels.max()}."
        )
    names = tuple(names or map(str, range(int(labels.max()) + 1)))
    rest = labels.astype(np.int32), np.arange(len(images)), names, "given images"
    if images.dtype == np.uint8:
        return data.Images(images, *rest)
    return Floats(images.astype(np.float32), *rest)


def pixels(images: Any) -> Array:
    """Images as float32 in [0, 1], bytes divided by 255."""
    x = jnp.asarray(images)
    return x if x.dtype == jnp.float32 else data.augment.to_float(x)


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
