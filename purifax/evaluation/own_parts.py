"""Parts of the user's own, tried on one image before anything long."""

from typing import Any

import jax
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.attack.target import Target
from purifax.evaluation import attacks, networks
from purifax.evaluation.settings import Evaluation
from purifax.evaluation.world import World
from purifax.types import Purifier

__all__ = ["try_attacks", "try_controls", "try_purifier"]


def try_purifier(made: Any, bound: Purifier, shape: Any, *places: Any) -> None:
    """Refuses a purifier with a part of the user's own that does not take an image.

    Args:
        made: its recipe.
        shape: (H, W, C) of the images.
        places: of its networks.

    Raises:
        ValueError: it cannot be traced, or gives another shape.
    """
    if hasattr(made, "place") or any(map(networks.is_own, places)):
        name = getattr(made, "place", type(made).__name__)
        checks.tried(f"the purifier {name}", bound, tuple(shape))


def try_controls(config: Evaluation, world: World, shape: tuple[int, ...]) -> None:
    """Refuses controls that cannot be built beside the purifier.

    Raises:
        ValueError: one needs a network that the evaluation does not have; or as
            `try_purifier`.
    """
    named = {name: config.control(name) for name in config.controls}
    for name, made in named.items() if world.recipe is not None else ():
        for part in attacks.needs(made):
            if getattr(world.prior, part) is None:
                raise ValueError(
                    f"the control {name} needs a {part}, and this evaluation has none."
                )
        if made is not None:
            try_purifier(made, made.build(world.prior), shape)


def try_attacks(config: Evaluation, target: Target, shape: tuple[int, ...]) -> None:
    """Refuses an attack of the user's own that does not take an image and its label.

    Raises:
        ValueError: as `try_purifier`.
    """
    label = jax.ShapeDtypeStruct((), jnp.int32)
    for made in config.attacks.values():
        if hasattr(made, "place"):
            attack = made.build(target, attacks.threat(config, config.radius))
            checks.tried(f"the attack {made.place}", attack, shape, label)
