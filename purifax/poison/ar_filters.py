"""Autoregressive signals, and filters that neither explode nor answer to each other's.

    s[i + 2, j + 2] = sum over (a, c) != (2, 2) of b[a, c] s[i + a, j + c]

in raster order, from given first two rows and columns. b with -1 in its last entry is
the filter that answers exactly zero to the signal.

A candidate has normal taps divided by their sum. It is kept if some signals of it stay
short, and if the filters kept before answer to the last of them.

Source: Sandoval-Segura et al. 2022, arXiv 2206.03693, released search: 3 signals,
length at most 50 before scaling, answer at least 10 (3 for 100 classes) on 32 x 32
images with a crop of 4. The released filters of one class of CIFAR-100 gave black
images until they were replaced: a signal that is not finite is refused here.
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import known

__all__ = ["ar_coefficients", "ar_response", "autoregress"]

_TINY = 1e-24


def autoregress(start: Array, b: Array) -> Array:
    """The recursion for one channel, from the first two rows and columns of a start.

    Args:
        start: [H, W, ...]; trailing axes are signals of their own.
        b: [3, 3]; its last entry is not used.

    Returns:
        Like start, whose first two rows and columns stay.

    >>> b = jnp.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    >>> autoregress(jnp.arange(9.0).reshape(3, 3), b)[2].tolist()
    [6.0, 7.0, 5.0]
    """
    width = start.shape[1] - 2

    def row(above: Array, left: Array) -> tuple[Array, Array]:
        taps = [(a, c) for a in range(2) for c in range(3)]
        known = sum(
            (b[a, c] * above[a, c : c + width] for a, c in taps),
            start=jnp.zeros_like(above[0, :width]),
        )

        def cell(last: tuple[Array, Array], old: Array) -> tuple:
            new = old + b[2, 0] * last[0] + b[2, 1] * last[1]
            return (last[1], new), new

        _, new = jax.lax.scan(cell, (left[0], left[1]), known)
        line = jnp.concatenate([left, new])
        return jnp.stack([above[1], line]), line

    _, lines = jax.lax.scan(row, start[:2], start[2:, :2])
    return jnp.concatenate([start[:2], lines])


def ar_response(delta: Array, coefficients: Array) -> Array:
    """How strongly the filter of each class answers to a signal, [K].

    The sum over positions of the positive part of the filter's output, which adds up
    the channels; zero for the class that the signal was made for.

    Args:
        delta: [H, W, C].
        coefficients: [K, C, 3, 3].

    >>> ar_response(jnp.ones((4, 4, 1)), jnp.full((1, 1, 3, 3), 0.5)).tolist()
    [12.0]
    """
    last = jnp.zeros((3, 3)).at[2, 2].set(1.0)
    taps = coefficients * (1 - last)[None, None] - last[None, None]
    tall, wide = delta.shape[0] - 2, delta.shape[1] - 2
    windows = jnp.stack(
        [delta[a : a + tall, c : c + wide] for a in range(3) for c in range(3)]
    )
    flat = taps.reshape(*taps.shape[:2], 9)
    answer = jnp.einsum("tijc,kct->kij", windows, flat, precision="highest")
    return jnp.sum(jnp.maximum(answer, 0.0), axis=(1, 2))


def ar_coefficients(
    key: Array,
    classes: int,
    candidates: Array,
    *,
    channels: int = 3,
    size: int = 32,
    crop: int = 4,
    signals: int = 3,
    longest: float = 50.0,
    response: float = 10.0,
) -> Array:
    """Taps for every class, [K, C, 3, 3], the last entry of each filter zero.

    Args:
        candidates: int [T], folded into the key; the search stops when all classes have
            their filter. With three channels about one candidate in a hundred is short
            enough; among 60,000 there were ten classes that answer with 3, and eight
            that answer with 10.
        size: of the signals that are tried; images of the same size or smaller are
            safe.

    Raises:
        ValueError: the candidates do not suffice.

    >>> args = jax.random.key(0), 2, jnp.arange(50)
    >>> ar_coefficients(*args, channels=1, size=8, response=1.0).shape
    (2, 1, 3, 3)
    """
    count = candidates.shape[0]

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        tried, kept, _ = state
        return (tried < count) & (kept < classes)

    def consider(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        tried, kept, taps = state
        k_taps, k_start = jax.random.split(jax.random.fold_in(key, candidates[tried]))
        new = _taps(k_taps, channels)
        made, short = _signals(k_start, new, size, crop, signals, longest)
        answers = ar_response(made[-1], taps)
        there = jnp.arange(classes) < kept
        good = short & jnp.all(jnp.where(there, answers >= response, True))
        taps = jnp.where(good, taps.at[kept].set(new), taps)
        return tried + 1, kept + good, taps

    zero = jnp.zeros((), jnp.int32)
    state = (zero, zero, jnp.zeros((classes, channels, 3, 3)))
    _, kept, taps = jax.lax.while_loop(unfinished, consider, state)
    found = known(kept)
    if found is not None and found[0] < classes:
        raise ValueError(
            f"{count} candidates gave {found[0]} of {classes} filters; give more, or "
            f"ask for an answer below {response}."
        )
    return taps


def _taps(key: Array, channels: int) -> Array:
    """Normal taps divided by their sum, [C, 3, 3]."""
    taps = jax.random.normal(key, (channels, 3, 3), jnp.float32).at[:, 2, 2].set(0.0)
    return taps / jnp.sum(taps, axis=(1, 2), keepdims=True)


def _signals(
    key: Array, taps: Array, size: int, crop: int, signals: int, longest: float
) -> tuple[Array, Array]:
    """Signals of length one, [S, size, size, C], and whether all of them were short."""
    wide = size + crop
    start = jax.random.normal(key, (taps.shape[0], wide, wide, signals), jnp.float32)
    made = jax.vmap(autoregress)(start, taps)[:, crop:, crop:].transpose(3, 1, 2, 0)
    norms = jnp.sqrt(jnp.sum(jnp.square(made), axis=(1, 2, 3), keepdims=True) + _TINY)
    return made / norms, jnp.all(norms <= longest)
