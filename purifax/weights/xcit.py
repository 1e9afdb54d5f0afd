"""XCiTs of timm and of their authors as networks, from their arrays by name.

Widths, depths and heads follow from the arrays. Robust XCiTs for CIFAR (Debenedetti et
al. 2022) have the same arrays with smaller strides, which are told by `patch`.
"""

from collections.abc import Mapping

import numpy as np

from purifax import nets
from purifax.weights import states, torch_names

__all__ = ["timm"]

_RULES = (
    (r"^cls_token$", "token"),
    (r"^pos_embed(?:er)?\.token_projection\.", "positions."),
    (r"^blocks\.(\d+)\.", r"block\1."),
    (r"^cls_attn_blocks\.(\d+)\.", r"class\1."),
    (r"\.attn\.", "."),
    (r"\.local_mp\.bn\.", ".local_bn."),
    (r"\.local_mp\.conv([12])\.", r".local\1."),
)
_PLAIN_WIDTHS = (128,)
"""Widths of which a class block normalises the class token alone: XCiT-N."""


def timm(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.485, 0.456, 0.406),
    std: tuple[float, ...] = (0.229, 0.224, 0.225),
    patch: int | None = None,
) -> nets.Network:
    """An XCiT, for images of 224 x 224 unless told otherwise.

    Args:
        state: name to array, in PyTorch's layout.
        patch: product of the stem's strides, of which the first are 1 if it is smaller
            than 2 to the number of convolutions (default).

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape; or `patch`
            is no power of two, or too large.
    """
    kind, found = "an XCiT", states.lasting(state)
    convs = torch_names.count(found, r"^patch_embed\.proj\.(\d+)\.0\.weight")
    stem = [(rf"^patch_embed\.proj\.{2 * i}\.0\.", f"stem{i}.") for i in range(convs)]
    stem += [
        (rf"^patch_embed\.proj\.{2 * i}\.1\.", f"stem{i}_bn.") for i in range(convs)
    ]
    arrays = torch_names.renamed(found, [*stem, *_RULES])
    first, head, heads = "stem0.weight", "head.weight", "block0.temperature"
    states.have(kind, arrays, {first: 4, head: 2, heads: 3, "token": 3})
    arrays["token"] = np.reshape(arrays["token"], -1)
    width = len(arrays["token"])
    for name in [name for name in arrays if ".qkv." in name and name[:5] == "class"]:
        parts = np.split(arrays.pop(name), 3)  # the authors' code has one layer for all
        arrays |= {name.replace("qkv", n): p for n, p in zip("qkv", parts, strict=True)}
    if "positions.weight" in arrays:
        arrays["positions.weight"] = arrays["positions.weight"].reshape(width, -1)
    module = nets.XCiT(
        strides=_strides(convs, patch),
        width=width,
        depth=torch_names.count(arrays, r"^block(\d+)\."),
        class_depth=torch_names.count(arrays, r"^class(\d+)\."),
        heads=len(arrays[heads]),
        all_normalised=width not in _PLAIN_WIDTHS,
        num_classes=len(arrays[head]),
        mean=mean,
        std=std,
    )
    shape = (224, 224, arrays[first].shape[1])
    by_path = torch_names.by_path(arrays, kept=("temperature",))
    variables = states.fitted(kind, by_path, module, shape)
    return nets.Network(module, variables, shape)


def _strides(convs: int, patch: int | None) -> tuple[int, ...]:
    """Of the stem: ones, then twos, whose product is `patch`."""
    twos = convs if patch is None else patch.bit_length() - 1
    if patch is not None and (patch < 1 or 2**twos != patch or twos > convs):
        raise ValueError(
            f"a stem of {convs} convolutions folds patches of 1, 2, ... {2**convs} "
            f"pixels; got {patch}."
        )
    return (1,) * (convs - twos) + (2,) * twos
