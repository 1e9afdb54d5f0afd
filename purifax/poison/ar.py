"""AR: an autoregressive signal for each class, removed exactly by one 3 x 3 filter.

A signal follows the recursion of `ar_filters.autoregress` from normal first two rows
and columns; the first rows and columns are then cropped, and the channels together
scaled to a length. The signal is linear in its boundary, so that a matrix for each
class and channel makes it at once instead of pixel by pixel.

Source: Sandoval-Segura et al. 2022, arXiv 2206.03693, and its released code: start
36 x 36, crop 4, |delta|_2 = 1 on CIFAR-10 and no noise in the recursion.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.poison.ar_filters import ar_coefficients, autoregress
from purifax.poison.building import crafted, everywhere
from purifax.poison.context import Context
from purifax.poison.fields import Share
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.threat import L2

__all__ = ["AR", "ar_matrices", "autoregressive"]

_TINY = 1e-24


def ar_matrices(
    coefficients: Array, height: int, width: int, *, crop: int = 4
) -> Array:
    """Matrices that turn boundary values into signals, [K, C, height width, B].

    Args:
        coefficients: [K, C, 3, 3]; eight taps that sum to one, and a zero.
        crop: rows and columns of the recursion that are left out at its start. Signals
            of a filter with large taps grow fast, the more so the larger the crop.

    Returns:
        B = 2 (width + crop) + 2 (height + crop - 2) boundary values make one channel.

    >>> ar_matrices(jnp.full((2, 3, 3, 3), 0.125), 8, 8).shape
    (2, 3, 64, 44)
    """
    tall, wide = height + crop, width + crop
    rows, columns = jnp.indices((tall, wide), jnp.int32)
    edge = (rows < 2) | (columns < 2)
    count = 2 * wide + 2 * (tall - 2)
    number = jnp.cumsum(edge.ravel()).reshape(tall, wide) - 1
    basis = jax.nn.one_hot(jnp.where(edge, number, -1), count, dtype=jnp.float32)
    each = jax.vmap(jax.vmap(lambda b: autoregress(basis, b)))
    signals = each(coefficients)[:, :, crop:, crop:]
    return signals.reshape(*coefficients.shape[:2], height * width, count)


@checks.checked(length=checks.at_least_zero)
def autoregressive(
    key: Array,
    x: Array,
    label: Array,
    matrices: Array,
    *,
    length: Array | float = 1.0,
) -> Array:
    """A signal of the image's class from a normal boundary of its own; a maker.

    Args:
        matrices: [K, C, H W, B], from `ar_matrices`, of images like x.
        length: |delta|_2: 1 for images of 32 pixels, 3 for the 96 of STL-10.

    Returns:
        delta, like x. The budget that holds is `L2(length)`; single entries reach some
        21/255 on CIFAR-10.

    >>> matrices = ar_matrices(jnp.full((2, 1, 3, 3), 0.125), 4, 4)
    >>> args = jax.random.key(0), jnp.zeros((4, 4, 1)), jnp.array(1)
    >>> round(float(jnp.linalg.norm(autoregressive(*args, matrices))), 4)
    1.0
    """
    start = jax.random.normal(key, (x.shape[-1], matrices.shape[-1]), matrices.dtype)
    signal = jnp.einsum(
        "cpb,cb->pc", checks.row(matrices, label), start, precision="highest"
    )
    norm = jnp.sqrt(jnp.sum(jnp.square(signal)) + _TINY)
    return (length * signal / norm).reshape(x.shape).astype(x.dtype)


@dataclass(frozen=True)
@typed
class AR(Share):
    """Autoregressive noise that one 3 x 3 filter of each class predicts (AR).

    Source: Sandoval-Segura et al. 2022, arXiv 2206.03693.

    Attributes:
        length: L2 norm of a perturbation, in [0, 1] pixel units.
        response: the least answer of each filter to signals of the other classes.
        candidates: filters that are tried.
        filters: .npz file whose array `coeff` [K, C, 3, 3] is taken in place of a
            search.
    """

    name: ClassVar[str] = "ar"

    length: float = 1.0
    response: float = 10.0
    candidates: int = 60_000
    filters: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.above(self, "length", 0)
        recipe.above(self, "response", 0)
        recipe.at_least(self, "candidates", 1)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        height, width, channels = context.shape
        if self.filters:
            taps = jnp.asarray(context.array(self.filters, "coeff"), jnp.float32)
        else:
            taps = ar_coefficients(
                context.key("patterns"),
                context.classes,
                jnp.arange(self.candidates),
                channels=channels,
                size=max(height, width),
                response=self.response,
            )
        matrices = ar_matrices(taps, height, width)
        maker = Partial(autoregressive, matrices=matrices, length=self.length)
        index = everywhere(context, self.rate)
        return crafted(context, index, maker, L2(self.length), self.name)

    def calls(self) -> int:
        """Gradients of a network for one image: none."""
        return 0
