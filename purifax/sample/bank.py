"""A bank of chains that persist from one update of an energy to the next.

The bank is an array [B, H, W, C]. An update of the energy

    places = draw(key, len(bank), batch)          some of the chains,
    x = bank[places]                              run by `langevin`,
    bank = write(bank, places, x)                 kept,

and now and then a chain starts again, by `rejuvenate`. Two published orders:

- PureGen's code runs, uses the chains as negatives, and rejuvenates what it writes
  back. It passes images that have their noise already, so new chains are noised twice;
  `noise.gaussian` of the clean image is the intended start, and of the noised one
  theirs.
- EBM Life Cycle rejuvenates before the run, so that new chains are among the negatives.

Chain i of a new bank depends on the key and on `index[i]` alone: parts of a bank that
are made on several devices are those of the whole.

Source: Tieleman 2008 (persistent chains); Du and Mordatch 2019, arXiv 1903.08689;
Nijkamp et al. 2020, arXiv 1903.12370; Hill et al. 2022, arXiv 2205.12243; the released
code of Bhat et al. 2024, arXiv 2405.18627.
"""

from collections.abc import Sequence

import jax
from jax import Array
from jax import numpy as jnp

from purifax.noise import gaussian

__all__ = ["data_bank", "draw", "noise_bank", "rejuvenate", "write"]


def data_bank(
    key: Array, images: Array, sigma: Array | float, *, index: Array | None = None
) -> Array:
    """One chain for each image, which starts there with noise: the mid-run bank.

    Args:
        images: [B, H, W, C].
        sigma: noise level, in [0, 1] pixel units.
        index: int [B], the chains' own numbers; 0 .. B - 1 by default.

    >>> data_bank(jax.random.key(0), jnp.zeros((3, 2, 2, 1)), 0.01).shape
    (3, 2, 2, 1)
    """
    index = jnp.arange(images.shape[0]) if index is None else index

    def start(i: Array, x: Array) -> Array:
        return gaussian(jax.random.fold_in(key, i), x, sigma)

    return jax.vmap(start)(index, images)


def noise_bank(key: Array, index: Array, shape: Sequence[int]) -> Array:
    """Chains that start in uniform noise, [B, *shape]: the long-run bank.

    Args:
        index: int [B], the chains' own numbers.
        shape: of one image.

    >>> noise_bank(jax.random.key(0), jnp.arange(3), (2, 2, 1)).shape
    (3, 2, 2, 1)
    """

    def start(i: Array) -> Array:
        return jax.random.uniform(jax.random.fold_in(key, i), tuple(shape))

    return jax.vmap(start)(index)


def draw(key: Array, chains: int, count: int) -> Array:
    """Places of `count` different chains of a bank of `chains`, int [count].

    Raises:
        ValueError: the bank has fewer chains than that.

    >>> sorted(draw(jax.random.key(0), 4, 4).tolist())
    [0, 1, 2, 3]
    """
    if not 0 < count <= chains:
        raise ValueError(
            f"{count} different chains cannot be drawn from a bank of {chains}; make "
            "the bank larger or the batch smaller."
        )
    return jax.random.choice(key, chains, (count,), replace=False)


def rejuvenate(key: Array, x: Array, fresh: Array, probability: Array | float) -> Array:
    """One chain, which starts again from `fresh` with that probability.

    >>> key, old, new = jax.random.key(0), jnp.zeros(2), jnp.ones(2)
    >>> rejuvenate(key, old, new, 1.0).tolist(), rejuvenate(key, old, new, 0.0).tolist()
    ([1.0, 1.0], [0.0, 0.0])
    """
    return jnp.where(jax.random.bernoulli(key, probability), fresh, x)


def write(bank: Array, places: Array, x: Array) -> Array:
    """The bank with chains x [n, H, W, C] in their places [n].

    Raises:
        ValueError: the chains are not of the bank's shape.

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
