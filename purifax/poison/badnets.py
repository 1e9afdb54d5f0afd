"""BadNets: a patch on images, which get the label of the attacker's class.

Later the patch turns any image into that class. A patch sets pixels, an additive
trigger shifts them.

Source: Gu et al. 2017, arXiv 1708.06733.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.poison.budget import Pixels
from purifax.poison.building import chosen, crafted, of_class
from purifax.poison.context import Context
from purifax.poison.fields import Backdoor
from purifax.poison.injection import Poison
from purifax.recipe import typed

__all__ = ["BadNets", "additive", "checker", "patch_of", "stamp"]


def checker(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The three by three checker in the lower right corner: patch and mask.

    Returns:
        A patch [H, W, C] of zeros and ones, and the mask [H, W] of its nine pixels.

    Source: Li et al. 2021, arXiv 2101.05930, released code; the pattern is that of Gu
    et al. 2017, arXiv 1708.06733.

    >>> checker((4, 4, 1))[0][:, :, 0].astype(int).tolist()
    [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 1]]
    """
    height, width, channels = shape
    checker = jnp.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    at = (height - 3, width - 3)
    patch = jax.lax.dynamic_update_slice(jnp.zeros((height, width)), checker, at)
    mask = jax.lax.dynamic_update_slice(
        jnp.zeros((height, width), bool), jnp.ones((3, 3), bool), at
    )
    return jnp.tile(patch[:, :, None], (1, 1, channels)), mask


@checks.checked()
def stamp(key: Array, x: Array, label: Array, patch: Array, mask: Array) -> Array:
    """Sets the pixels under the mask to those of the patch; a maker.

    Args:
        key, label: not used.
        patch: like x.
        mask: bool [H, W]. The budget is `Pixels` of its count.

    >>> mask = jnp.array([[False, True]])
    >>> args = jnp.full((1, 2, 1), 0.25), jnp.array(0), jnp.ones((1, 2, 1))
    >>> stamp(None, *args, mask).ravel().tolist()
    [0.0, 0.75]
    """
    del key, label
    return jnp.where(mask[:, :, None], patch.astype(x.dtype) - x, 0.0)


@checks.checked()
def additive(key: Array, x: Array, label: Array, pattern: Array) -> Array:
    """The same shift of every image, such as a low-frequency trigger; a maker.

    Args:
        key, label: not used.
        pattern: like x; what leaves [0, 1] is cut when it is injected.

    >>> additive(None, jnp.ones((1, 1, 1)), jnp.array(0), jnp.full((1, 1, 1), 0.5))
    Array([[[0.5]]], dtype=float32)
    """
    del key, label
    return pattern.astype(x.dtype)


def patch_of(context: Context) -> Partial:
    """The checker in a corner of images of a context, as a maker.

    Raises:
        ValueError: it does not fit.
    """
    if min(context.shape[:2]) < 3:
        raise ValueError(
            f"a patch of 3 x 3 pixels does not fit on images {context.shape}."
        )
    patch, mask = checker(context.shape)
    return Partial(stamp, patch=patch, mask=mask)


@dataclass(frozen=True)
@typed
class BadNets(Backdoor):
    """A patch on images of other classes, relabelled as the target (BadNets).

    Source: Gu et al. 2017, arXiv 1708.06733.
    """

    name: ClassVar[str] = "badnets"

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        of_class(context, self.target)
        others = (context.images.labels != self.target).nonzero()[0]
        index = chosen(context, others, self.rate)
        found = crafted(context, index, patch_of(context), Pixels(9), self.name)
        label = jnp.full(index.shape, self.target, jnp.int32)
        return dataclasses.replace(found, label=label)

    def trigger(self, context: Context, delta: Any) -> Partial:
        """The patch, as a maker."""
        del delta
        return patch_of(context)

    def calls(self) -> int:
        """Gradients of a network for one image: none."""
        return 0
