"""Optical recognition of handwritten digits: 1,797 images of 8 x 8, always offline.

The images are inside the package, in ``digits.npz``. The published pixels are integers
from 0 to 16. `read` scales a pixel v to round(255 v / 16), which uses the whole range
of uint8 and loses nothing: v = round(16 u / 255). The 1,797 images have no published
split. 500 of them, stratified by class and chosen once with seed 0, are the test set;
the other 1,297 are the training set.

Source: the test set of E. Alpaydin and C. Kaynak 1998, Optical Recognition of
Handwritten Digits, UCI Machine Learning Repository, doi 10.24432/C50P49, as copied from
scikit-learn (`sklearn.datasets.load_digits`). Licence: CC BY 4.0 (UCI) and BSD
3-Clause (scikit-learn's copy), whose text is in ``digits_LICENSE.txt``.
"""

import pathlib

import numpy as np

from purifax.data.images import Images
from purifax.data.split import hold_out
from purifax.run import npz

__all__ = ["published", "read"]

TEST_COUNT = 500
FILE = pathlib.Path(__file__).with_name("digits.npz")


def read(split: str) -> Images:
    """The train (1,297) or test (500) images, uint8 [N, 8, 8, 1].

    `index` is the position among the 1,797 published images.
    """
    values, labels = published()
    images = np.rint(values * (255 / 16)).astype(np.uint8)[..., None]
    train, test = hold_out(labels, TEST_COUNT, seed=0)
    chosen = np.sort({"train": train, "test": test}[split])
    return Images(
        images[chosen],
        labels[chosen].astype(np.int32),
        chosen,
        tuple("0123456789"),
        "scikit-learn load_digits",
    )


def published() -> tuple[np.ndarray, np.ndarray]:
    """All images and labels as published.

    Returns:
        Images uint8 [1797, 8, 8] with values from 0 to 16, and labels int64 [1797].

    >>> images, labels = published()
    >>> images.shape, int(images.max()), labels[:4].tolist()
    ((1797, 8, 8), 16, [0, 1, 2, 3])
    """
    stored = npz.read(FILE)
    return stored["images"], stored["labels"].astype(np.int64)
