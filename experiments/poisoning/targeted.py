"""Poisons for one test image each: gradient matching, Bullseye and Convex Polytope.

The image, of class `target_class`, is to be answered as the class `target`, of whose
images some are perturbed; labels stay right, and the image itself is never trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.context import (
    Method,
    Setting,
    chosen,
    of_target,
    refuse,
    rows,
    unit,
)
from experiments.poisoning.features import blocks, features, learning
from purifax import nets, poison
from purifax.poison import Poison
from purifax.threat import Linf

__all__ = ["METHODS", "Target", "target"]


@dataclass(frozen=True)
class Target:
    """A test image, and what it is to be answered as.

    Attributes:
        position: in the test images.
        image: uint8 [H, W, C].
    """

    position: int
    image: np.ndarray
    label: int
    wanted: int


def target(setting: Setting) -> Target:
    """The image that a poison is for.

    Raises:
        ValueError: there are not so many test images of its class, or it is of the
            class that is wanted.
    """
    given, test = setting.crafting, setting.test
    refuse(
        given.target == given.target_class,
        f"crafting.target and target_class are both {given.target}: an image of a "
        "class is answered as it without a poison.",
    )
    refuse(test is None, "a poison for a target needs test images to choose it from.")
    assert test is not None
    among = np.flatnonzero(test.labels == given.target_class)
    refuse(
        not 0 <= given.target_image < len(among),
        f"crafting.target_image={given.target_image}, but there are {len(among)} test "
        f"images of class {given.target_class}.",
    )
    at = int(among[given.target_image])
    return Target(at, test.images[at], given.target_class, given.target)


def _gradient_matching(method: str, setting: Setting) -> Poison:
    """Perturbs a share of the wanted class, against one network or several."""
    given, aim = setting.crafting, target(setting)
    index = chosen(setting, of_target(setting), given.trigger_rate)
    x, labels = (jnp.asarray(one) for one in rows(setting, index))
    jitter = Partial(poison.jitter, largest=jnp.float32(given.jitter))
    transform = jitter if given.jitter else Partial(_still)
    shown = jnp.asarray(unit(aim.image))[None], jnp.array([aim.wanted])
    key, networks = setting.key("aims"), setting.ensemble
    objectives = [_matched(key, one, shown, labels, transform) for one in networks]
    sizes = _falling(given.matching_steps, given.matching_size, (3 / 8, 5 / 8, 7 / 8))
    delta, _ = _best(
        setting.key("matching"),
        x,
        Partial(poison.mean_objective, objectives=tuple(objectives)),
        setting.ball,
        sizes,
        jnp.arange(given.restarts),
    )
    return Poison(index, delta, setting.ball, name=method)


def _matched(
    key: Array, network: nets.Network, shown: Any, labels: Array, transform: Partial
) -> Partial:
    params = network.variables["params"]
    fn = Partial(learning, network=network)
    aim = jax.jit(poison.target_gradient)(key, *shown, params, fn)
    return Partial(
        poison.gradient_mismatch,
        labels=labels,
        target=aim,
        params=params,
        learning=fn,
        transform=transform,
    )


def _still(key: Array, x: Array) -> Array:
    del key
    return x


@jax.jit
def _best(
    key: Array,
    images: Array,
    objective: Partial,
    threat: Linf,
    step_sizes: Array,
    restarts: Array,
) -> tuple[Array, Array]:
    """The best of several descents, each from normal noise; see `gradient_matching`."""
    crafting = Partial(
        poison.descend,
        objective=objective,
        threat=threat,
        step_sizes=step_sizes,
        rule=Partial(poison.signed_adam),
        start=Partial(poison.at_normal),
    )
    return poison.best_of_starts(key, images, crafting, objective, restarts)


def _polytope(method: str, setting: Setting) -> Poison:
    """Perturbs the first images of the wanted class.

    Features are those of the last layer where that alone will be trained, and those of
    all parts of the network elsewhere.
    """
    given, aim = setting.crafting, target(setting)
    own = of_target(setting)
    refuse(
        not 1 <= given.bases <= len(own),
        f"crafting.bases={given.bases}; {len(own)} images are of class {given.target}.",
    )
    index = jnp.asarray(own[: given.bases])
    linear = setting.trainer.victim.transfer.how == "linear"
    verb = features if linear else blocks
    extractors = tuple(Partial(verb, network=one) for one in setting.ensemble)
    x = jnp.asarray(rows(setting, index)[0])
    args = setting.key("aims"), unit(aim.image), extractors
    sought = jax.jit(poison.target_features)(*args)
    objective = _OBJECTIVES[method](sought, extractors)
    sizes = jnp.full(given.bullseye_steps, given.bullseye_size)
    args = setting.key("polytope"), x, objective, setting.ball, sizes
    delta, _ = jax.jit(poison.descend)(*args)
    return Poison(index, delta, setting.ball, name=method)


def _bullseye(sought: Sequence[Any], extractors: Sequence[Partial]) -> Partial:
    draws = jnp.arange(1)
    return Partial(poison.bullseye, aims=sought, extractors=extractors, draws=draws)


def _convex(sought: Sequence[Any], extractors: Sequence[Partial]) -> Partial:
    draws, steps = jnp.arange(1), jnp.ones(500)
    bound = {"aims": sought, "extractors": extractors, "draws": draws}
    return Partial(poison.convex_polytope, steps=steps, **bound)


def _falling(steps: int, size: float, drops: Sequence[float]) -> Array:
    """Step sizes, [T], a tenth of the last after each share of the steps."""
    passed = np.arange(steps)[:, None] >= np.round(np.array(drops) * steps)[None]
    return jnp.asarray(size * 0.1 ** passed.sum(axis=1), jnp.float32)


_OBJECTIVES = {"bullseye": _bullseye, "convex_polytope": _convex}

METHODS: dict[str, Method] = {
    "gradient_matching": _gradient_matching,
    "bullseye": _polytope,
    "convex_polytope": _polytope,
}
