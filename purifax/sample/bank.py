"""A bank of chains that persist from one update of an energy to the next.

The bank is an array [B, H, W, C]. One update of the energy:

    places = bank.draw(key, len(chains), batch)   choose some of the chains,
    x = chains[places]                            run them by `langevin`,
    chains = bank.write(chains, places, x)        and keep them.

Now and then a chain starts again, by `rejuvenate`. There are two published orders:

- PureGen's code runs the chains, uses them as negatives, and rejuvenates them when it
  writes them back. It passes images that already have noise, so that its new chains are
  noised twice. The intended start is `noise.gaussian` of the clean image; theirs is
  that of the noised one.
- EBM Life Cycle rejuvenates before the run, so that new chains are among the negatives.

Chain i of a new bank depends on the key and on `index[i]` alone: a bank made in parts
on several devices is the same as one made whole.

Source: Tieleman 2008 (persistent chains); Du and Mordatch 2019, arXiv 1903.08689;
Nijkamp et al. 2020, arXiv 1903.12370; Hill et al. 2022, arXiv 2205.12243; the released
code of Bhat et al. 2024, arXiv 2405.18627.
"""

from collections.abc import Sequence

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.noise import gaussian

__all__ = ["draw", "from_images", "from_noise", "rejuvenate", "write"]


@checks.checked()
def from_images(
    key: Array, images: Array, sigma: Array | float, *, index: Array | None = None
) -> Array:
    """One chain for each image, started at the image with noise: the mid-run bank.

    Args:
        images: [B, H, W, C].
        sigma: noise level, in [0, 1] pixel units.
        index: int [B], the numbers of the chains; 0 .. B - 1 by default.

    >>> from_images(jax.random.key(0), jnp.zeros((3, 2, 2, 1)), 0.01).shape
    (3, 2, 2, 1)
    """
    index = jnp.arange(images.shape[0]) if index is None else index

    def start(i: Array, x: Array) -> Array:
        return gaussian(jax.random.fold_in(key, i), x, sigma)

    return jax.vmap(start)(index, images)


def from_noise(key: Array, index: Array, shape: Sequence[int]) -> Array:
    """Chains started at uniform noise, [B, *shape]: the long-run bank.

    Args:
        index: int [B], the numbers of the chains.
        shape: of one image.

    >>> from_noise(jax.random.key(0), jnp.arange(3), (2, 2, 1)).shape
    (3, 2, 2, 1)
    """

    def start(i: Array) -> Array:
        return jax.random.uniform(jax.random.fold_in(key, i), tuple(shape), jnp.float32)

    return jax.vmap(start)(index)


def draw(key: Array, chains: int, count: int) -> Array:
    """The places of `count` different chains of a bank of `chains`, int [count].

    Raises:
        ValueError: the bank has fewer than `count` chains.

    >>> sorted(draw(jax.random.key(0), 4, 4).tolist())
    [0, 1, 2, 3]
    """
    if not 0 < count <= chains:
        raise ValueError(
            f"{count} different chains cannot be drawn from a bank of {chains}; make "
            "the bank larger or the batch smaller."
        )
    return jax.random.choice(
        key, jnp.arange(chains, dtype=jnp.int32), (count,), replace=False
    )


@checks.checked()
def rejuvenate(key: Array, x: Array, fresh: Array, probability: Array | float) -> Array:
    """One chain, restarted at `fresh` with the given probability.

    >>> key, old, new = jax.random.key(0), jnp.zeros(2), jnp.ones(2)
    >>> rejuvenate(key, old, new, 1.0).tolist(), rejuvenate(key, old, new, 0.0).tolist()
    ([1.0, 1.0], [0.0, 0.0])
    """
    return jnp.where(jax.random.bernoulli(key, jnp.float32(probability)), fresh, x)


def write(bank: Array, places: Array, x: Array) -> Array:
    """The bank with the chains x [n, H, W, C] put back in their places [n].

    Raises:
        ValueError: the chains do not have the shape of the bank's.

    >>> write(jnp.zeros((3, 1)), jnp.array([2]), jnp.ones((1, 1))).ravel().tolist()
    [0.0, 0.0, 1.0]
    """
    if x.shape != (*places.shape, *bank.shape[1:]):
        raise ValueError(
            f"A bank of shape {bank.shape} takes chains of shape "
            f"{(*places.shape, *bank.shape[1:])} for {places.shape[0]} places; got "
            f"{x.shape}. Is it the bank of another set of images?"
        )
    return bank.at[places].set(x.astype(bank.dtype))
