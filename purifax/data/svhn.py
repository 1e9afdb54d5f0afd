"""SVHN, cropped digits of house numbers: 73,257 and 26,032 images of 32 x 32.

From the published MATLAB files, in which the digit 0 has the label 10.

Source: Netzer et al. 2011, "Reading digits in natural images with unsupervised feature
learning".
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from purifax.data.images import DataError, Images
from purifax.data.official_files import first

__all__ = ["find"]


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Images | None:
    """A split from the published file in `root` or `root/svhn`, or None.

    Raises:
        DataError: it is damaged.
    """
    from scipy import io as scientific

    file = f"{split}_32x32.mat"
    path = first(root, (file, f"{name}/{file}"))
    if path is None:
        return None
    try:
        found = scientific.loadmat(str(path), variable_names=["X", "y"])
        images, labels = found["X"].transpose(3, 0, 1, 2), found["y"].reshape(-1) % 10
    except Exception as error:  # a damaged file raises nearly anything
        raise DataError(
            f"{path} is truncated or damaged ({error}); fetch it again."
        ) from error
    return Images(
        np.ascontiguousarray(images),
        labels.astype(np.int32),
        np.arange(len(labels)),
        tuple(classes),
        str(path),
    )
