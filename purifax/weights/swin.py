"""Swin transformers as networks, from their arrays by name.

    torchvision   "features.1.0.attn.qkv"
    timm          "layers.0.blocks.0.attn.qkv", of every version of timm and of the
                  authors' own code

Widths, depths, heads and window follow from the arrays. The second version of Swin,
which computes something else, is refused.
"""

import re
from collections.abc import Mapping

import numpy as np

from purifax import nets
from purifax.weights import states, torch_names

__all__ = ["timm", "torchvision"]

Arrays = Mapping[str, np.ndarray]
Numbers = tuple[float, ...]

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_MLP = ((r"\.mlp\.0\.", ".mlp.fc1."), (r"\.mlp\.3\.", ".mlp.fc2."))
_TABLE = (r"\.attn\.relative_position_bias_table$", ".positions")
_STAGE = r"^stage{}_(\d+)\."


def torchvision(
    state: Arrays, *, mean: Numbers = _IMAGENET[0], std: Numbers = _IMAGENET[1]
) -> nets.Network:
    """A Swin transformer of torchvision, for images of 224 x 224 unless told otherwise.

    Raises:
        ValueError: it is of the second version; or named arrays are missing, unknown
            or of a wrong shape.
    """
    rules = [(r"^features\.0\.0\.", "fold."), (r"^features\.0\.2\.", "norm0.")]
    for stage in range(4):
        rules.append((rf"^features\.{2 * stage + 1}\.(\d+)\.", rf"stage{stage}_\1."))
        rules.append((rf"^features\.{2 * stage + 2}\.", f"merge{stage + 1}."))
    return _network("a Swin of torchvision", state, [*rules, *_MLP, _TABLE], mean, std)


def timm(
    state: Arrays, *, mean: Numbers = _IMAGENET[0], std: Numbers = _IMAGENET[1]
) -> nets.Network:
    """A Swin transformer of timm, for images of 224 x 224 unless told otherwise.

    Raises:
        ValueError: it is of the second version; or named arrays are missing, unknown
            or of a wrong shape.
    """
    rules = [(r"^patch_embed\.proj\.", "fold."), (r"^patch_embed\.norm\.", "norm0.")]
    # Until timm 0.9 a stage ended in its merging, and now it begins with it.
    ends = any(name.endswith("layers.0.downsample.norm.weight") for name in state)
    for stage in range(4):
        rules.append((rf"^layers\.{stage}\.downsample\.", f"merge{stage + ends}."))
        rules.append((rf"^layers\.{stage}\.blocks\.(\d+)\.", rf"stage{stage}_\1."))
    rules.append((r"^head\.fc\.", "head."))
    return _network("a Swin of timm", state, [*rules, _TABLE], mean, std)


def _network(
    kind: str, state: Arrays, rules: list[tuple[str, str]], mean: Numbers, std: Numbers
) -> nets.Network:
    found = {
        name: array
        for name, array in states.lasting(state).items()
        if not re.search(r"relative_position_index$|attn_mask$", name)
    }
    if any(name.endswith(("logit_scale", "cpb_mlp.0.weight")) for name in found):
        raise ValueError("this is a Swin of the second version, which is not read.")
    arrays = torch_names.renamed(found, rules)
    fold, head = "fold.weight", "head.weight"
    states.have(kind, arrays, {fold: 4, head: 2, "stage0_0.positions": 2})
    depths = []
    while count := torch_names.count(arrays, _STAGE.format(len(depths))):
        depths.append(count)
    firsts = [f"stage{stage}_0.positions" for stage in range(len(depths))]
    states.have(kind, arrays, dict.fromkeys(firsts, 2))
    width, channels, patch = arrays[fold].shape[:3]
    module = nets.SwinTransformer(
        depths=tuple(depths),
        heads=tuple(arrays[first].shape[1] for first in firsts),
        width=width,
        window=(round(len(arrays[firsts[0]]) ** 0.5) + 1) // 2,
        patch=patch,
        num_classes=len(arrays[head]),
        mean=mean,
        std=std,
    )
    by_path = torch_names.by_path(arrays, kept=("positions",))
    shape = (224, 224, channels)
    variables = states.fitted(kind, by_path, module, shape)
    return nets.Network(module, variables, shape)
