"""CUDA: every class blurred by a filter of its own; no norm bounds it.

    x <- conv(x, w_k) / max conv(x, w_k),   w_k ~ U(0, 0.3) with one entry 1

with zeros around the image and one filter for all channels.

Source: Sadasivan et al. 2023, arXiv 2303.04278, section 4 and its released code, which
correlates, divides by the largest value of the image and cuts to 8 bits (see
`truncated`).
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.poison.building import crafted, everywhere
from purifax.poison.context import Context
from purifax.poison.fields import Share
from purifax.poison.injection import Poison
from purifax.recipe import typed

__all__ = ["CUDA", "blur", "blur_filters", "blurred"]


def blur_filters(
    key: Array, classes: Array, *, size: int = 3, largest: float = 0.3
) -> Array:
    """A filter for each class, [K, size, size], one random entry of each exactly 1.

    Args:
        classes: int [K], `jnp.arange(K)`; the filter of a class depends on it alone.
        largest: of the other entries: 0.3 for CIFAR, 0.06 for filters of 9 pixels on
            ImageNet.

    >>> blur_filters(jax.random.key(0), jnp.arange(2)).max(axis=(1, 2)).tolist()
    [1.0, 1.0]
    """

    def one(k: Array) -> Array:
        k_entries, k_place = jax.random.split(jax.random.fold_in(key, k))
        entries = jax.random.uniform(
            k_entries, (size * size,), jnp.float32, maxval=largest
        )
        place = jax.random.randint(k_place, (), 0, size * size, jnp.int32)
        entries = jnp.where(
            jnp.arange(size * size, dtype=jnp.int32) == place, 1.0, entries
        )
        return entries.reshape(size, size)

    return jax.vmap(one)(classes)


def blurred(x: Array, weights: Array) -> Array:
    """The image through one filter, its largest value brought to one.

    Args:
        x: [H, W, C].
        weights: [h, w], odd sizes; correlated, not mirrored.

    Returns:
        Like x; a black image stays black.

    >>> blurred(jnp.array([[[0.25], [0.5]]]), jnp.ones((1, 1))).ravel().tolist()
    [0.5, 1.0]
    """
    channels = jnp.moveaxis(x, -1, 0)[:, None]
    kernel = weights.astype(x.dtype)[None, None]
    y = jax.lax.conv_general_dilated(
        channels, kernel, (1, 1), "SAME", precision="highest"
    )
    top = jnp.max(y)
    return jnp.moveaxis(y[:, 0] / jnp.where(top > 0, top, 1.0), 0, -1)


@checks.checked()
def blur(key: Array, x: Array, label: Array, filters: Array) -> Array:
    """What the filter of its class changes in an image; a maker without a budget.

    Args:
        key: not used.
        filters: [K, h, w], from `blur_filters`.

    >>> args = jnp.array([[[0.25], [0.5]]]), jnp.array(0), jnp.ones((1, 1, 1))
    >>> blur(None, *args).ravel().tolist()
    [0.25, 0.5]
    """
    del key
    return jnp.clip(blurred(x, checks.row(filters, label)), 0.0, 1.0) - x


@dataclass(frozen=True)
@typed
class CUDA(Share):
    """Convolution of each image with a random filter of its class; no budget (CUDA).

    Source: Sadasivan et al. 2023, arXiv 2303.04278.

    Attributes:
        largest: bound of the entries of a filter but one, which is 1.
    """

    name: ClassVar[str] = "cuda"

    largest: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "largest", 0)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        key, classes = context.key("patterns"), jnp.arange(context.classes)
        filters = blur_filters(key, classes, largest=self.largest)
        index = everywhere(context, self.rate)
        return crafted(context, index, Partial(blur, filters=filters), None, self.name)

    def calls(self) -> int:
        """Gradients of a network for one image: none."""
        return 0
