"""DUNE: noise in space and in colour, made to outlive a purifier of the training set.

    min_delta   mean_k L(f_k(x + delta), y + 3)                     for each image
    min_c       mean over a class of  mean_k L(f_k(x + c), y + 3)  +  what is visible

over checkpoints f_k, delta within Linf and c one colour for each class: a purifier that
restores detail leaves the colour of a whole class alone. Both are added, the colour on
top, so that only the first part keeps the radius.

The paper never looks through the purifier. `through` does: it puts a purifier with its
exact gradient, and draws of its noise, in front of every network, for this and every
other poison that takes models. It makes the adaptive attack that ECLIPSE describes, EM
through a random corruption, a bound `minimise`.

Source: Wang et al. 2026, "Dual-branch Robust Unlearnable Examples", International
Conference on Machine Learning, released code: 5 checkpoints, 30 steps of 0.5/255 within
8/255, colours found by a swarm of 10 in 10 steps on up to 1,000 images of the class,
with penalties for PSNR under 20, SSIM under 0.8 and LPIPS over 0.03. Athalye et al.
2018, arXiv 1802.00420 (gradients through a defence). ECLIPSE: Wang et al. 2024, section
4.4.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.classify import cross_entropy, defend, each
from purifax.poison.ensemble import sep, together
from purifax.threat import Threat
from purifax.types import Classifier, Model, Purifier

__all__ = [
    "Visible",
    "colour_loss",
    "dune",
    "lacking",
    "perceptual",
    "psnr",
    "through",
]

Visible: TypeAlias = Callable[[Array, Array], Array]
"""`visible(x_changed, x) -> []`, a penalty, zero where the change is not seen."""

_TINY = 1e-12


def through(
    classifiers: Sequence[Classifier], purifier: Purifier, draws: Array
) -> list[Model]:
    """Each network behind a purifier, its logits for every draw, [S, K].

    Args:
        purifier: `(key, x) -> x`; its gradient is the one that is used, so
            `backward.exact` of it is the strongest choice.
        draws: int [S], of its noise at every step.

    >>> model = through([lambda x: 2 * x], lambda key, x: x + 1, jnp.arange(3))[0]
    >>> model(jax.random.key(0), jnp.zeros(2)).tolist()
    [[2.0, 2.0], [2.0, 2.0], [2.0, 2.0]]
    """
    models = [Partial(defend, purifier=purifier, classifier=f) for f in classifiers]
    return [Partial(each, model=model, draws=draws) for model in models]


def dune(
    key: Array,
    x: Array,
    label: Array,
    models: Sequence[Model],
    threat: Threat,
    step_sizes: Array,
    colours: Array,
    *,
    shift: Array | int = 3,
) -> Array:
    """Noise against checkpoints, and the colour of the image's class on top; a maker.

    Args:
        models: `(key, x) -> logits` of the checkpoints, or `through` a purifier.
        threat: of the noise alone; `Linf(8 / 255)` is published.
        step_sizes: [T], published are 30 of 0.5/255.
        colours: [K, C], one for each class, found on `colour_loss`; zeros for none.
        shift: of the label; 3 is published.

    Returns:
        delta, like x, with x + delta in [0, 1]. Linf of the radius plus the largest
        colour bounds it.

    >>> from purifax.threat import Linf
    >>> models = [Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))] * 2
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), models
    >>> colours = jnp.array([[-0.125], [0.0]])
    >>> dune(*args, Linf(0.25), jnp.full(4, 0.25), colours, shift=1).tolist()
    [[[-0.375]]]
    """
    delta = sep(key, x, label, models, threat, step_sizes, shift=shift)
    colour = colours[label].astype(x.dtype)[None, None, :]
    return jnp.clip(x + delta + colour, 0.0, 1.0) - x


def colour_loss(
    key: Array,
    images: Array,
    colour: Array,
    target: Array,
    models: Sequence[Model],
    visible: Sequence[Visible],
) -> Array:
    """How badly a colour makes a class look like the target, and how visibly, [].

    To be searched by `swarm_step`, or descended: it has a gradient.

    Args:
        images: float [B, H, W, C] in [0, 1], of one class.
        colour: [C], added to every pixel.
        target: int [], the class `shift` after theirs.
        visible: penalties, summed: `lacking` bound to `psnr` and 20 and to a structural
            similarity and 0.8, as `Partial`s; and something for LPIPS, see
            `perceptual`.

    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jnp.zeros((2, 1, 1, 1)), jnp.array([0.1]), jnp.array(0), [model]
    >>> round(float(colour_loss(jax.random.key(0), *args, [])), 4)
    0.6444
    """

    def one(i: Array, x: Array) -> Array:
        changed = jnp.clip(x + colour[None, None, :], 0.0, 1.0)
        logits = together(jax.random.fold_in(key, i), changed, models)
        seen = sum((fn(changed, x) for fn in visible), start=jnp.zeros(()))
        return cross_entropy(logits, target) + seen

    return jnp.mean(jax.vmap(one)(jnp.arange(images.shape[0]), images))


def lacking(
    x_changed: Array, x: Array, measure: Visible, least: Array | float
) -> Array:
    """By how much a measure of likeness falls short of the least that is wanted, [].

    A measure of distance with a largest value: minus both.

    >>> x = jnp.zeros((1, 1, 1))
    >>> float(lacking(x + 0.1, x, psnr, 25.0)), float(lacking(x + 0.1, x, psnr, 15.0))
    (5.0, 0.0)
    """
    return jnp.maximum(least - measure(x_changed, x), 0.0)


def perceptual(
    x_changed: Array, x: Array, extractor: Callable[[Array], Sequence[Array]]
) -> Array:
    """How far the parts of a network see two images apart, [], zero if equal.

    LPIPS without its learned weights, for any network: features are scaled to length
    one along channels at every place; squared differences are summed over channels,
    averaged over places and summed over parts. Published is LPIPS itself, whose
    network and weights are learned elsewhere: its 0.03 is no value of this one.

    Args:
        extractor: `x -> parts`, each [H, W, C] or [C].

    Source: Zhang et al. 2018, arXiv 1801.03924, equation 1 with all weights one.

    >>> x = jnp.array([[[1.0, 0.0]]])
    >>> float(perceptual(x[..., ::-1], x, lambda x: [x, 2 * x[0, 0]]))
    4.0
    """
    pairs = zip(extractor(x_changed), extractor(x), strict=True)
    apart = [jnp.square(_unit(a) - _unit(b)) for a, b in pairs]
    means = [jnp.mean(jnp.sum(square, axis=-1)) for square in apart]
    return sum(means, start=jnp.zeros(()))


def _unit(features: Array) -> Array:
    square = jnp.sum(jnp.square(features), axis=-1, keepdims=True)
    return features / jnp.sqrt(square + _TINY)


def psnr(x_changed: Array, x: Array) -> Array:
    """Peak signal to noise ratio in decibels, for values in [0, 1]; 120 if equal.

    >>> x = jnp.zeros((1, 1, 1))
    >>> float(psnr(x + 0.1, x)), float(psnr(x, x))
    (20.0, 120.0)
    """
    square = jnp.mean(jnp.square(x_changed - x))
    return -10 * jnp.log10(square + _TINY)
