"""Names of the arrays of residual networks with four stages, `layer1` to `layer4`."""

import re
from collections.abc import Mapping

import numpy as np

from purifax.weights import torch_names

__all__ = ["depth", "path"]

_DEPTHS: dict[tuple[tuple[int, ...], int], int] = {
    ((2, 2, 2, 2), 2): 18,
    ((3, 4, 6, 3), 2): 34,
    ((3, 4, 6, 3), 3): 50,
    ((3, 4, 23, 3), 3): 101,
    ((3, 8, 36, 3), 3): 152,
}


def depth(arrays: Mapping[str, np.ndarray]) -> int:
    """The depth, from the blocks of each stage and the convolutions of a block.

    Raises:
        ValueError: no published depth has these blocks.
    """
    convs = 3 if "layer1.0.conv3.weight" in arrays else 2
    counts = tuple(
        torch_names.count(arrays, rf"layer{stage}\.(\d+)\.") for stage in range(1, 5)
    )
    if (counts, convs) not in _DEPTHS:
        raise ValueError(f"no ResNet has {counts} blocks of {convs} convolutions.")
    return _DEPTHS[counts, convs]


def path(name: str, array: np.ndarray) -> str:
    """The path of an array in our variables, by its name in PyTorch.

    >>> path("layer2.0.downsample.1.running_mean", np.zeros(3))
    'batch_stats/layer2_0/shortcut_bn/mean'
    """
    name = re.sub(r"^(layer\d)\.(\d+)\.", r"\1_\2.", name)
    name = re.sub(r"(downsample|shortcut)\.0\.", "shortcut.", name)
    name = re.sub(r"(downsample|shortcut)\.1\.", "shortcut_bn.", name)
    return torch_names.path(re.sub(r"^linear\.", "fc.", name), array)
