"""Networks in the place they are named for, made for the images they are given."""

import pathlib
from collections.abc import Sequence

from purifax import nets, weights

__all__ = ["classifier", "fits"]


def classifier(
    place: str | pathlib.Path, shape: Sequence[int], field: str = "classifier"
) -> nets.Network:
    """The classifier of a work directory.

    Args:
        shape: (H, W, C) of the images that it will see.
        field: of the config, for the error.

    Raises:
        ValueError: the network is none, or was made for other images.
        FileNotFoundError: no such folder, or no network or checkpoint in it.
    """
    role = weights.role(place)
    if role != "classifier":
        raise ValueError(
            f"{field} is {place}, which holds a network of role {role!r}; name the "
            "work directory of a classifier."
        )
    fits(place, shape, field)
    return weights.load(place)


def fits(place: str | pathlib.Path, shape: Sequence[int], field: str) -> None:
    """Refuses a network made for other images.

    Raises:
        ValueError: it takes images of another shape.
    """
    made = weights.image_shape(place)
    if tuple(made) != tuple(shape):
        raise ValueError(
            f"{field} is {place}, made for images of {_size(made)}; these are "
            f"{_size(shape)}. Name a network trained on such images."
        )


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
