"""The two orders of the axes of a batch of images, and which of them a shape can be."""

from collections.abc import Sequence
from typing import Any

__all__ = [
    "LAYOUTS",
    "check_batch",
    "check_image",
    "check_layout",
    "to_first",
    "to_last",
]

LAYOUTS = ("NCHW", "NHWC")
"""Channels first, as PyTorch has them, and last, as JAX programs have them."""

MOST = 4
"""Channels of an image, at most, where a shape is looked at for its order of axes."""


def check_layout(layout: Any) -> None:
    """Refuse anything but one of `LAYOUTS`.

    Raises:
        ValueError: it is another.

    >>> check_layout("NCHW")
    """
    if layout not in LAYOUTS:
        raise ValueError(
            f'`layout` must be "NCHW" (channels first) or "NHWC" (channels last); got '
            f"{layout!r}."
        )


def check_image(shape: Sequence[int]) -> None:
    """Refuse a shape that is not (H, W, C).

    Raises:
        ValueError: it has not three axes of one pixel or more.

    >>> check_image((8, 8, 1))
    """
    if len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError(
            f"`shape` must be (H, W, C) of one image; got {tuple(shape)}. The module's "
            "own order of axes is said by `layout`."
        )


def check_batch(shape: Sequence[int], layout: str) -> None:
    """Refuse a batch whose channels stand where the other layout has them.

    A batch of which both orders could be is taken as the layout says.

    Raises:
        ValueError: its last axis or its second can be the channels, and it is the one
            of the other layout.

    >>> check_batch((2, 3, 32, 32), "NCHW")
    >>> check_batch((2, 32, 32, 3), "NCHW")
    Traceback (most recent call last):
        ...
    ValueError: images of layout NCHW are [N, C, H, W]; got shape (2, 32, 32, 3), \
whose channels are last. Give layout="NHWC", or permute them.
    """
    place, other = (1, 3) if layout == "NCHW" else (3, 1)
    if shape[place] > MOST >= shape[other]:
        letters = ", ".join(layout)
        where = {1: "second", 3: "last"}[other]
        wanted = next(name for name in LAYOUTS if name != layout)
        raise ValueError(
            f"images of layout {layout} are [{letters}]; got shape {tuple(shape)}, "
            f'whose channels are {where}. Give layout="{wanted}", or permute them.'
        )


def to_first(images: Any) -> Any:
    """[..., H, W, C] -> [..., C, H, W], of a tensor or an array.

    >>> import numpy as np
    >>> to_first(np.zeros((8, 9, 3))).shape
    (3, 8, 9)
    """
    return images.swapaxes(-1, -2).swapaxes(-2, -3)


def to_last(images: Any) -> Any:
    """[..., C, H, W] -> [..., H, W, C], of a tensor or an array.

    >>> import numpy as np
    >>> to_last(np.zeros((3, 8, 9))).shape
    (8, 9, 3)
    """
    return images.swapaxes(-3, -2).swapaxes(-2, -1)
