"""What a config and its images must agree on, before anything is trained."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.training.config import Data
from purifax.data.images import DataError, Images

__all__ = ["check_crop", "check_images", "check_split"]

_CHANNELS = (1, 3)


def check_images(train: Images, test: Images | None) -> None:
    """Refuses images of a strange form, and test images of another set.

    Args:
        test: of a classifier; None elsewhere.

    Raises:
        DataError: what differs, or what is strange.
    """
    channels = train.images.shape[-1]
    if channels not in _CHANNELS:
        raise DataError(
            f"{train.source} has images of {channels} channels; networks are trained "
            "on 1 (grey) or 3 (red, green, blue). Convert them first."
        )
    if test is None:
        return
    if len(train.names) < 2 or len(np.unique(train.labels)) < 2:
        raise DataError(
            f"{train.source} has images of one class only; a classifier needs two or "
            "more. Are the labels right?"
        )
    if train.names != test.names:
        raise DataError(
            f"the classes of the training images ({_few(train.names)}) are not those "
            f"of the test images ({_few(test.names)}): {train.source}, {test.source}."
        )
    if train.images.shape[1:] != test.images.shape[1:]:
        shapes = [list(one.images.shape[1:]) for one in (train, test)]
        raise DataError(
            f"training images are {shapes[0]} and test images {shapes[1]}: "
            f"{train.source}, {test.source}."
        )


def check_crop(crop: int, shape: Sequence[int]) -> None:
    """Refuses crops that may lie outside the image.

    Args:
        crop: pixels of padding.
        shape: of an image, [H, W, C].

    Raises:
        DataError: the padding is as wide as the image.
    """
    if crop >= min(shape[:2]):
        raise DataError(
            f"crop={crop} may crop from images of {shape[0]} x {shape[1]} pixels "
            "nothing but their padding; set a smaller one."
        )


def check_split(
    given: Data, images: Images, split: Mapping[str, np.ndarray], classifies: bool
) -> None:
    """Refuses a validation part that takes everything, or nothing.

    Raises:
        DataError: no image, or none of a class, is left to train on; or none is held
            out although some should be.
    """
    left, held = split["train"], split["validation"]
    words = f"data.validation={given.validation:g} of {len(images)} images"
    if not len(left):
        raise DataError(f"{words} leaves none to train on; hold out fewer.")
    if given.validation and not len(held):
        raise DataError(f"{words} is none; set 0, or more than {1 / len(images):.2g}.")
    lost = set(np.unique(images.labels)) - set(np.unique(images.labels[left]))
    if classifies and lost:
        raise DataError(
            f"{words} leaves no training image of {len(lost)} of the classes, such as "
            f"{images.names[min(lost)]!r}; hold out fewer."
        )


def _few(names: tuple[str, ...]) -> str:
    return f"{len(names)}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
