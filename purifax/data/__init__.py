"""Image sets from disk or the network as uint8 arrays; splits; augmentation.

`load` reads a split into memory, `open_stream` reads one of any size image by image,
and `write_set` writes a set as TFDS ArrayRecord. `splits` makes training and validation
parts; `augment` is a module of augmentations of one image, beside which `purifax.data`
has `mixing` (Mixup, CutMix), `plasma` (UEraser), `trivial` (TrivialAugment) and `views`
(SimCLR).

An edge of the package: it reads and writes image files, and nothing in the core imports
it.

>>> from purifax import data
>>> train = data.load("digits", "train")
>>> train.images.shape, train.images.dtype
((1297, 8, 8, 1), dtype('uint8'))
"""

from purifax.data import augment
from purifax.data.images import DataError, Images
from purifax.data.layout import Layout
from purifax.data.sources import load
from purifax.data.split import splits
from purifax.data.stream import open_stream
from purifax.data.write import write_set

__all__ = [
    "DataError",
    "Images",
    "Layout",
    "augment",
    "load",
    "open_stream",
    "splits",
    "write_set",
]
