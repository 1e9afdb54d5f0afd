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

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.classify import cross_entropy
from purifax.poison.by_class import in_ball
from purifax.poison.descend import Moments, Rule, at_rest, radam
from purifax.threat import Threat
from purifax.transform.batching import batched
from purifax.types import Model, noun

__all__ = ["Trigger", "blank", "magnified", "narcissus_step"]


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
