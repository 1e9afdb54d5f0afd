"""Residual classifiers of torchvision and of RobustBench, from their arrays by name.

    imagenet      torchvision's ResNets and wide ResNets ("layer1.0.downsample.0")
    robustbench   wide ResNets ("block1.layer.0"), and ResNet-18 for small images
                  ("layer2.0.shortcut.0")

Depth, widths and number of classes follow from the arrays. RobustBench's models take
images in [0, 1] and do not normalise them unless `mu` and `sigma` are among the arrays.
"""

import re
from collections.abc import Mapping

import numpy as np

from purifax import nets
from purifax.weights import residual, states

__all__ = ["imagenet", "robustbench"]

_DEPTHS: dict[tuple[tuple[int, ...], int], int] = {
    ((2, 2, 2, 2), 2): 18,
    ((3, 4, 6, 3), 2): 34,
    ((3, 4, 6, 3), 3): 50,
    ((3, 4, 23, 3), 3): 101,
    ((3, 8, 36, 3), 3): 152,
}


def imagenet(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.485, 0.456, 0.406),
    std: tuple[float, ...] = (0.229, 0.224, 0.225),
) -> nets.Network:
    """A ResNet or wide ResNet of torchvision.

    Args:
        state: name to array, in PyTorch's layout; a prefix "module." is left out.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a torchvision ResNet", states.lasting(state)
    stem, head, first = "conv1.weight", "fc.weight", "layer1.0.conv1.weight"
    states.have(kind, arrays, {stem: 4, head: 2, first: 4})
    convs = 3 if "layer1.0.conv3.weight" in arrays else 2
    counts = tuple(_count(arrays, f"layer{stage}") for stage in range(1, 5))
    if (counts, convs) not in _DEPTHS:
        raise ValueError(
            f"no ResNet of torchvision has {counts} blocks of {convs} convolutions."
        )
    width = len(arrays[stem])
    module = nets.ImageNetResNet(
        depth=_DEPTHS[counts, convs],
        num_classes=len(arrays[head]),
        width=width,
        widen=max(1, len(arrays[first]) // width),
        mean=mean,
        std=std,
    )
    by_path = {_path(n, a): states.channels_last(a) for n, a in arrays.items()}
    shape = (64, 64, arrays[stem].shape[1])
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


def robustbench(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> nets.Network:
    """A wide ResNet, or a ResNet-18 for small images, of RobustBench.

    Args:
        state: name to array, in PyTorch's layout; a prefix "module." is left out, and
            so is the block `sub_block1`, which some models hold but do not use.
        mean, std: of the normalisation; by default `mu` and `sigma` among the arrays,
            and no normalisation without these.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    arrays = {
        name: array
        for name, array in states.lasting(state).items()
        if not name.startswith("sub_block1.")
    }
    stored = [np.ravel(arrays.pop(name, default)) for name, default in _NORMAL.items()]
    mean = mean or tuple(map(float, stored[0]))
    std = std or tuple(map(float, stored[1]))
    if "layer1.0.conv1.weight" not in arrays:
        return residual.wide(arrays, mean=mean, std=std)
    kind, stem, head = "a ResNet-18", "conv1.weight", "linear.weight"
    states.have(kind, arrays, {stem: 4, head: 2})
    classes, width = len(arrays[head]), len(arrays[stem])
    module = nets.ResNet18(num_classes=classes, width=width, mean=mean, std=std)
    by_path = {_path(n, a): states.channels_last(a) for n, a in arrays.items()}
    shape = (32, 32, arrays[stem].shape[1])
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


_NORMAL = {"mu": (0.0,), "sigma": (1.0,)}


def _count(arrays: Mapping[str, np.ndarray], stage: str) -> int:
    found = {re.match(rf"{stage}\.(\d+)\.", name) for name in arrays}
    return len({match[1] for match in found if match})


def _path(name: str, array: np.ndarray) -> str:
    """ "layer2.0.downsample.1.running_mean" -> its path in "batch_stats"."""
    name = re.sub(r"^(layer\d)\.(\d+)\.", r"\1_\2.", name)
    name = re.sub(r"(downsample|shortcut)\.0\.", "shortcut.", name)
    name = re.sub(r"(downsample|shortcut)\.1\.", "shortcut_bn.", name)
    path = re.sub(r"^linear\.", "fc.", name).replace(".", "/")
    if array.ndim > 1:
        path = re.sub(r"/weight$", "/kernel", path)
    return states.batch_norms(path)
