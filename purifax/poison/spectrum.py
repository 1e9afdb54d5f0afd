"""The function of a symmetric matrix that training for a time applies to its targets.

    phi(A) = A^-1 (I - exp(-t A)) = U diag(phi(l)) U^T,    phi(l) = (1 - exp(-t l)) / l

Its derivative takes differences of phi at pairs of eigenvalues, so that, unlike that of
the eigenvectors, it exists where eigenvalues are equal.

Source: Higham 2008, "Functions of Matrices", theorem 3.11 (Daleckii and Krein).
"""

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["relaxation"]

_SERIES = 0.1  # of t l, below which the slope of phi is a series
_CLOSE = 1e-2  # of t (l - l'), below which a difference of phi is its slope


@jax.custom_jvp
def relaxation(matrix: Array, time: Array | float) -> Array:
    """phi of a symmetric matrix without negative eigenvalues, [N, N].

    Args:
        matrix: [N, N]; its antisymmetric part is rounding, and left out.
        time: t, positive.

    >>> relaxation(jnp.zeros((2, 2)), 2.0).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    values, vectors = jnp.linalg.eigh(matrix)
    return _conjugated(vectors, jnp.diag(_phi(values, jnp.asarray(time, matrix.dtype))))


@relaxation.defjvp
def _relaxation_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    (matrix, time), (change, later) = primals, tangents
    t = jnp.asarray(time, matrix.dtype)
    values, vectors = jnp.linalg.eigh(matrix)
    result = _conjugated(vectors, jnp.diag(_phi(values, t)))
    change = _conjugated(vectors.T, 0.5 * (change + change.T))
    change = _differences(values, t) * change
    change = change + later * jnp.diag(jnp.exp(-t * values))
    return result, _conjugated(vectors, change)


def _phi(values: Array, t: Array) -> Array:
    """phi of every eigenvalue; those that rounding made negative count as zero."""
    values = jnp.maximum(values, 0.0)
    there = values > 0
    safe = jnp.where(there, values, 1.0)
    return jnp.where(there, -jnp.expm1(-t * safe) / safe, t)


def _slope(values: Array, t: Array) -> Array:
    """The derivative of phi."""
    u = t * jnp.maximum(values, 0.0)
    small = u < _SERIES
    safe = jnp.where(small, 1.0, u)
    exact = (safe * jnp.exp(-safe) + jnp.expm1(-safe)) / jnp.square(safe)
    u = jnp.where(small, u, 0.0)
    series = -1 / 2 + u / 3 - u**2 / 8 + u**3 / 30 - u**4 / 144
    return jnp.square(t) * jnp.where(small, series, exact)


def _differences(values: Array, t: Array) -> Array:
    """(phi(l) - phi(l')) / (l - l') for all pairs, the slope between where close."""
    gap = values[:, None] - values[None, :]
    middle = 0.5 * (values[:, None] + values[None, :])
    close = jnp.abs(gap) <= jnp.maximum(_CLOSE / t, 3e-3 * middle)
    phi = _phi(values, t)
    quotient = (phi[:, None] - phi[None, :]) / jnp.where(close, 1.0, gap)
    return jnp.where(close, _slope(middle, t), quotient)


def _conjugated(vectors: Array, middle: Array) -> Array:
    half = jnp.matmul(vectors, middle, precision="highest")
    return jnp.matmul(half, vectors.T, precision="highest")
