"""The purifier of an evaluation's config, and the images that its networks take."""

from typing import Any

import numpy as np

from purifax.data.images import dimensions
from purifax.evaluation import networks
from purifax.evaluation.images import held_out
from purifax.evaluation.settings import Evaluation
from purifax.pipelines import purifiers
from purifax.types import Purifier

__all__ = ["check_size", "purifier", "recipe", "shape"]

CALIBRATED = 512
"""Validation images on which a purifier is calibrated, at most."""


def recipe(config: Evaluation) -> Any:
    """The recipe of an evaluation's purifier, which may be a name or a callable.

    Raises:
        ValueError: there is no purifier, or none of this name.
    """
    if config.purifier is None:
        raise ValueError("purifier is none, which purifies nothing.")
    return purifiers.recipe(config.purifier)


def purifier(config: Evaluation, made: Any, data_dir: str | None) -> Purifier:
    """The purifier of a recipe with the networks of an evaluation.

    It is calibrated on the evaluation's validation images, if it is one of those.

    Raises:
        ValueError: a recipe that does not fit its networks.
        FileNotFoundError: no such network.
    """

    def clean() -> np.ndarray:
        return held_out(config.images, data_dir).images[:CALIBRATED]

    places = (config.score, config.energy, config.dtype)
    return purifiers.build(made, *places, fast=True, clean=clean)


def shape(config: Evaluation) -> tuple[int, ...] | None:
    """(H, W, C) of the images its networks take; None: it has none, or cannot say."""
    if not purifiers.needs(recipe(config)):
        return None
    return purifiers.image_shape(config.score, config.energy)


def check_size(config: Evaluation, source: str, shape_: tuple[int, ...]) -> None:
    """Refuses images that the network was not made for.

    Raises:
        ValueError: they have another size.
    """
    expected, found = shape(config), networks.seen(recipe(config), shape_)
    if expected not in (None, found):
        raise ValueError(
            f"{source} has images of {dimensions(shape_)}; the score network of "
            f"{config.score} takes {dimensions(expected)}. Resize them first, or by "
            "--config.purifier=resized or tiled, with its height and width."
        )
