"""The proof of the gradient that an evaluation attacks with: one image, one key.

Made before the first attack and stored as a part, like everything that takes time, so a
resumed evaluation reports the figures of its beginning.
"""

import time

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import data
from purifax.evaluation import gradient_check
from purifax.evaluation.images import pixels
from purifax.evaluation.settings import Evaluation
from purifax.evaluation.store import Arrays, Parts
from purifax.evaluation.world import World
from purifax.run.progress import say
from purifax.transform import remat
from purifax.types import Model

__all__ = ["PART", "proof", "prove", "wanted"]

PART = "gradient-proof"

TESTS = {
    "same_states": gradient_check.same_states,
    "same_when_stored": gradient_check.same_when_stored,
    "slopes_agree": gradient_check.slopes_agree,
}


def wanted(config: Evaluation) -> bool:
    """Whether an attack follows the exact gradient."""
    return any(made.reported == "exact" for made in config.named().values())


def prove(parts: Parts, key: Array, world: World, images: data.Images) -> Arrays:
    """Examines the gradient on the first image, unless that was done before."""

    def make() -> Arrays:
        say("proving the exact gradient on one image")
        began = time.monotonic()
        x = pixels(images.images[0])
        examine = jax.jit(gradient_check.examine)
        found = examine(key, x, jnp.asarray(images.labels[0]), _model(world))
        figures = {
            "length": found.length,
            "states": found.states,
            "state_gap": found.state_gap,
            "stored_gap": found.stored_gap,
            "width": found.width,
            "median": found.median,
            "worst": found.worst,
        }
        passed = {name: test(found) for name, test in TESTS.items()}
        arrays = {name: np.asarray(a) for name, a in (figures | passed).items()}
        return arrays | {"seconds": np.array(time.monotonic() - began)}

    return parts.get(PART, make)


def proof(parts: Parts) -> dict[str, float | bool]:
    """The figures that were stored, as plain values; empty if none were wanted."""
    if not parts.has(PART):
        return {}
    found = parts.get(PART, dict)
    return {name: value.item() for name, value in found.items() if name != "seconds"}


def _model(world: World) -> Model:
    """One run of the defence as the exact attacks see it."""
    model = world.target().one_sample()
    return model if world.chain else Partial(_without_chain, model=model)


def _without_chain(key: Array, x: Array, model: Model, scan: remat.Scan) -> Array:
    del scan
    return model(key, x)
