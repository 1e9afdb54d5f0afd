"""Poisons that a trigger sets off: patches, label-consistent ones, Narcissus.

`METHODS` make them; `TRIGGERS` give what sets one off in an image.
"""

from collections.abc import Callable
from dataclasses import replace

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.context import (
    Method,
    Setting,
    against,
    chosen,
    of_target,
    public,
    put,
    refuse,
    unit,
)
from experiments.poisoning.victims import bare
from purifax import data, nets, poison
from purifax.evaluation.batches import Batches
from purifax.evaluation.mapping import over
from purifax.poison import Poison
from purifax.threat import Linf

__all__ = ["METHODS", "TRIGGERS", "triggered"]


def triggered(
    method: str, setting: Setting, test: data.Images, delta: np.ndarray
) -> np.ndarray | None:
    """Test images with the trigger, uint8 like them; None where there is none.

    Args:
        delta: the perturbations of the poison, [P, H, W, C].
    """
    if method not in TRIGGERS:
        return None
    x, index = unit(test.images), np.arange(len(test))
    maker, mesh = TRIGGERS[method](setting, delta), setting.trainer.mesh
    args = setting.key("tests"), index, x, test.labels
    level = 255 * np.clip(x + over(maker, mesh, setting.chunk, *args), 0.0, 1.0)
    return np.rint(level).astype(np.uint8)


def _badnets(method: str, setting: Setting) -> Poison:
    """A patch on images of the other classes, which get the target's label."""
    given = setting.crafting
    of_target(setting)
    others = np.flatnonzero(setting.images.labels != given.target)
    index = chosen(setting, others, given.trigger_rate)
    found = put(method, setting, index, _patch(setting), poison.Pixels(9))
    label = jnp.full(index.shape, given.target, jnp.int32)
    return replace(found, label=label)


def _label_consistent(method: str, setting: Setting) -> Poison:
    """A patch on images of the target class, which are first made hard."""
    given, trigger = setting.crafting, _patch(setting)
    index = chosen(setting, of_target(setting), given.trigger_rate)
    maker = Partial(poison.label_consistent, trigger=trigger, **against(setting))
    threat = poison.Outside(setting.ball, trigger.keywords["mask"])
    return put(method, setting, index, maker, threat)


def _narcissus(method: str, setting: Setting) -> Poison:
    """A pattern on images of the target class that a network sees that class in.

    The network learns from public images of the other classes and all images of this
    one. Published are public images of other kinds and one more output for the class;
    here they have the classes of the set, and the class its own output.
    """
    among = of_target(setting)
    index = chosen(setting, among, setting.crafting.trigger_rate)
    own = setting.images.take(among)
    network = _familiar(method, setting, own)
    pattern = _pattern(setting, network, own)
    maker = Partial(poison.additive, pattern=pattern)
    return put(method, setting, index, maker, setting.ball)


def _familiar(method: str, setting: Setting, own: data.Images) -> nets.Network:
    """Trained on public images of other classes with those of this, then on these."""
    given, other = setting.crafting, public(setting, method)
    rest = other.take(np.flatnonzero(other.labels != given.target))
    pixels, labels = (
        np.concatenate([getattr(rest, name), getattr(own, name)])
        for name in ("images", "labels")
    )
    both = data.Images(pixels, labels, np.arange(len(labels)), own.names, own.source)
    trainer, seed = setting.attacker, setting.hidden_seed
    known = trainer.fit(both, seed)[-1]
    few = given.narcissus_epochs * len(own) // trainer.victim.batch
    return trainer.fit(own, seed + 1, begun=known, steps=few)[-1] if few else known


def _pattern(setting: Setting, network: nets.Network, own: data.Images) -> Array:
    """The trigger, after passes over the images of the class."""
    given, trainer = setting.crafting, setting.trainer
    size = min(trainer.victim.batch, len(own))
    batches = Batches(own, size, setting.seed)
    trigger = poison.blank(setting.shape)
    key = setting.key("narcissus")
    for i in range(-(-given.narcissus_passes * len(own) // size)):
        trigger = _stepped(
            jax.random.fold_in(key, i),
            unit(batches(i)[0]),
            trainer.augment,
            trigger,
            jnp.array(given.target),
            Partial(bare, network=network),
            setting.ball,
            jnp.float32(given.narcissus_size),
        )
    return trigger.pattern


@jax.jit
def _stepped(
    key: Array,
    x: Array,
    augment: Partial,
    trigger: poison.Trigger,
    target: Array,
    model: Partial,
    threat: Linf,
    size: Array,
) -> poison.Trigger:
    k_augment, key = jax.random.split(key)
    x = jax.vmap(augment)(jax.random.split(k_augment, len(x)), x)
    return poison.narcissus_step(key, x, trigger, target, model, threat, size)[0]


def _patch(setting: Setting, delta: np.ndarray | None = None) -> Partial:
    """The checker in a corner, as a maker; it needs no perturbation to be known."""
    del delta
    refuse(
        min(setting.shape[:2]) < 3,
        f"a patch of 3 x 3 pixels does not fit on images {setting.shape}.",
    )
    patch, mask = poison.grid(setting.shape)
    return Partial(poison.stamp, patch=patch, mask=mask)


def _magnified(setting: Setting, delta: np.ndarray) -> Partial:
    """The pattern, which every perturbation is, as strong as it is shown."""
    pattern = setting.crafting.trigger_times * jnp.asarray(delta[0])
    return Partial(poison.additive, pattern=pattern)


METHODS: dict[str, Method] = {
    "badnets": _badnets,
    "label_consistent": _label_consistent,
    "narcissus": _narcissus,
}

TRIGGERS: dict[str, Callable[[Setting, np.ndarray], Partial]] = {
    "badnets": _patch,
    "label_consistent": _patch,
    "narcissus": _magnified,
}
"""What sets a poison off in an image, as a maker, from its perturbations."""
