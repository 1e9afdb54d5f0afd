"""Orthogonal projection: a training image without what a linear classifier sees in it.

    x <- x - Q Q^T x

The columns of Q span the weights of a linear softmax classifier that was trained on the
raw pixels of the whole set. It learns the shortcuts of poisons that can be separated
linearly, such as patterns shared by a class, and little of natural images.

Source: Sandoval-Segura et al. 2023, arXiv 2305.19254: 20 epochs of SGD at 0.1, batches
of 1,024, no bias; only training images are projected.
"""

from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks

__all__ = ["orthogonal", "orthonormal"]


def orthonormal(weights: Array) -> Array:
    """Directions of length one, at right angles, that span the weights; like weights.

    Args:
        weights: [K, H, W, C], one image for each class, independent of each other.

    >>> basis = orthonormal(jnp.array([[3.0, 4.0], [1.0, 0.0]]).reshape(2, 1, 2, 1))
    >>> flat = basis.reshape(2, 2)
    >>> jnp.abs(flat @ flat.T).round(5).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    columns, _ = jnp.linalg.qr(weights.reshape(weights.shape[0], -1).T)
    return columns.T.reshape(weights.shape)


@checks.checked()
def orthogonal(key: Array, x: Array, basis: Array) -> Array:
    """The image without its part along the basis.

    Args:
        key: not used.
        basis: [K, H, W, C], see `orthonormal`.

    Returns:
        Like x, not clipped, as published: pixels may leave [0, 1].

    >>> basis = jnp.array([0.0, 1.0]).reshape(1, 1, 2, 1)
    >>> orthogonal(None, jnp.array([[[0.5], [0.25]]]), basis).ravel().tolist()
    [0.5, 0.0]
    """
    del key
    along = jnp.einsum("khwc,hwc->k", basis, x, precision="highest")
    return x - jnp.einsum("k,khwc->hwc", along, basis, precision="highest")
