"""Augmentations that mix the images of a batch, and their labels with them.

    Mixup    x <- w x_i + (1 - w) x_j                w ~ Beta(alpha, alpha)
    CutMix   x <- x_i with a box of x_j,  of share 1 - w of the image

The subject is a batch: j is a random permutation of it. Labels are rows of
probabilities and are mixed by the same shares.

Source: Zhang et al. 2018, arXiv 1710.09412 (Mixup); Yun et al. 2019, arXiv 1905.04899
(CutMix). One w and one permutation serve a batch in both papers' code; here each image
has a w of its own.
"""

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["cutmix", "mixup"]


def mixup(
    key: Array, images: Array, targets: Array, *, alpha: Array | float = 1.0
) -> tuple[Array, Array]:
    """Sums of two images each.

    Args:
        images: float [N, H, W, C].
        targets: [N, K], shares of the classes.
        alpha: of the law of w; 1 draws it evenly from [0, 1].

    Returns:
        Images and targets, like those given.

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
    """Images with a box of another one; labels by the share of pixels.

    Args:
        images: float [N, H, W, C].
        targets: [N, K], shares of the classes.
        alpha: of the law of the share that stays.

    Returns:
        Images and targets, like those given.

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
    """Which places lie within a share `side: [N]` of the length, [N, length].

    The middle is any place, so that part of a box may fall outside.
    """
    wide = jnp.round(side * length).astype(jnp.int32)
    first = jax.random.randint(key, side.shape, 0, length) - wide // 2
    place = jnp.arange(length)[None, :]
    return (place >= first[:, None]) & (place < (first + wide)[:, None])


def _weighed(share: Array, one: Array, other: Array) -> Array:
    share = share.reshape(-1, *(1,) * (one.ndim - 1)).astype(one.dtype)
    return share * one + (1 - share) * other
