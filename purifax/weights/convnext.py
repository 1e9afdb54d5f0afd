"""ConvNeXts as networks, from their arrays by name.

    torchvision   "features.1.0.block.0"
    timm          "stages.0.blocks.0.conv_dw", and the authors' own "stages.0.0.dwconv"

Widths and depths follow from the arrays.
"""

from collections.abc import Mapping

import numpy as np

from purifax import nets
from purifax.weights import states, torch_names

__all__ = ["timm", "torchvision"]

Arrays = Mapping[str, np.ndarray]
Numbers = tuple[float, ...]

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def torchvision(
    state: Arrays, *, mean: Numbers = _IMAGENET[0], std: Numbers = _IMAGENET[1]
) -> nets.Network:
    """A ConvNeXt of torchvision, for images of 224 x 224 unless told otherwise.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    rules = [(r"^features\.0\.0\.", "fold0."), (r"^features\.0\.1\.", "norm0.")]
    for stage in range(4):
        rules += [
            (rf"^features\.{2 * stage + 1}\.(\d+)\.", rf"stage{stage}_\1."),
            (rf"^features\.{2 * stage + 2}\.0\.", f"norm{stage + 1}."),
            (rf"^features\.{2 * stage + 2}\.1\.", f"fold{stage + 1}."),
        ]
    rules += [
        (r"\.block\.0\.", ".depthwise."),
        (r"\.block\.2\.", ".norm."),
        (r"\.block\.3\.", ".mlp.fc1."),
        (r"\.block\.5\.", ".mlp.fc2."),
        (r"\.layer_scale$", ".gamma"),
        (r"^classifier\.0\.", "norm."),
        (r"^classifier\.2\.", "head."),
    ]
    return _network("a ConvNeXt of torchvision", state, rules, mean, std)


def timm(
    state: Arrays, *, mean: Numbers = _IMAGENET[0], std: Numbers = _IMAGENET[1]
) -> nets.Network:
    """A ConvNeXt of timm or of its authors, for images of 224 x 224.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    rules = [
        (r"^(stem|downsample_layers\.0)\.0\.", "fold0."),
        (r"^(stem|downsample_layers\.0)\.1\.", "norm0."),
        (r"^stages\.(\d)\.downsample\.0\.", r"norm\1."),
        (r"^stages\.(\d)\.downsample\.1\.", r"fold\1."),
        (r"^downsample_layers\.(\d)\.0\.", r"norm\1."),
        (r"^downsample_layers\.(\d)\.1\.", r"fold\1."),
        (r"^stages\.(\d)\.(?:blocks\.)?(\d+)\.", r"stage\1_\2."),
        (r"\.(conv_dw|dwconv)\.", ".depthwise."),
        (r"\.pwconv([12])\.", r".mlp.fc\1."),
        (r"^head\.norm\.", "norm."),
        (r"^head\.fc\.", "head."),
    ]
    return _network("a ConvNeXt of timm", state, rules, mean, std)


def _network(
    kind: str, state: Arrays, rules: list[tuple[str, str]], mean: Numbers, std: Numbers
) -> nets.Network:
    arrays = torch_names.renamed(states.lasting(state), rules)
    stem, head = "fold0.weight", "head.weight"
    states.have(kind, arrays, {stem: 4, head: 2, "stage0_0.depthwise.weight": 4})
    depths = []
    while count := torch_names.count(arrays, rf"^stage{len(depths)}_(\d+)\."):
        depths.append(count)
    folds = [f"fold{stage}.weight" for stage in range(len(depths))]
    states.have(kind, arrays, dict.fromkeys(folds, 4))
    for name in [name for name in arrays if name.endswith(".gamma")]:
        arrays[name] = np.reshape(arrays[name], -1)
    module = nets.ConvNeXt(
        depths=tuple(depths),
        widths=tuple(len(arrays[fold]) for fold in folds),
        patch=arrays[stem].shape[2],
        num_classes=len(arrays[head]),
        mean=mean,
        std=std,
    )
    shape = (224, 224, arrays[stem].shape[1])
    variables = states.fitted(kind, torch_names.by_path(arrays), module, shape)
    return nets.Network(module, variables, shape)
