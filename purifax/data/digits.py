"""The handwritten digits inside scikit-learn: 1,797 images of 8 x 8, always offline.

The published pixels are integers from 0 to 16. Here a pixel v is stored as
round(255 v / 16), which uses the whole range of uint8 and loses nothing:
v = round(16 u / 255). As there is no published split, 500 images in proportion to the
classes are the test set, chosen once and for all by seed 0; 1,297 are for training.
"""

import numpy as np

from purifax.data.images import DataError, Images
from purifax.data.split import hold_out

__all__ = ["read"]

TEST_COUNT = 500


def read(split: str) -> Images:
    """The train (1,297) or test (500) images, uint8 [N, 8, 8, 1].

    `index` is the position in scikit-learn's array of 1,797 images.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "digits ships inside scikit-learn, which is not installed; "
            "run: pip install scikit-learn"
        ) from error
    values, labels = load_digits(return_X_y=True)
    images = np.rint(values * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    train, test = hold_out(labels, TEST_COUNT, seed=0)
    chosen = np.sort({"train": train, "test": test}[split])
    return Images(
        images[chosen],
        labels[chosen].astype(np.int32),
        chosen,
        tuple("0123456789"),
        "scikit-learn load_digits",
    )
