"""CINIC-10: 90,000 images of 32 x 32 for each of training, validation and testing.

They are of CIFAR-10's classes, and come from CIFAR-10 and ImageNet: `cinic10:cifar10`
and `cinic10:imagenet` are those of one origin, which the names of the files tell. They
are read from the folder `CINIC-10` or its .tar.gz; `index` counts all files of a split.

Source: Darlow et al. 2018, arXiv 1810.03505.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from purifax.data.images import DataError
from purifax.data.official_files import Files, first, opened

__all__ = ["find"]


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Files | None:
    """CINIC-10 from its folder or archive in `root` or `root/cinic10`, or None.

    Raises:
        DataError: no such origin; or a split with no image.
    """
    origin = name.partition(":")[2]
    if origin not in ("", "cifar10", "imagenet"):
        raise DataError(
            f"'{name}' must name an origin of CINIC-10's images: cinic10:cifar10 or "
            "cinic10:imagenet."
        )
    folder = {"train": "train", "validation": "valid", "test": "test"}[split]
    places = ("CINIC-10", "cinic10/CINIC-10", "CINIC-10.tar.gz")
    path = first(root, (*places, "cinic10/CINIC-10.tar.gz"))
    whole = path is None and (root / folder / classes[0]).is_dir()
    if path is None and not whole:
        return None
    path = root if path is None else path
    form = re.compile(rf"(?:.*/)?{folder}/({'|'.join(classes)})/([^/]+\.png)")
    names, read = opened(path, form)
    found = []
    for full in sorted(names):
        match = form.fullmatch(full)
        if match is None:
            continue
        kind = "cifar10" if match[2].startswith("cifar10-") else "imagenet"
        found.append((full, classes.index(match[1]), kind))
    if not found:
        raise DataError(f"{path} holds no {split} images; unpack it again.")
    kept = [n for n, row in enumerate(found) if origin in ("", row[2])]
    files, labels = [found[n][0] for n in kept], [found[n][1] for n in kept]
    return Files(files, labels, kept, tuple(classes), str(path), read)
