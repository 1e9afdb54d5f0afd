"""LSP: linearly separable perturbations, made without a network.

    u = v_k + z A_k,    v_k a vertex of {-10, 10}^D,  z ~ N(0, I),  A_k ~ U(-1, 1)^{DxD}

Each of the D numbers of u colours one patch of one channel, and the image of patches is
scaled to the length level sqrt(H W C). This is scikit-learn's `make_classification`
with one cluster for each class; its final permutation of the D numbers changes nothing
in law and is left out.

Source: Yu et al. 2022, arXiv 2111.00898, algorithm 1, and its released code: patches of
8 pixels (32 on ImageNet), separation 10, level 6/255, which is |delta|_2 = 1.304 on
CIFAR-10. Image Shortcut Squeezing uses |delta|_2 = 1.
"""

import math
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
from purifax.threat import L2
from purifax.types import noun

__all__ = ["LSP", "Clusters", "linearly_separable", "lsp_clusters", "lsp_length"]

_BITS = 16
_TINY = 1e-24


@noun
@dataclass(frozen=True)
class Clusters:
    """One normal cloud for each class.

    Attributes:
        centres: [K, h, w, C], one number for each patch and channel.
        mixing: [K, D, D] with D = h w C: rows of z are multiplied by it.
    """

    centres: Array
    mixing: Array


def lsp_clusters(
    key: Array,
    classes: int,
    shape: tuple[int, ...],
    *,
    patch: int = 8,
    separation: float = 10.0,
) -> Clusters:
    """Distinct vertices and mixing matrices for every class.

    Args:
        shape: (H, W, C) of an image; a side that `patch` does not divide ends in a
            narrower patch.

    Raises:
        ValueError: more classes than vertices.

    >>> lsp_clusters(jax.random.key(0), 10, (32, 32, 3)).centres.shape
    (10, 4, 4, 3)
    """
    k_codes, k_more, k_mixing = jax.random.split(key, 3)
    small = (math.ceil(shape[0] / patch), math.ceil(shape[1] / patch), shape[2])
    size = math.prod(small)
    bits = min(size, _BITS)
    if classes > 2**bits:
        raise ValueError(
            f"{size} patches and channels have too few vertices for {classes} classes; "
            f"use smaller patches than {patch}."
        )
    # Vertices differ in their first bits; the others are free.
    codes = jax.random.permutation(k_codes, jnp.arange(2**bits, dtype=jnp.int32))[
        :classes
    ]
    first = (codes[:, None] >> jnp.arange(bits, dtype=jnp.int32)[None, :]) & 1
    others = jax.random.bernoulli(k_more, jnp.float32(0.5), (classes, size - bits))
    codes = jnp.concatenate([first, others.astype(first.dtype)], axis=1)
    signs = 2.0 * codes.astype(jnp.float32) - 1.0
    mixing = jax.random.uniform(
        k_mixing, (classes, size, size), jnp.float32, minval=-1.0
    )
    return Clusters(separation * signs.reshape(classes, *small), mixing)


def lsp_length(shape: tuple[int, ...], *, level: float = 6 / 255) -> float:
    """The published length of a perturbation of images of this shape.

    >>> round(lsp_length((32, 32, 3)), 3)
    1.304
    """
    return level * math.sqrt(math.prod(shape))


@checks.checked(length=checks.at_least_zero)
def linearly_separable(
    key: Array, x: Array, label: Array, clusters: Clusters, length: Array | float
) -> Array:
    """A sample of the cloud of the image's class, as patches; a maker.

    Args:
        clusters: from `lsp_clusters`, of images like x.
        length: |delta|_2; see `lsp_length`.

    Returns:
        delta, like x. The budget that holds is `L2(length)`; single entries reach some
        17/255 on CIFAR-10.

    >>> clusters = lsp_clusters(jax.random.key(0), 3, (8, 8, 1), patch=4)
    >>> args = jax.random.key(1), jnp.zeros((8, 8, 1)), jnp.array(2)
    >>> delta = linearly_separable(*args, clusters, 0.5)
    >>> delta.shape, round(float(jnp.linalg.norm(delta)), 4)
    ((8, 8, 1), 0.5)
    """
    centre = checks.row(clusters.centres, label)
    z = jax.random.normal(key, (centre.size,), centre.dtype)
    mixed = z @ clusters.mixing[label].astype(z.dtype)
    u = centre + mixed.reshape(centre.shape)
    tall, wide = (math.ceil(n / m) for n, m in zip(x.shape, u.shape[:2], strict=False))
    delta = jnp.repeat(jnp.repeat(u, tall, axis=0), wide, axis=1)
    delta = delta[: x.shape[0], : x.shape[1]]
    norm = jnp.sqrt(jnp.sum(jnp.square(delta)) + _TINY)
    return (length * delta / norm).astype(x.dtype)


@dataclass(frozen=True)
@typed
class LSP(Share):
    """Linearly separable patches of colour for each class (LSP).

    Source: Yu et al. 2022, arXiv 2111.00898.

    Attributes:
        level: root mean square of a perturbation, in [0, 1] pixel units; the L2 norm
            is that times the root of the number of values.
        patch: side of a patch in pixels.
    """

    name: ClassVar[str] = "lsp"

    level: float = 6 / 255
    patch: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.above(self, "level", 0)
        recipe.at_least(self, "patch", 1)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        key, shape = context.key("patterns"), context.shape
        clusters = lsp_clusters(key, context.classes, shape, patch=self.patch)
        length = lsp_length(shape, level=self.level)
        maker = Partial(linearly_separable, clusters=clusters, length=length)
        index = everywhere(context, self.rate)
        return crafted(context, index, maker, L2(length), self.name)

    def calls(self) -> int:
        """Gradients of a network for one image: none."""
        return 0
