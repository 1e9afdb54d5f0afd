"""TAP: targeted adversarial poisoning, made against a network trained on clean images.

    max_delta  L(f(x + delta), y)    or   min_delta  L(f(x + delta), y + 1)

within a threat's set, by projected gradient descent from several starts.

Source: Fowl et al. 2021, arXiv 2106.10807.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.attack import best_of_restarts, pgd
from purifax.attack.checks import attacking
from purifax.classify import cross_entropy, each
from purifax.poison.building import crafted, everywhere
from purifax.poison.context import Context
from purifax.poison.fields import Descended, Share, moved
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.types import Loss, Model

__all__ = [
    "TAP",
    "TAPUntargeted",
    "at_normal",
    "restarted",
    "shifted_loss",
    "targeted_adversarial",
    "untargeted_adversarial",
]


@checks.checked()
def shifted_loss(logits: Array, label: Array, *, shift: Array | int = 1) -> Array:
    """Minus the cross-entropy of the class `shift` after the label, around the end, [].

    >>> logits = jnp.array([9.0, 0.0, 0.0])
    >>> round(float(shifted_loss(logits, jnp.array(2))), 3)
    -0.0
    """
    classes = logits.shape[-1]
    valid = checks.among("`label`", label, classes)
    return checks.where(valid, -cross_entropy(logits, (label + shift) % classes))


def at_normal(key: Array, x: Array, threat: Threat) -> Array:
    """Normal noise as large as the radius, projected: where TAP begins.

    >>> from purifax.threat import Linf
    >>> x = jnp.full((2, 2, 1), 0.5)
    >>> y = at_normal(jax.random.key(0), x, Linf(0.25))
    >>> bool(jnp.max(jnp.abs(y - x)) <= 0.25)
    True
    """
    noise = jax.random.normal(key, x.shape, x.dtype)
    return threat.project(x + threat.radius * noise, x)


@attacking()
def targeted_adversarial(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
    *,
    shift: Array | int = 1,
) -> Array:
    """Targeted adversarial poison: the image looks like the class after its own.

    Args:
        model: `(key, x) -> logits`, trained on clean data. Published with `jittered`
            bound around it, so that every step sees another crop and flip.
        threat: `Linf(8 / 255)` is published.
        step_sizes: [T], published are 250 of 0.4/255.
        restarts: int [R]; the one of lowest final loss is kept, published are 8.
        shift: of the label, around the end.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), model
    >>> more = Linf(0.25), jnp.full(4, 0.25), jnp.arange(2)
    >>> targeted_adversarial(*args, *more).tolist()
    [[[-0.25]]]
    """
    loss = Partial(shifted_loss, shift=shift)
    return restarted(key, x, label, model, threat, step_sizes, restarts, loss)


@attacking()
def untargeted_adversarial(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
) -> Array:
    """Error-maximising noise: the image looks like anything but its class.

    Its authors call it brittle. Arguments and result: as `targeted_adversarial`.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(1), model
    >>> more = Linf(0.25), jnp.full(4, 0.25), jnp.arange(2)
    >>> untargeted_adversarial(*args, *more).tolist()
    [[[0.25]]]
    """
    loss = Partial(cross_entropy)
    return restarted(key, x, label, model, threat, step_sizes, restarts, loss)


@attacking()
def restarted(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
    loss: Loss,
) -> Array:
    """The best of several runs from normal noise, as a perturbation like x.

    They are compared on one draw of the model, the same for all.

    Args:
        loss: climbed, `(what the model gives, label) -> []`, as a `Partial`.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), model
    >>> more = Linf(0.25), jnp.full(4, 0.25), jnp.arange(2), Partial(cross_entropy)
    >>> restarted(*args, *more).tolist()
    [[[-0.25]]]
    """
    judge = Partial(each, model=model, draws=jnp.arange(1))
    attack = Partial(
        pgd,
        model=model,
        threat=threat,
        step_sizes=step_sizes,
        loss=loss,
        start=Partial(at_normal),
    )
    return best_of_restarts(key, x, label, attack, judge, restarts, loss=loss) - x


@dataclass(frozen=True)
@typed
class TAP(Share, Descended):
    """Targeted adversarial poisoning: a trained network sees the next class (TAP).

    Source: Fowl et al. 2021, arXiv 2106.10807.

    Attributes:
        restarts: starts, of which the best is kept.
        jitter: pixels by which the image is moved, and mirrored or not, before every
            step; 0: neither.
    """

    name: ClassVar[str] = "tap"

    restarts: int = 8
    jitter: float = 8.0

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "restarts", 1)
        recipe.at_least(self, "jitter", 0)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        bound = self.against(context)
        bound["model"] = moved(bound["model"], self.jitter)
        maker = Partial(self._verb(), restarts=jnp.arange(self.restarts), **bound)
        index = everywhere(context, self.rate)
        return crafted(context, index, maker, self.threat, self.name)

    def calls(self) -> int:
        """Gradients of a network for one image."""
        return self.steps * self.restarts

    def _verb(self) -> Callable[..., Array]:
        return targeted_adversarial


@dataclass(frozen=True)
@typed
class TAPUntargeted(TAP):
    """Untargeted adversarial poisoning: a trained network sees another class.

    Source: Fowl et al. 2021, arXiv 2106.10807.
    """

    name: ClassVar[str] = "tap_untargeted"

    def _verb(self) -> Callable[..., Array]:
        return untargeted_adversarial
