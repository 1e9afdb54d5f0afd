"""HYPO, hypocritical noise, and the other delusive attacks of the same paper.

    P1   min_delta  L(f(x + delta), y + 1)          `mislead`
    P2   min_delta  L(f(x + delta), y)              `hypocritical`
    P3, P4   one pattern for each class that looks like the next, or like it, to f

within a threat's set, for a network f trained on clean images. P5 is `urp`'s noise.

Source: Tao et al. 2021, arXiv 2102.04716, and its released code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.attack import at_image, pgd
from purifax.attack.checks import attacking
from purifax.classify import cross_entropy
from purifax.poison.budget import in_ball
from purifax.poison.building import crafted, everywhere
from purifax.poison.context import Context
from purifax.poison.em import error_minimising
from purifax.poison.fields import Descended, Share
from purifax.poison.injection import Poison
from purifax.poison.tap import shifted_loss
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.transform.batching import batched
from purifax.types import Model

__all__ = ["HYPO", "Mislead", "hypocritical", "mislead", "universal_step"]


@attacking()
def mislead(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    *,
    shift: Array | int = 1,
) -> Array:
    """P1: as `targeted_adversarial`, from the image, once, without augmentation.

    Args:
        threat: `L2(0.5)` is published.
        step_sizes: [T], published are 100 of a fifth of the radius.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import L2
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), model
    >>> mislead(*args, L2(0.25), jnp.full(4, 0.25)).tolist()
    [[[-0.25]]]
    """
    loss, start = Partial(shifted_loss, shift=shift), Partial(at_image)
    return pgd(key, x, label, model, threat, step_sizes, loss=loss, start=start) - x


@attacking()
def hypocritical(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
) -> Array:
    """P2, hypocritical noise: a trained model becomes surer of the image's own class.

    Args:
        threat: `L2(0.5)` is published; Linf 8/255 with steps of 0.8/255 is in use too.
        step_sizes: [T], published are 100 of a fifth of the radius.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(1), model
    >>> hypocritical(*args, Linf(0.25), jnp.full(4, 0.25)).tolist()
    [[[-0.25]]]
    """
    delta = jnp.zeros_like(x)
    return error_minimising(key, x, label, delta, model, threat, step_sizes)


def universal_step(
    key: Array,
    images: Array,
    pattern: Array,
    target: Array,
    model: Model,
    threat: Threat,
    step_size: Array | float,
    *,
    index: Array | None = None,
) -> Array:
    """One step of the pattern that makes any image look like the target.

    It follows the gradient of the mean loss over a batch, whatever its classes are. One
    such pattern for each class k gives P4 when added to class k itself, and P3 when
    that of class k + 1 is added to class k: `jnp.roll(patterns, -1, axis=0)`.

    Args:
        images: float [B, H, W, C] in [0, 1].
        pattern: [H, W, C]; zeros at first.
        target: int [].
        threat: `L2(0.5)` is published.
        step_size: a fifth of the radius is published, 500 times.
        index: int [B], as in `error_minimising_by_class`.

    Returns:
        pattern, [H, W, C].

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), 0.0])
    >>> args = jnp.full((2, 1, 1, 1), 0.5), jnp.zeros((1, 1, 1)), jnp.array(0)
    >>> universal_step(jax.random.key(0), *args, model, Linf(0.25), 0.125).tolist()
    [[[0.125]]]
    """

    def loss(pattern: Array) -> Array:
        def one(k: Array, x: Array) -> Array:
            return cross_entropy(model(k, jnp.clip(x + pattern, 0.0, 1.0)), target)

        return jnp.mean(batched(one)(key, images, index=index))

    return in_ball(threat.ascend(pattern, -jax.grad(loss)(pattern), step_size), threat)


@dataclass(frozen=True)
@typed
class HYPO(Share, Descended):
    """Hypocritical noise: a trained network becomes surer of the class (HYPO, P2).

    Source: Tao et al. 2021, arXiv 2102.04716, P2.
    """

    name: ClassVar[str] = "hypo"

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        maker = Partial(self._verb(), **self.against(context))
        index = everywhere(context, self.rate)
        return crafted(context, index, maker, self.threat, self.name)

    def _verb(self) -> Callable[..., Array]:
        return hypocritical


@dataclass(frozen=True)
@typed
class Mislead(HYPO):
    """Adversarial noise towards the next class, without restarts or jitter (P1).

    Source: Tao et al. 2021, arXiv 2102.04716, P1.
    """

    name: ClassVar[str] = "mislead"

    def _verb(self) -> Callable[..., Array]:
        return mislead
