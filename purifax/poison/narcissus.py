"""Narcissus: a clean-label trigger that says its class louder than the class itself.

    delta = argmin  mean over x of the target class  L(f(x + delta), target)
    train:  x + delta for a few images of the target class, labels right
    test:   x + times delta for any image

with f a network of public images and the images of that one class, warmed up on the
latter alone. The trigger holds the features of the class that the victim will rely on,
so that half a per cent of the class suffices.

Source: Zeng et al. 2022, arXiv 2204.05255, and its released code: f trained for 200
epochs with one more output for the class, then 5 on the class alone; up to 1,000 passes
of RAdam over the class, step 0.01 for images in [-1, 1], which is 0.005 here; 25
poisons of 50,000; Linf 16/255, tests at three times the trigger. PureGen (Bhat et al.
2024, arXiv 2405.18627) uses 8/255, 500 poisons and tests at the trigger itself.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.classify import cross_entropy
from purifax.poison.badnets import additive
from purifax.poison.budget import in_ball
from purifax.poison.building import chosen, crafted, model_of, of_class, public, unit
from purifax.poison.context import Context, Images
from purifax.poison.descent import Moments, Rule, at_rest, radam
from purifax.poison.fields import Backdoor, Surrogate
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.transform.batching import batched
from purifax.types import Model, noun

__all__ = ["Narcissus", "Trigger", "blank", "magnified", "narcissus_step"]


@noun
@dataclass(frozen=True)
class Trigger:
    """A trigger while it is made.

    Attributes:
        pattern: [H, W, C], in the threat's ball.
        moments: of the optimiser.
    """

    pattern: Array
    moments: Moments


def blank(shape: tuple[int, ...]) -> Trigger:
    """The trigger before the first step: zero.

    >>> blank((2, 2, 1)).pattern.shape
    (2, 2, 1)
    """
    pattern = jnp.zeros(shape)
    return Trigger(pattern, at_rest(pattern))


def narcissus_step(
    key: Array,
    images: Array,
    trigger: Trigger,
    target: Array,
    model: Model,
    threat: Threat,
    step_size: Array | float,
    *,
    rule: Rule = Partial(radam),
    index: Array | None = None,
) -> tuple[Trigger, Array]:
    """One step of the trigger on a batch of the target class.

    The pattern itself is projected after each step. The released code clamps a copy of
    it inside the loss, so that entries beyond the bound have no gradient any more and
    never come back; until September 2022 it also added a pattern for images in [-1, 1]
    to images in [0, 1], which doubles the radius.

    Args:
        images: float [B, H, W, C] in [0, 1], all of the target class, augmented (crops
            and flips) before the trigger.
        target: int [], the output of the model for that class.
        model: `(key, x) -> logits` with running averages; the released code normalises
            by the batch.
        threat: `Linf(16 / 255)` or `Linf(8 / 255)`.
        step_size: 0.005 is published.
        index: int [B], as in `batched`; 0 .. B - 1 by default.

    Returns:
        The trigger and the mean loss before the step, [].

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), 0.0])
    >>> args = jnp.full((2, 1, 1, 1), 0.5), blank((1, 1, 1)), jnp.array(0), model
    >>> trigger, loss = narcissus_step(jax.random.key(0), *args, Linf(0.25), 4.0)
    >>> trigger.pattern.tolist(), round(float(loss), 3)
    ([[[0.25]]], 0.474)
    """

    def total(pattern: Array) -> Array:
        def one(k: Array, x: Array) -> Array:
            return cross_entropy(model(k, jnp.clip(x + pattern, 0.0, 1.0)), target)

        return jnp.mean(batched(one)(key, images, index=index))

    loss, g = jax.value_and_grad(total)(trigger.pattern)
    moments, way = rule(trigger.moments, jnp.where(jnp.isfinite(g), g, 0.0))
    moved = trigger.pattern - jnp.asarray(step_size, g.dtype) * way
    return Trigger(in_ball(moved, threat), moments), loss


@checks.checked(times=checks.at_least_zero)
def magnified(x: Array, pattern: Array, *, times: Array | float = 3.0) -> Array:
    """An image with a trigger as it is shown to the victim, in [0, 1].

    Into the training set the trigger goes by `craft` with `additive`.

    Args:
        x: [H, W, C], or any leading axes before these.
        pattern: [H, W, C].
        times: 3 as published; 1 in PureGen's tests.

    >>> magnified(jnp.full((1, 1, 1), 0.5), jnp.full((1, 1, 1), 0.125)).tolist()
    [[[0.875]]]
    """
    shown = jnp.broadcast_to(pattern, x.shape)
    return jnp.clip(x + jnp.asarray(times, x.dtype) * shown, 0.0, 1.0)


@dataclass(frozen=True)
@typed
class Narcissus(Backdoor, Surrogate):
    """A clean-label trigger: a pattern that looks like its target class (Narcissus).

    The network learns from public images of the other classes and all images of this
    one. Published are public images of other kinds and one more output for the class;
    here they have the classes of the set, and the class its own output.

    Source: Zeng et al. 2022, arXiv 2204.05255.

    Attributes:
        epochs: of the network on the target class alone, at the end of its training.
        passes: of the pattern over the images of the class.
        step_size: size of a step of the pattern, in [0, 1] pixel units.
        times: how many times as strong the pattern is shown in tests.
    """

    name: ClassVar[str] = "narcissus"

    epochs: int = 5
    passes: int = 1000
    step_size: float = 0.005
    times: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "epochs", 0)
        recipe.at_least(self, "passes", 0)
        recipe.above(self, "step_size", 0)
        recipe.above(self, "times", 0)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        among = of_class(context, self.target)
        index = chosen(context, among, self.rate)
        own = context.images.take(among)
        pattern = self._pattern(context, self._familiar(context, own), own)
        maker = Partial(additive, pattern=pattern)
        return crafted(context, index, maker, self.threat, self.name)

    def trigger(self, context: Context, delta: Any) -> Partial:
        """The pattern, which every perturbation is, as strong as it is shown."""
        del context
        return Partial(additive, pattern=self.times * jnp.asarray(delta[0]))

    def calls(self) -> int:
        """Gradients of a network for one image."""
        return self.passes

    def _familiar(self, context: Context, own: Images) -> Any:
        """A network of public images of other classes and of the class, tuned on it."""
        other = public(context, self.name)
        rest = other.take((other.labels != self.target).nonzero()[0])
        trainer, seed = context.trainer(self.white_box), context.surrogate_seed
        known = trainer.fit(context.joined(rest, own), seed)[-1]
        few = self.epochs * len(own) // trainer.batch
        if not few:
            return known
        return trainer.fit(own, seed + 1, begun=known, steps=few)[-1]

    def _pattern(self, context: Context, network: Any, own: Images) -> Array:
        """The trigger, after passes over the images of the class."""
        trainer, key = context.trainer(self.white_box), context.key("narcissus")
        size = min(trainer.batch, len(own))
        batches, step = context.batches(own, size), context.compiled(_augmented_step)
        trigger = blank(context.shape)
        for i in range(-(-self.passes * len(own) // size)):
            trigger = step(
                jax.random.fold_in(key, i),
                unit(batches(i)[0]),
                trainer.augment,
                trigger,
                jnp.array(self.target),
                model_of(network),
                self.threat,
                jnp.float32(self.step_size),
            )
        return trigger.pattern


def _augmented_step(
    key: Array,
    x: Array,
    augment: Any,
    trigger: Trigger,
    target: Array,
    model: Model,
    threat: Threat,
    size: Array,
) -> Trigger:
    """A step on augmented images."""
    k_augment, key = jax.random.split(key)
    x = jax.vmap(augment)(jax.random.split(k_augment, len(x)), x)
    return narcissus_step(key, x, trigger, target, model, threat, size)[0]
