"""Image sets from disk or the network as uint8 arrays; splits; augmentation.

Sets are written as TFDS ArrayRecord. The edge of the package that reads and writes
image files: nothing in the core imports it.

>>> from purifax import data
>>> train = data.load("digits", "train")
>>> train.images.shape, train.images.dtype
((1297, 8, 8, 1), dtype('uint8'))
"""

from purifax.data import augment, mixing, plasma
from purifax.data.images import DataError, Images
from purifax.data.layout import Layout
from purifax.data.sources import load
from purifax.data.split import record, splits
from purifax.data.stream import open_stream
from purifax.data.write import shard_path, write_info, write_set, write_shard

__all__ = [
    "DataError",
    "Images",
    "Layout",
    "augment",
    "load",
    "mixing",
    "plasma",
    "open_stream",
    "record",
    "shard_path",
    "splits",
    "write_info",
    "write_set",
    "write_shard",
]
