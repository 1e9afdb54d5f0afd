"""From the name of a poison to perturbations of the victim's images.

`METHODS` lists them. A method is `(Setting) -> Recipe`: a maker for one image with what
it knows of the set and of networks bound to it, and the budget it promises.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.lib.build import one_of
from experiments.lib.config_poison import Crafting
from experiments.lib.minimising import minimised
from experiments.lib.over import over
from experiments.lib.victims import Trainer, bare
from purifax import data, nets, poison
from purifax.poison import Poison
from purifax.threat import L2, Linf

__all__ = ["METHODS", "TRIGGERS", "Setting", "made", "triggered"]


@dataclass(frozen=True)
class Setting:
    """What a poison is made from: the victim's images, numbers, and how to train.

    Attributes:
        trainer: of surrogates; the victim's own kind.
        chunk: images perturbed at once.
    """

    images: data.Images
    crafting: Crafting
    trainer: Trainer
    seed: int
    chunk: int

    @property
    def classes(self) -> Array:
        """The numbers of the classes."""
        return jnp.arange(len(self.images.names))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return self.images.images.shape[1:]

    @property
    def key(self) -> Array:
        """For all that a poison draws; training has keys of its own."""
        return jax.random.fold_in(jax.random.key(self.seed), 10)

    @property
    def ball(self) -> Linf:
        """The threat of the poisons that are made against a network."""
        return Linf(self.crafting.radius)

    @property
    def step_sizes(self) -> Array:
        """Of the attacks on a network."""
        given = self.crafting
        return jnp.full(given.steps, given.step_size * given.radius)

    @cached_property
    def surrogates(self) -> list[nets.Network]:
        """Networks in the course of a training on the clean images, the last last.

        Their seed is not the victim's, which the attacker does not know.
        """
        count = self.crafting.checkpoints
        return self.trainer.fit(self.images, self.seed + 7919, snapshots=count)


def made(method: str, setting: Setting) -> Poison:
    """The poison of a method.

    Raises:
        ValueError: an unknown method, or a share of images outside (0, 1].
    """
    one_of("method", method, tuple(METHODS))
    if not 0 < setting.crafting.rate <= 1 or not 0 < setting.crafting.trigger_rate <= 1:
        raise ValueError(
            "crafting.rate and trigger_rate are shares in (0, 1]; got "
            f"{setting.crafting.rate} and {setting.crafting.trigger_rate}."
        )
    return METHODS[method](method, setting)


def _chosen(setting: Setting, among: np.ndarray, rate: float) -> Array:
    key = jax.random.fold_in(setting.key, 1)
    count = max(1, round(rate * len(among)))
    return poison.choose_images(key, jnp.asarray(among), count)


def _everywhere(setting: Setting) -> Array:
    return _chosen(setting, np.arange(len(setting.images)), setting.crafting.rate)


def _by_maker(method: str, setting: Setting, maker: Callable, threat: Any) -> Poison:
    return _put(method, setting, _everywhere(setting), maker, threat)


def _lsp(method: str, setting: Setting) -> Poison:
    given = setting.crafting
    count, patch = len(setting.images.names), given.lsp_patch
    clusters = poison.lsp_clusters(setting.key, count, setting.shape, patch=patch)
    length = poison.lsp_length(setting.shape, level=given.lsp_level)
    maker = Partial(poison.lsp, clusters=clusters, length=length)
    return _by_maker(method, setting, maker, L2(length))


def _ar(method: str, setting: Setting) -> Poison:
    given, (height, width, channels) = setting.crafting, setting.shape
    if given.ar_filters:
        with np.load(given.ar_filters, allow_pickle=False) as stored:
            taps = jnp.asarray(stored["coeff"], jnp.float32)
    else:
        taps = poison.ar_coefficients(
            setting.key,
            len(setting.images.names),
            jnp.arange(given.ar_candidates),
            channels=channels,
            size=max(height, width),
            response=given.ar_response,
        )
    matrices = poison.ar_matrices(taps, height, width)
    maker = Partial(poison.autoregressive, matrices=matrices, length=given.ar_length)
    return _by_maker(method, setting, maker, L2(given.ar_length))


def _ops(method: str, setting: Setting) -> Poison:
    images, labels = setting.images.images, setting.images.labels
    shortcuts = poison.one_pixel_search(
        jnp.asarray(images), jnp.asarray(labels), setting.classes
    )
    maker = Partial(poison.one_pixel, shortcuts=shortcuts)
    return _by_maker(method, setting, maker, poison.Pixels(1))


def _cuda(method: str, setting: Setting) -> Poison:
    largest = setting.crafting.cuda_largest
    filters = poison.blur_filters(setting.key, setting.classes, largest=largest)
    return _by_maker(method, setting, Partial(poison.blur, filters=filters), None)


def _urp(method: str, setting: Setting) -> Poison:
    radius = setting.crafting.radius
    args = setting.key, setting.classes, setting.shape, radius
    maker = Partial(poison.class_wise, patterns=poison.uniform_patterns(*args))
    return _by_maker(method, setting, maker, setting.ball)


def _against(setting: Setting) -> dict[str, Any]:
    """What the makers against the surrogate are bound to."""
    return {
        "model": Partial(bare, network=setting.surrogates[-1]),
        "threat": setting.ball,
        "step_sizes": setting.step_sizes,
    }


def _tap(method: str, setting: Setting) -> Poison:
    given, bound = setting.crafting, _against(setting)
    if given.jitter:
        model, largest = bound["model"], jnp.float32(given.jitter)
        bound["model"] = Partial(poison.jittered, model=model, largest=largest)
    verb = poison.tap if method == "tap" else poison.tap_untargeted
    maker = Partial(verb, restarts=jnp.arange(given.restarts), **bound)
    return _by_maker(method, setting, maker, setting.ball)


def _hypo(method: str, setting: Setting) -> Poison:
    maker = Partial(poison.hypo, **_against(setting))
    return _by_maker(method, setting, maker, setting.ball)


def _sep(method: str, setting: Setting) -> Poison:
    bound = _against(setting)
    del bound["model"]
    models = tuple(Partial(bare, network=one) for one in setting.surrogates)
    shift = len(setting.images.names) // 2
    maker = Partial(poison.sep, models=models, shift=shift, **bound)
    return _by_maker(method, setting, maker, setting.ball)


def _em(method: str, setting: Setting) -> Poison:
    index = _everywhere(setting)
    some = setting.images.take(np.asarray(index))
    delta = minimised(
        some, setting.crafting, setting.trainer, setting.seed, setting.chunk
    )
    return Poison(index, jnp.asarray(delta), setting.ball, name=method)


def _badnets(method: str, setting: Setting) -> Poison:
    """A patch on images of the other classes, which get the target's label."""
    given = setting.crafting
    others = np.flatnonzero(setting.images.labels != given.target)
    index = _chosen(setting, others, given.trigger_rate)
    found = _put(method, setting, index, _patch(setting), poison.Pixels(9))
    label = jnp.full(index.shape, given.target, jnp.int32)
    return replace(found, label=label)


def _label_consistent(method: str, setting: Setting) -> Poison:
    """A patch on images of the target class, which are first made hard."""
    given, trigger = setting.crafting, _patch(setting)
    own = np.flatnonzero(setting.images.labels == given.target)
    index = _chosen(setting, own, given.trigger_rate)
    maker = Partial(poison.label_consistent, trigger=trigger, **_against(setting))
    threat = poison.Outside(setting.ball, trigger.keywords["mask"])
    return _put(method, setting, index, maker, threat)


def _patch(setting: Setting) -> Partial:
    """The checker in a corner, as a maker."""
    patch, mask = poison.grid(setting.shape)
    return Partial(poison.stamp, patch=patch, mask=mask)


def triggered(method: str, setting: Setting, test: data.Images) -> np.ndarray | None:
    """Test images of other classes than the target, with the trigger, uint8.

    None where the method has no trigger.
    """
    if method not in TRIGGERS:
        return None
    others = np.flatnonzero(test.labels != setting.crafting.target)
    x = test.images[others] / np.float32(255)
    maker, mesh = TRIGGERS[method](setting), setting.trainer.mesh
    args = setting.key, others, x, test.labels[others]
    level = 255 * np.clip(x + over(maker, mesh, setting.chunk, *args), 0.0, 1.0)
    return np.rint(level).astype(np.uint8)


def _put(
    method: str, setting: Setting, index: Array, maker: Callable, threat: Any
) -> Poison:
    """The poison of a maker for some images; what `poison.craft` gives, on a mesh."""
    number, images = np.asarray(index), setting.images
    x, labels = images.images[number] / np.float32(255), images.labels[number]
    key, mesh = jax.random.fold_in(setting.key, 2), setting.trainer.mesh
    delta = over(maker, mesh, setting.chunk, key, number, x, labels)
    return Poison(index, jnp.asarray(delta), threat, name=method)


METHODS: dict[str, Callable[[str, Setting], Poison]] = {
    "lsp": _lsp,
    "ar": _ar,
    "ops": _ops,
    "cuda": _cuda,
    "urp": _urp,
    "tap": _tap,
    "tap_untargeted": _tap,
    "hypo": _hypo,
    "sep": _sep,
    "em": _em,
    "badnets": _badnets,
    "label_consistent": _label_consistent,
}
"""Poisons by name; `made` calls one."""

TRIGGERS: dict[str, Callable[[Setting], Callable]] = {
    "badnets": _patch,
    "label_consistent": _patch,
}
"""What sets a poison off in an image, as a maker; the others spoil all answers."""
