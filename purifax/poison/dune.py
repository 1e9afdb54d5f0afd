"""DUNE: noise in space and in colour, made to outlive a purifier of the training set.

    min_delta   mean_k L(f_k(x + delta), y + 3)                     for each image
    min_c       mean over a class of  mean_k L(f_k(x + c), y + 3)  +  what is visible

over checkpoints f_k, delta within Linf and c one colour for each class: a purifier that
restores detail leaves the colour of a whole class alone. Both are added, the colour on
top, so that only the first part keeps the radius.

The paper never looks through the purifier; models that do are those of `through`.

Source: Wang et al. 2026, "Dual-branch Robust Unlearnable Examples", International
Conference on Machine Learning, released code: 5 checkpoints, 30 steps of 0.5/255 within
8/255, colours found by a swarm of 10 in 10 steps on up to 1,000 images of the class,
with penalties for PSNR under 20, SSIM under 0.8 and LPIPS over 0.03.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.classify import cross_entropy
from purifax.poison.building import crafted, everywhere, model_of, surrogates, unit
from purifax.poison.context import Context
from purifax.poison.fields import Share, Surrogate
from purifax.poison.injection import Poison
from purifax.poison.sep import self_ensemble, together
from purifax.poison.swarm import Swarm, swarm_start, swarm_step
from purifax.recipe import typed
from purifax.threat import Linf, Threat
from purifax.types import Model

__all__ = [
    "DUNE",
    "Visible",
    "colour_loss",
    "dual_branch",
    "lacking",
    "perceptual",
    "psnr",
]

Visible: TypeAlias = Callable[[Array, Array], Array]
"""`visible(x_changed, x) -> []`, a penalty, zero where the change is not seen."""

_TINY = 1e-12
_MOST = 1000  # images of a class on which a colour is judged, as in the released code


@checks.checked()
def dual_branch(
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
    >>> dual_branch(*args, Linf(0.25), jnp.full(4, 0.25), colours, shift=1).tolist()
    [[[-0.375]]]
    """
    delta = self_ensemble(key, x, label, models, threat, step_sizes, shift=shift)
    colour = checks.row(colours, label).astype(x.dtype)[None, None, :]
    return jnp.clip(x + delta + colour, 0.0, 1.0) - x


@checks.checked()
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


@dataclass(frozen=True)
@typed
class DUNE(Share, Surrogate):
    """Noise against checkpoints, plus one colour for each class (DUNE).

    The radius bounds the noise alone; the colours are added to it.

    Source: Wang et al. 2026, "Dual-branch Robust Unlearnable Examples".

    Attributes:
        checkpoints: networks at even distances of the training.
        steps: gradient steps of the noise, each a sixteenth of the radius.
        shift: classes by which the label is shifted.
        particles: of the swarm that looks for the colours.
        moves: of every particle.
        features: what of a colour the parts of the last network may see, in the form of
            LPIPS without its learned weights; 0: anything.
    """

    name: ClassVar[str] = "dune"

    checkpoints: int = 5
    steps: int = 30
    shift: int = 3
    particles: int = 10
    moves: int = 10
    features: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("checkpoints", "steps", "particles", "moves"):
            recipe.at_least(self, field, 1)
        recipe.at_least(self, "features", 0)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        count = context.classes
        if self.shift % count == 0:
            raise ValueError(
                f"DUNE.shift={self.shift} shifts labels of {count} classes to "
                "themselves; give another."
            )
        networks = surrogates(context, self.checkpoints, self.white_box)
        models, seen = tuple(map(model_of, networks)), self.visible(context, networks)
        each = [self._colour(context, models, k, seen) for k in range(count)]
        colours = jnp.stack(each)
        maker = Partial(
            dual_branch,
            models=models,
            threat=self.threat,
            step_sizes=jnp.full(self.steps, self.radius / 16),
            colours=colours,
            shift=self.shift,
        )
        widest = float(jnp.max(jnp.abs(colours)))
        index = everywhere(context, self.rate)
        return crafted(context, index, maker, Linf(self.radius + widest), self.name)

    def calls(self) -> int:
        """Gradients of a network for one image."""
        return self.steps * self.checkpoints

    def visible(self, context: Context, networks: Sequence[Any]) -> tuple[Visible, ...]:
        """Penalties for what is seen of a colour, also by the last of the networks."""
        found = [
            Partial(lacking, measure=Partial(psnr), least=20.0),
            Partial(lacking, measure=Partial(context.similarity), least=0.8),
        ]
        if self.features:
            alike = Partial(_alike, extractor=context.blocks(networks[-1]))
            found.append(Partial(lacking, measure=alike, least=-self.features))
        return tuple(found)

    def _colour(
        self,
        context: Context,
        models: Sequence[Model],
        label: int,
        visible: Sequence[Visible],
    ) -> Array:
        """The colour of a class, [C], which few will notice."""
        images, channels = context.images, context.shape[-1]
        own = unit(images.images[images.labels == label][:_MOST])
        if not len(own):
            return jnp.zeros(channels)
        key = jax.random.fold_in(context.key("colours"), label)
        k_start, k_value = jax.random.split(key)
        value = Partial(
            _value,
            key=k_value,
            images=jnp.asarray(own),
            target=jnp.array((label + self.shift) % context.classes),
            models=tuple(models),
            visible=tuple(visible),
        )
        swarm = swarm_start(k_start, jnp.arange(self.particles), channels)
        move = context.compiled(_moved)
        for _ in range(self.moves):
            swarm = move(swarm, value)
        return swarm.best


def _moved(swarm: Swarm, value: Partial) -> Swarm:
    return swarm_step(swarm, value)


def _value(
    colour: Array, key: Array, images: Array, target: Array, models: Any, visible: Any
) -> Array:
    """How badly a colour does, and how much of it is seen."""
    return colour_loss(key, images, colour, target, models, visible)


def _alike(x_changed: Array, x: Array, extractor: Callable[..., Any]) -> Array:
    """Minus the distance that the parts of a network see."""
    return -perceptual(x_changed, x, lambda one: extractor(None, one))
