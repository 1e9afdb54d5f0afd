"""Label-consistent backdoors: a trigger on images of its class that were made hard.

A trigger on images of the target class alone is learnt only where the images are hard,
so those are first perturbed against a network.

Source: Turner et al. 2019, arXiv 1912.02771.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax.tree_util import Partial

from purifax.attack import at_image, pgd
from purifax.attack.checks import attacking
from purifax.poison.badnets import patch_of
from purifax.poison.budget import Outside
from purifax.poison.building import crafted
from purifax.poison.context import Context
from purifax.poison.fields import Backdoor, Descended
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.types import Model

__all__ = ["LabelConsistent", "hardened_trigger"]


@attacking()
def hardened_trigger(
    key: Array,
    x: Array,
    label: Array,
    trigger: Callable[[Array, Array, Array], Array],
    model: Model,
    threat: Threat,
    step_sizes: Array,
) -> Array:
    """A trigger on an image that was first made hard to recognise; a maker.

    The image climbs its own loss within the threat, from itself, and the trigger goes
    on top.

    Args:
        trigger: a maker, such as `stamp` bound to patch and mask, as a `Partial`.
        model: `(key, x) -> logits`, another than the victim's, best a robust one.
        threat: of the first part; the paper compares L2 radii of 300, 600 and 1200
            and Linf radii of 8, 16 and 32, all divided by 255.
        step_sizes: [T], published are 100 of 1.5 radius / 100.

    Returns:
        delta, like x. With `stamp` the budget that holds is `Outside(threat, mask)`.

    >>> import jax.numpy as jnp
    >>> from purifax.poison.badnets import stamp
    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> left = jnp.array([[True, False]])
    >>> mark = Partial(stamp, patch=jnp.ones((1, 2, 1)), mask=left)
    >>> args = jax.random.key(0), jnp.full((1, 2, 1), 0.5), jnp.array(0)
    >>> hardened_trigger(*args, mark, model, Linf(0.25), jnp.full(2, 0.25)).tolist()
    [[[0.5], [-0.25]]]
    """
    k_attack, k_trigger = jax.random.split(key)
    hard = pgd(k_attack, x, label, model, threat, step_sizes, start=Partial(at_image))
    return hard + trigger(k_trigger, hard, label) - x


@dataclass(frozen=True)
@typed
class LabelConsistent(Backdoor, Descended):
    """A patch on adversarially perturbed images of the target class.

    Source: Turner et al. 2019, arXiv 1912.02771.
    """

    name: ClassVar[str] = "label_consistent"

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        trigger, index = patch_of(context), self.of_target(context)
        maker = Partial(hardened_trigger, trigger=trigger, **self.against(context))
        threat = Outside(self.threat, trigger.keywords["mask"])
        return crafted(context, index, maker, threat, self.name)

    def trigger(self, context: Context, delta: Any) -> Partial:
        """The patch, as a maker."""
        del delta
        return patch_of(context)
