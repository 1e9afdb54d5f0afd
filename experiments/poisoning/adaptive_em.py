"""Poisons for who expects a defence: error-minimising noise that is made through it.

    theta <- updates on P(x + delta),   delta_i <- descent of  E L(f(P(x_i + delta_i)))

P is what the defence `crafting.against` makes of one image, and the mean is over its
draws.

    adaptive        what it does to every batch alone, as ECLIPSE's authors attack it
    adaptive_bpda   its purifier of the set before that, which runs as it is and has
                    the gradient of the identity
    adaptive_exact  the same with the exact gradient, through all steps of the purifier

The purifier is the very network that the defender uses, with other draws. What rounds
has no gradient: JPEG and few bits have that of the identity, grey that of the same
weights without rounding.

Source: Wang et al. 2024 (ECLIPSE), section 4.4, whose network is a U-Net with pooling
at its end, its radius, steps and draws unpublished: here all are those of EM. Athalye
et al. 2018, arXiv 1802.00420 (gradients through a defence).
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning import augment_batches, purify_set
from experiments.poisoning.context import Method, Setting, everywhere
from experiments.poisoning.defences import Part, remedy
from experiments.poisoning.em import minimised
from purifax import backward, purify
from purifax.poison import Poison
from purifax.types import Purifier

__all__ = ["METHODS", "view"]

_GREY = (0.299, 0.587, 0.114)


def _adaptive(method: str, setting: Setting) -> Poison:
    index = everywhere(setting)
    delta = minimised(setting, index, view(method, setting))
    return Poison(index, jnp.asarray(delta), setting.ball, name=method)


def view(method: str, setting: Setting) -> Purifier:
    """What a network sees of an image, with the gradient that the method takes.

    Raises:
        ValueError: the defence has parts that do not treat images one by one, nothing
            that the method goes through, or a purifier outside of a grid.
    """
    name = setting.crafting.against
    defence = remedy(name)
    once = () if method == "adaptive" else defence.once
    for part in (*once, *defence.always):
        if (
            part.name not in purify_set.PURIFIERS
            and part.name not in augment_batches.IMAGES
        ):
            raise ValueError(
                f"crafting.against={name}: {part.name!r} does not treat images one by "
                "one, so that there is nothing to go through."
            )
    if not (once or defence.always):
        raise ValueError(f"crafting.against={name} leaves {method!r} nothing to meet.")
    washed = [_washed(part, setting) for part in once]
    if method == "adaptive_bpda":
        washed = [backward.straight_through(one) for one in washed]
    changed = [
        _smooth(p, augment_batches.of_image(p.name, p.number)) for p in defence.always
    ]
    return Partial(purify.chain, purifiers=(*washed, *changed))


def _washed(part: Part, setting: Setting) -> Purifier:
    """A part that changes the set; models that learn the set have learned it clean."""
    if setting.basin is None:
        raise ValueError(
            f"a poison against {part.name!r} needs the networks of a grid; run "
            "experiments.evaluate_poison."
        )
    basin = purify_set.Basin(
        setting.basin.config,
        setting.basin.generators,
        setting.basin.mesh,
        setting.images.images,
    )
    return _smooth(part, purify_set.PURIFIERS[part.name](basin, part.number))


def _smooth(part: Part, purifier: Purifier) -> Purifier:
    """The purifier with a gradient that is not zero where it rounds."""
    if part.name in ("jpeg", "bit_depth"):
        return backward.straight_through(purifier)
    if part.name in ("grayscale", "grayscale_once"):
        bound = getattr(purifier, "keywords", {})
        return backward.surrogate(purifier, Partial(_grey, **bound))
    return purifier


def _grey(key: Array, x: Array, probability: Array) -> Array:
    """`purify.grayscale` before it rounds, on the same draw."""
    if x.shape[-1] != len(_GREY):
        return x
    grey = jnp.sum(x * jnp.array(_GREY)[None, None], axis=-1, keepdims=True)
    return jnp.where(jax.random.bernoulli(key, probability), grey, x)


METHODS: dict[str, Method] = {
    "adaptive": _adaptive,
    "adaptive_bpda": _adaptive,
    "adaptive_exact": _adaptive,
}
