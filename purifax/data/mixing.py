"""Augmentations that mix the images of a batch, and their labels with them.

    Mixup    x <- w x_i + (1 - w) x_j                w ~ Beta(alpha, alpha)
    CutMix   x <- x_i with a box of x_j,  of share 1 - w of the image

These functions take a batch: j is a random permutation of it. Labels are rows of
probabilities and are mixed with the same weights.

Source: Zhang et al. 2018, arXiv 1710.09412 (Mixup); Yun et al. 2019, arXiv 1905.04899
(CutMix). The code of both papers uses one w per batch; here each image has its own.
"""

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["cutmix", "mixup"]


def mixup(
    key: Array, images: Array, targets: Array, *, alpha: Array | float = 1.0
) -> tuple[Array, Array]:
    """Mixup: weighted sums of two images.

    Args:
        images: float [N, H, W, C].
        targets: [N, K], shares of the classes.
        alpha: parameter of the distribution of w; 1 is uniform on [0, 1].

    Returns:
        Mixed images and targets, of the same shapes.

    >>> images, targets = jnp.ones((2, 1, 1, 1)), jnp.eye(2)
    >>> mixup(jax.random.key(0), images, targets)[1].sum(1).tolist()
    [1.0, 1.0]
    """
    k_share, k_partner = jax.random.split(key)
    share = jax.random.beta(k_share, alpha, alpha, (images.shape[0],))
    other = jax.random.permutation(k_partner, images.shape[0])
    mixed = _weighed(share, images, images[other])
    return mixed, _weighed(share, targets, targets[other])


def cutmix(
    key: Array, images: Array, targets: Array, *, alpha: Array | float = 1.0
) -> tuple[Array, Array]:
    """CutMix: images with a box of another image; labels by the share of pixels.

    Args:
        images: float [N, H, W, C].
        targets: [N, K], shares of the classes.
        alpha: parameter of the distribution of the share that is kept.

    Returns:
        Mixed images and targets, of the same shapes.

    >>> images, targets = jnp.arange(2.0).reshape(2, 1, 1, 1), jnp.eye(2)
    >>> x, y = cutmix(jax.random.key(0), images, targets)
    >>> bool((x.ravel() == y[:, 1]).all())
    True
    """
    k_share, k_partner, k_row, k_column = jax.random.split(key, 4)
    count, height, width, _ = images.shape
    side = jnp.sqrt(1 - jax.random.beta(k_share, alpha, alpha, (count,)))
    rows = _between(k_row, side, height)
    columns = _between(k_column, side, width)
    box = rows[:, :, None] & columns[:, None, :]
    other = jax.random.permutation(k_partner, count)
    mixed = jnp.where(box[..., None], images[other], images)
    share = 1 - jnp.mean(box.astype(images.dtype), axis=(1, 2))
    return mixed, _weighed(share, targets, targets[other])


def _between(key: Array, side: Array, length: int) -> Array:
    """Positions within a random interval of the share `side: [N]` of a length.

    The middle is any position, so that part of the interval may lie outside.

    Returns:
        bool [N, length].
    """
    wide = jnp.round(side * length).astype(jnp.int32)
    first = jax.random.randint(key, side.shape, 0, length) - wide // 2
    place = jnp.arange(length)[None, :]
    return (place >= first[:, None]) & (place < (first + wide)[:, None])


def _weighed(share: Array, one: Array, other: Array) -> Array:
    share = share.reshape(-1, *(1,) * (one.ndim - 1)).astype(one.dtype)
    return share * one + (1 - share) * other
