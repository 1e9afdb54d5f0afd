"""Image sets from disk or the network as uint8 arrays; splits; augmentation.

The edge of the package that reads files: nothing in the core imports it.

>>> from purifax import data
>>> train = data.load("digits", "train")
>>> train.images.shape, train.images.dtype
((1297, 8, 8, 1), dtype('uint8'))
"""

from purifax.data import augment
from purifax.data.images import DataError, Images
from purifax.data.sources import load
from purifax.data.split import record, splits

__all__ = ["DataError", "Images", "augment", "load", "record", "splits"]
