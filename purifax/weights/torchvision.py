"""Classifiers of torchvision and of RobustBench, from their arrays by name.

    imagenet      torchvision's ResNets and wide ResNets ("layer1.0.downsample.0")
    model         any of torchvision's that is read: those, ConvNeXt, ViT and Swin
    robustbench   wide ResNets in all their layouts, ResNets for small images, and
                  torchvision's ResNets behind a normalisation

Depth, widths and number of classes follow from the arrays.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.weights import (
    convnext,
    residual,
    resnet_names,
    small_residual,
    states,
    swin,
    vit,
)

__all__ = ["imagenet", "model", "robustbench"]


def model(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.485, 0.456, 0.406),
    std: tuple[float, ...] = (0.229, 0.224, 0.225),
    **more: Any,
) -> nets.Network:
    """A ResNet, wide ResNet, ConvNeXt, ViT or Swin of torchvision.

    Args:
        state: name to array, in PyTorch's layout; a prefix "module." is left out.
        more: what the reader of that network takes besides, such as `num_heads`.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    names = states.lasting(state)
    read: Callable[..., nets.Network] = imagenet
    if "class_token" in names:
        read = vit.torchvision
    elif "features.0.2.weight" in names:
        read = swin.torchvision
    elif "features.0.0.weight" in names and "classifier.2.weight" in names:
        read = convnext.torchvision
    return read(state, mean=mean, std=std, **more)


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
    width = len(arrays[stem])
    module = nets.ImageNetResNet(
        depth=resnet_names.depth(arrays),
        num_classes=len(arrays[head]),
        width=width,
        widen=max(1, len(arrays[first]) // width),
        mean=mean,
        std=std,
    )
    by_path = {
        resnet_names.path(n, a): states.channels_last(a) for n, a in arrays.items()
    }
    shape = (64, 64, arrays[stem].shape[1])
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


_DEEPMIND = {
    10: ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    100: ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}
"""The normalisation inside DeepMind's networks, which is not stored, by the classes."""

_STORED = (("mu", "sigma"), ("normalize.mean", "normalize.std"), ("mean", "std"))


def robustbench(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    activation: str = "silu",
    shortcut: str | None = None,
    standardised: bool = False,
    head: str = "linear",
) -> nets.Network:
    """A classifier of RobustBench.

    Args:
        state: name to array, in PyTorch's layout; prefixes "module." and "model." are
            left out, and so is the block `sub_block1`, which some models hold but do
            not use.
        mean, std: of the normalisation. By default `mu` and `sigma` among the arrays;
            without these, CIFAR's for DeepMind's layouts, ImageNet's for those of
            torchvision, and none for the others.
        activation: of DeepMind's layouts, "silu" or "relu", which the arrays do not
            tell. All of RobustBench have silu.
        shortcut: of a pre-activation ResNet; see `small_residual.preact`.
        standardised, head: of a wide ResNet; see `nets.WideResNet`.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    arrays = {
        name.removeprefix("model."): array
        for name, array in states.lasting(state).items()
        if not name.removeprefix("model.").startswith("sub_block1.")
    }
    read, numbers = _reader(arrays, activation, shortcut)
    if read is residual.wide:
        numbers |= {"standardised": standardised, "head": head}
    for stored in _STORED:
        if set(stored) <= arrays.keys():
            found = (tuple(map(float, np.ravel(arrays.pop(name)))) for name in stored)
            numbers |= dict(zip(("mean", "std"), found, strict=True))
    given = {"mean": mean, "std": std}
    numbers |= {name: value for name, value in given.items() if value is not None}
    network = read(arrays, **numbers)
    side = 224 if read is imagenet else 32
    return nets.Network(network.module, network.variables, (side, side, 3))


def _reader(
    arrays: Mapping[str, np.ndarray], activation: str, shortcut: str | None
) -> tuple[Callable[..., nets.Network], dict[str, Any]]:
    """The reader of a layout, with what it is told beside the arrays."""
    if "logits.weight" in arrays:
        classes = len(arrays["logits.weight"])
        mean, std = _DEEPMIND.get(classes, _DEEPMIND[10])
        numbers: dict[str, Any] = {"activation": activation, "mean": mean, "std": std}
        if "conv_2d.weight" in arrays:
            return small_residual.dm_preact, numbers
        return residual.wide, numbers | {"shifted": True}
    if "layer1.0.conv1.weight" not in arrays:
        return residual.wide, {}
    if "fc.weight" in arrays:
        return imagenet, {}
    if "bn1.weight" in arrays:
        return small_residual.resnet, {}
    return small_residual.preact, {"shortcut": shortcut}
