"""MedMNIST: `medmnist:pathmnist`, from its `pathmnist.npz` with three splits.

`medmnist:pathmnist_64` is the set of that size. Labels that are one number for each
image are read; sets with several (chestmnist) are refused, and so are those of volumes.

Source: Yang et al. 2023, "MedMNIST v2", arXiv 2110.14795.
"""

from collections.abc import Sequence
from pathlib import Path

from purifax.data import npz
from purifax.data.images import DataError, Images
from purifax.data.official_files import first

__all__ = ["find"]


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Images | None:
    """A split of a set from its .npz in `root` or `root/medmnist`, or None."""
    del classes
    word = name.partition(":")[2]
    if not word.replace("_", "").isalnum():
        raise DataError(f"'{name}' must name a set, as in 'medmnist:pathmnist'.")
    path = first(root, (f"{word}.npz", f"medmnist/{word}.npz"))
    return None if path is None else npz.read(path, split)
