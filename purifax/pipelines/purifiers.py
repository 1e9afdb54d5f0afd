"""From what a caller means by a purifier, and its networks, to the purifier itself."""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from purifax import weights
from purifax.data.images import dimensions
from purifax.evaluation import arguments, networks
from purifax.evaluation.attacks import needs
from purifax.evaluation.images import pixels
from purifax.evaluation.networks import is_own
from purifax.purify.prior import Prior
from purifax.recipe.kinds import PURIFIER
from purifax.run.config import from_plain
from purifax.types import Purifier

__all__ = [
    "advised",
    "build",
    "check_seen",
    "image_shape",
    "is_own",
    "needs",
    "recipe",
]


def recipe(wanted: Any) -> Any:
    """The recipe that is meant by a recipe, its class, its name or a callable.

    Args:
        wanted: a name is that of a recipe, or "package.module:name"; a callable is
            `(key, x) -> x` and is given `score`, `noise` and `energy` if it asks for
            them.

    Raises:
        ValueError: there is none of this name, or it is none of these.

    >>> recipe("diffpure").sampler
    'sde'
    """
    return arguments.recipe(PURIFIER, wanted)


def advised(name: Any) -> Any:
    """The recipe that the card of trained weights advises; None if there is none.

    Args:
        name: of shipped weights, or a work directory, which has no card.

    >>> advised("digits_dsm").steps
    3
    """
    if name not in weights.names():
        return None
    advice = weights.card(name)["purify"]
    return None if advice is None else from_plain(PURIFIER, advice["purifier"])


def image_shape(*places: Any) -> tuple[int, ...] | None:
    """(H, W, C) of the images of the first network that is a name or a folder.

    Args:
        places: as in `build`.

    Returns:
        None where all of them are callables of one's own, which do not say it.
    """
    for place in places:
        named = isinstance(place, str | pathlib.Path) and str(place)
        if named and not is_own(place):
            return weights.image_shape(place)
    return None


def check_seen(
    made: Any, shape: tuple[int, ...], wanted: tuple[int, ...] | None, name: str
) -> None:
    """Refuse images that a recipe does not bring to the size of its network.

    Args:
        shape: (H, W, C) of the images.
        wanted: (h, w, C) that the network takes; None if it does not say.
        name: of the network.

    Raises:
        ValueError: the network would see another shape.
    """
    found = networks.seen(made, shape)
    if wanted is not None and tuple(found) != tuple(wanted):
        how = "" if found == tuple(shape) else f", of which it sees {dimensions(found)}"
        raise ValueError(
            f"the images are {dimensions(shape)}{how}; {name} takes "
            f"{dimensions(wanted)}. Use purifier=Tiled, Padded or Resized with its "
            "height and width, or resize them first."
        )


def build(
    made: Any,
    score: Any = "",
    energy: Any = "",
    dtype: str = "",
    *,
    fast: bool = False,
    clean: Callable[[], np.ndarray] | None = None,
) -> Purifier:
    """The purifier of a recipe with its networks, for one sample of one image.

    Args:
        score, energy: each a work directory or the name of weights,
            "package.module:name", a callable, or "" where there is none. They are not
            read where the recipe needs none.
        dtype: what networks by name compute in; "" is what they were trained in.
        fast: the same images sooner, without a gradient, where there is such a form.
        clean: gives clean images, [N, H, W, C], for a recipe that is calibrated on
            them.

    Raises:
        ValueError: a network that the recipe needs is not given or does not fit, or
            there are no clean images to calibrate on.
        FileNotFoundError: there is no such network.
    """
    prior = Prior()
    if needs(made):
        shape = image_shape(score, energy) or ()
        prior = networks.prior(score, energy, dtype, shape, needs(made))
    if getattr(made, "uncalibrated", False):
        if clean is None:
            raise ValueError(
                f"{type(made).__name__} is calibrated on clean images: give the recipe "
                "with its limit, or `.calibrate(prior, images)`."
            )
        made = made.calibrate(prior, pixels(clean()))
    form = getattr(made, "build_fast", made.build) if fast else made.build
    return form(prior)
