"""Poisons against a trained network: TAP, HYPO, SEP and its forms, EntF, DUNE."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.augment_batches import attacked
from experiments.poisoning.context import (
    Method,
    Setting,
    against,
    by_maker,
    refuse,
    unit,
)
from experiments.poisoning.features import blocks, features
from experiments.poisoning.victims import bare
from experiments.training.networks import one_of
from purifax import nets, poison
from purifax.evaluation.mapping import over
from purifax.poison import Poison
from purifax.purify.distance import ssim
from purifax.threat import Linf

__all__ = ["METHODS"]

_MOST = 1000
"""Images of a class on which DUNE looks for a colour, as its released code."""


def _tap(method: str, setting: Setting) -> Poison:
    given, bound = setting.crafting, against(setting)
    bound["model"] = _jittered(bound["model"], given.jitter)
    verb = poison.tap if method == "tap" else poison.tap_untargeted
    maker = Partial(verb, restarts=jnp.arange(given.restarts), **bound)
    return by_maker(method, setting, maker, setting.ball)


def _jittered(model: Partial, largest: float) -> Partial:
    """A model that sees a moved image; the model itself where nothing moves."""
    if not largest:
        return model
    return Partial(poison.jittered, model=model, largest=jnp.float32(largest))


def _hypo(method: str, setting: Setting) -> Poison:
    verb = {"hypo": poison.hypo, "mislead": poison.mislead}[method]
    return by_maker(method, setting, Partial(verb, **against(setting)), setting.ball)


def _sep(method: str, setting: Setting) -> Poison:
    models = tuple(Partial(bare, network=one) for one in setting.surrogates)
    maker = Partial(
        poison.sep,
        models=models,
        threat=setting.ball,
        step_sizes=setting.step_sizes,
        shift=len(setting.images.names) // 2,
    )
    return by_maker(method, setting, maker, setting.ball)


def _sep_features(method: str, setting: Setting) -> Poison:
    """SEP-FA, and with variance reduction as many visits as there are checkpoints."""
    networks, sizes = setting.surrogates, setting.step_sizes
    bound = {
        "threat": setting.ball,
        "step_sizes": sizes,
        "extractors": tuple(Partial(features, network=one) for one in networks),
        "centroids": jnp.stack([_means(setting, one) for one in networks]),
        "shift": len(setting.images.names) // 2,
    }
    if method == "sep_fa":
        maker = Partial(poison.sep_features, **bound)
    else:
        visits = jnp.full(len(networks), sizes[0])
        maker = Partial(poison.sep_reduced, visits=visits, **bound)
    return by_maker(method, setting, maker, setting.ball)


def _means(setting: Setting, network: nets.Network) -> Array:
    """The mean features of every class of the clean images, [K, D]."""
    images, mesh = setting.images, setting.trainer.mesh
    index = np.arange(len(images))
    args = setting.key("means"), index, unit(images.images)
    rows = over(Partial(features, network=network), mesh, setting.chunk, *args)
    labels = jnp.asarray(images.labels)
    return poison.centroids(jnp.asarray(rows), labels, setting.classes)


def _entf(method: str, setting: Setting) -> Poison:
    """Against a network that was trained adversarially on the clean images."""
    given = setting.crafting
    loss = _ENTANGLING[one_of("crafting.entf_loss", given.entf_loss, (*_ENTANGLING,))]
    sizes = jnp.full(given.adversary_steps, given.adversary_radius / 5)
    change = attacked(given.adversary_radius, sizes)
    network = setting.attacker.fit(setting.images, setting.hidden_seed, change)[-1]
    extractor = _jittered(Partial(features, network=network), given.jitter)
    maker = Partial(
        poison.entangle,
        extractor=extractor,
        centroids=_means(setting, network),
        threat=setting.ball,
        step_sizes=setting.step_sizes,
        restarts=jnp.arange(1),
        loss=Partial(loss),
    )
    return by_maker(method, setting, maker, setting.ball)


def _dune(method: str, setting: Setting) -> Poison:
    """Noise against checkpoints, and a colour for each class on top of it."""
    given, count = setting.crafting, len(setting.images.names)
    refuse(
        given.dune_shift % count == 0,
        f"crafting.dune_shift={given.dune_shift} shifts labels of {count} classes to "
        "themselves; give another.",
    )
    networks, few = setting.surrogates, given.dune_checkpoints
    refuse(
        not 1 <= few <= len(networks),
        f"crafting.dune_checkpoints={few}, of {len(networks)} crafting.checkpoints.",
    )
    taken = np.linspace(0, len(networks), few + 1)[1:].round().astype(int) - 1
    models = tuple(Partial(bare, network=networks[i]) for i in taken)
    visible = _visible(given.dune_features, networks[-1])
    colours = jnp.stack([_colour(setting, models, k, visible) for k in range(count)])
    maker = Partial(
        poison.dune,
        models=models,
        threat=setting.ball,
        step_sizes=jnp.full(given.dune_steps, given.radius / 16),
        colours=colours,
        shift=given.dune_shift,
    )
    widest = float(jnp.max(jnp.abs(colours)))
    return by_maker(method, setting, maker, Linf(given.radius + widest))


def _colour(
    setting: Setting, models: Sequence[Partial], label: int, visible: Sequence[Partial]
) -> Array:
    """The colour of a class, [C], which few will notice."""
    given, images = setting.crafting, setting.images
    own = unit(images.images[images.labels == label][:_MOST])
    if not len(own):
        return jnp.zeros(setting.shape[-1])
    key = jax.random.fold_in(setting.key("colours"), label)
    k_start, k_value = jax.random.split(key)
    particles = jnp.arange(given.dune_particles)
    swarm = poison.swarm_start(k_start, particles, setting.shape[-1])
    target = jnp.array((label + given.dune_shift) % len(images.names))
    value = Partial(
        _seen,
        key=k_value,
        images=jnp.asarray(own),
        target=target,
        models=tuple(models),
        visible=tuple(visible),
    )
    for _ in range(given.dune_moves):
        swarm = _moved(swarm, value)
    return swarm.best


@jax.jit
def _moved(swarm: poison.Swarm, value: Partial) -> poison.Swarm:
    return poison.swarm_step(swarm, value)


def _seen(
    colour: Array, key: Array, images: Array, target: Array, models: Any, visible: Any
) -> Array:
    """How badly a colour does, and how much of it is seen."""
    return poison.colour_loss(key, images, colour, target, models, visible)


def _visible(largest: float, network: nets.Network) -> list[Partial]:
    """Penalties for what is seen of a colour; none for features if `largest` is 0."""
    found = [
        Partial(poison.lacking, measure=Partial(poison.psnr), least=20.0),
        Partial(poison.lacking, measure=Partial(ssim), least=0.8),
    ]
    if largest:
        alike = Partial(_alike, network=network)
        found.append(Partial(poison.lacking, measure=alike, least=-largest))
    return found


def _alike(x_changed: Array, x: Array, network: nets.Network) -> Array:
    """Minus the distance that the parts of a network see."""
    extractor = Partial(blocks, None, network=network)
    return -poison.perceptual(x_changed, x, extractor)


_ENTANGLING = {
    "pull": poison.pull_loss,
    "pull_released": poison.pull_loss_released,
    "push": poison.push_loss,
}

METHODS: dict[str, Method] = {
    "tap": _tap,
    "tap_untargeted": _tap,
    "hypo": _hypo,
    "mislead": _hypo,
    "sep": _sep,
    "sep_fa": _sep_features,
    "sep_fa_vr": _sep_features,
    "entf": _entf,
    "dune": _dune,
}
