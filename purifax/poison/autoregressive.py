"""AR: an autoregressive signal for each class, removed exactly by one 3 x 3 filter.

    s[i + 2, j + 2] = sum over (a, c) != (2, 2) of b[a, c] s[i + a, j + c]

in raster order, from normal first two rows and columns; the first rows and columns are
then cropped, and the channels together scaled to a length. b with -1 in its last entry
is the filter that answers exactly zero. The signal is linear in its boundary, so that
a matrix for each class and channel makes it at once instead of pixel by pixel.

Source: Sandoval-Segura et al. 2022, arXiv 2206.03693, and its released code: start
36 x 36, crop 4, |delta|_2 = 1 on CIFAR-10 and no noise in the recursion.
"""

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["ar_matrices", "ar_response", "autoregress", "autoregressive"]

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


def ar_matrices(
    coefficients: Array, height: int, width: int, *, crop: int = 4
) -> Array:
    """What makes signals of that size out of boundaries, [K, C, height width, B].

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
    rows = jnp.arange(tall)[:, None] + jnp.zeros((1, wide), jnp.int32)
    columns = jnp.arange(wide)[None, :] + jnp.zeros((tall, 1), jnp.int32)
    edge = (rows < 2) | (columns < 2)
    count = 2 * wide + 2 * (tall - 2)
    number = jnp.cumsum(edge.ravel()).reshape(tall, wide) - 1
    basis = jax.nn.one_hot(jnp.where(edge, number, -1), count)
    each = jax.vmap(jax.vmap(lambda b: autoregress(basis, b)))
    signals = each(coefficients)[:, :, crop:, crop:]
    return signals.reshape(*coefficients.shape[:2], height * width, count)


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
    signal = jnp.einsum("cpb,cb->pc", matrices[label], start, precision="highest")
    norm = jnp.sqrt(jnp.sum(jnp.square(signal)) + _TINY)
    return (length * signal / norm).reshape(x.shape).astype(x.dtype)


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
