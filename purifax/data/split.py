"""Disjoint, stratified, shuffled and repeatable parts of a labelled set.

The published files of many sets are sorted by class, so that their first tenth holds
only a few classes; every part made here has all classes in proportion.
"""

import hashlib
from collections.abc import Mapping

import numpy as np

from purifax.data.images import DataError, Images

__all__ = ["hold_out", "part_of", "parts_record", "splits"]


def splits(
    labels: np.ndarray, validation: float = 0.1, seed: int = 0
) -> dict[str, np.ndarray]:
    """Positions of a training and a validation part of one labelled set.

    Args:
        labels: [N] integers.
        validation: held-out fraction, in [0, 1); round(N * validation) images.
        seed: of the shuffle. The same labels, fraction and seed give the same
            positions on every machine.

    Returns:
        {"train": int64 [N - V], "validation": int64 [V]}: disjoint, together all
        positions, each shuffled and with the classes in proportion.

    >>> parts = splits(np.arange(100) // 10, validation=0.2)
    >>> len(parts["train"]), np.bincount(np.arange(100)[parts["validation"]] // 10)[:3]
    (80, array([2, 2, 2]))
    """
    if not 0 <= validation < 1:
        raise DataError(
            f"`validation` is the fraction held out, in [0, 1); got {validation}."
        )
    train, rest = hold_out(labels, round(len(labels) * validation), seed)
    return {"train": train, "validation": rest}


def hold_out(
    labels: np.ndarray, count: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the remaining and of exactly `count` held-out images, stratified.

    Each class contributes its share of `count`, rounded down; the classes with the
    largest remainders contribute one more each, up to `count`.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"Labels must be integers [N]; got {labels.dtype} {labels.shape}."
        )
    if not 0 <= count <= len(labels):
        raise DataError(f"Cannot hold out {count} of {len(labels)} images.")
    order = _shuffled(len(labels), seed)
    classes, members = np.unique(labels, return_counts=True)
    shares = members * count / max(len(labels), 1)
    quota = np.floor(shares).astype(np.int64)
    largest = np.argsort(quota - shares, kind="stable")
    quota[largest[: count - quota.sum()]] += 1
    out = np.zeros(len(labels), bool)
    for label, n in zip(classes, quota, strict=True):
        out[order[labels[order] == label][:n]] = True
    return order[~out[order]], order[out[order]]


def part_of(images: Images, split: str) -> Images:
    """A split of a set that has none: a fifth, stratified and by seed 0, is the test.

    Args:
        split: "train", "test", or "all" for the whole.

    Raises:
        DataError: the part has no image, since there are too few.
    """
    if split == "all":
        return images
    train, test = hold_out(images.labels, round(len(images) / 5))
    part = np.sort({"train": train, "test": test}[split])
    if not len(part):
        raise DataError(
            f"{images.source} holds {len(images)} image(s), of which a fifth is none; "
            f"add more for the split '{split}', or give it files of its own."
        )
    return images.take(part)


def parts_record(parts: Mapping[str, np.ndarray]) -> dict[str, dict[str, int | str]]:
    """A record of the parts of an experiment, for JSON.

    Two runs used the same images in the same order if and only if their sha256 (of the
    positions as little-endian int64) are equal.

    >>> parts_record({"train": np.arange(3)})["train"]["count"]
    3
    """
    return {
        name: {
            "count": len(part),
            "sha256": hashlib.sha256(np.asarray(part, "<i8").tobytes()).hexdigest(),
        }
        for name, part in parts.items()
    }


def _shuffled(count: int, seed: int) -> np.ndarray:
    """A permutation from the raw PCG64 stream, which NumPy promises never to change."""
    words = np.random.PCG64(seed).random_raw(count)
    return np.argsort(words, kind="stable").astype(np.int64)
