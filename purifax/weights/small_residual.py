"""Residual classifiers of RobustBench for small images, from their arrays by name.

    resnet       ResNet-18, 34, 50, 101 or 152 with a 3x3 stem ("layer2.0.shortcut.0")
    preact       ResNet-18 or 34 that normalises first, of the common port
                 ("layer2.0.shortcut.0", without "bn1" of the stem)
    dm_preact    the same in DeepMind's layout ("layer_1.0.conv_2d_1")

Depth, widths and number of classes follow from the arrays.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.weights import resnet_names, states

__all__ = ["dm_preact", "preact", "resnet"]

Arrays = Mapping[str, np.ndarray]
Numbers = tuple[float, ...]


def resnet(
    state: Arrays, *, mean: Numbers = (0.0,), std: Numbers = (1.0,)
) -> nets.Network:
    """A ResNet with a 3x3 stem, of blocks of two convolutions or of three.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a ResNet for small images", states.lasting(state)
    stem, head, first = "conv1.weight", "linear.weight", "layer1.0.conv1.weight"
    states.have(kind, arrays, {stem: 4, head: 2, first: 4})
    depth = resnet_names.depth(arrays)
    numbers: dict[str, Any] = {"num_classes": len(arrays[head])}
    numbers |= {"width": len(arrays[stem])}
    if depth == 18:
        module = nets.ResNet18(**numbers, mean=mean, std=std)
    else:
        module = nets.ImageNetResNet(depth, **numbers, stem=3, mean=mean, std=std)
    return _fitted(kind, arrays, module)


def preact(
    state: Arrays,
    *,
    mean: Numbers = (0.0,),
    std: Numbers = (1.0,),
    shortcut: str | None = None,
) -> nets.Network:
    """A ResNet that normalises before each convolution.

    Args:
        shortcut: "raw" or "activated", see `nets.PreActResNet`. Published networks
            with a last normalisation have "activated" ones and the others "raw" ones,
            which is the default.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a pre-activation ResNet", states.lasting(state)
    stem, head = "conv1.weight", "linear.weight"
    states.have(kind, arrays, {stem: 4, head: 2})
    last = "bn.weight" in arrays
    module = nets.PreActResNet(
        depth=resnet_names.depth(arrays),
        num_classes=len(arrays[head]),
        width=len(arrays[stem]),
        shortcut=shortcut or ("activated" if last else "raw"),
        last_norm=last,
        mean=mean,
        std=std,
    )
    return _fitted(kind, arrays, module)


def dm_preact(
    state: Arrays,
    *,
    mean: Numbers = (0.0,),
    std: Numbers = (1.0,),
    activation: str = "silu",
) -> nets.Network:
    """A pre-activation ResNet of DeepMind, whose shortcuts are 3x3 convolutions.

    Args:
        activation: "silu", or "relu", which the arrays do not tell.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a pre-activation ResNet of DeepMind", states.lasting(state)
    arrays = {_common(name): array for name, array in arrays.items()}
    stem, head = "conv1.weight", "linear.weight"
    states.have(kind, arrays, {stem: 4, head: 2})
    module = nets.PreActResNet(
        depth=resnet_names.depth(arrays),
        num_classes=len(arrays[head]),
        width=len(arrays[stem]),
        shortcut_size=3,
        last_norm=True,
        activation=activation,
        shifted=True,
        mean=mean,
        std=std,
    )
    return _fitted(kind, arrays, module)


def _common(name: str) -> str:
    """A name of DeepMind's as one of the common port."""
    name = re.sub(r"^layer_(\d)\.", lambda match: f"layer{int(match[1]) + 1}.", name)
    name = re.sub(r"^batchnorm\.", "bn.", re.sub(r"^conv_2d\.", "conv1.", name))
    name = re.sub(r"^logits\.", "linear.", name)
    name = re.sub(r"\.conv_2d_(\d)\.", r".conv\1.", name)
    return re.sub(r"\.batchnorm_(\d)\.", lambda match: f".bn{int(match[1]) + 1}.", name)


def _fitted(
    kind: str,
    arrays: Arrays,
    module: nets.ResNet18 | nets.ImageNetResNet | nets.PreActResNet,
) -> nets.Network:
    by_path = {
        resnet_names.path(n, a): states.channels_last(a) for n, a in arrays.items()
    }
    shape = (32, 32, arrays["conv1.weight"].shape[1])
    return nets.Network(module, states.fitted(kind, by_path, module, shape))
