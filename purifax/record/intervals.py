"""Intervals of accuracies, and comparisons on the same images.

Images are the unit of every interval and test. The keys of one image share its
difficulty and are not independent; more keys make the share of correct answers of that
image more precise, and never count as further images.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.scipy.special import betainc, ndtri
from jax.typing import ArrayLike

from purifax import _checks as checks
from purifax.types import concrete, expect

__all__ = ["clopper_pearson", "interval", "mcnemar", "paired_difference", "wilson"]


@checks.checked(successes=checks.counts, trials=checks.counts)
def wilson(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95
) -> tuple[Array, Array]:
    """Score interval of a proportion.

    The p0 for which |p - p0| <= z sqrt(p0 (1 - p0) / n), p = successes / n. It stays in
    [0, 1] and is not empty at p = 0 or 1. With no trials it is [0, 1].

    Args:
        successes: from 0 to `trials`; not necessarily integers, see `interval`.

    Returns:
        (low, high), of the broadcast shape.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22, 209-212.

    >>> low, high = wilson(8, 10)
    >>> round(float(low), 3), round(float(high), 3)
    (0.49, 0.943)
    """
    checks.no_more("`successes`", successes, trials)
    s, n = jnp.broadcast_arrays(_float(successes), _float(trials))
    z = ndtri(jnp.float32(0.5 + confidence / 2))
    safe = jnp.where(n > 0, n, 1.0)
    p, shrink = s / safe, 1.0 + z**2 / safe
    centre = (p + z**2 / (2.0 * safe)) / shrink
    half = z / shrink * jnp.sqrt(p * (1.0 - p) / safe + (z / (2.0 * safe)) ** 2)
    low = jnp.where((s > 0) & (n > 0), jnp.maximum(centre - half, 0.0), 0.0)
    high = jnp.where((s < n) & (n > 0), jnp.minimum(centre + half, 1.0), 1.0)
    unknown = ~((s >= 0) & (s <= n * (1 + 1e-6)))
    return jnp.where(unknown, jnp.nan, low), jnp.where(unknown, jnp.nan, high)


@checks.checked(successes=checks.counts, trials=checks.counts)
def clopper_pearson(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95
) -> tuple[Array, Array]:
    """Exact interval of a proportion: its coverage is at least the confidence.

    low solves P(X >= successes; low) = (1 - confidence) / 2, and high likewise from
    above. The binomial tail is the regularised incomplete beta function, inverted by
    bisection.

    Returns:
        (low, high), of the broadcast shape, to about 1e-5 in float32.

    Source: Clopper and Pearson 1934, Biometrika 26, 404-413.

    >>> low, high = clopper_pearson(8, 10)
    >>> round(float(low), 3), round(float(high), 3)
    (0.444, 0.975)
    """
    checks.no_more("`successes`", successes, trials)
    s, n = jnp.broadcast_arrays(_float(successes), _float(trials))
    tail = jnp.float32((1.0 - confidence) / 2.0)
    ends = _exact_low(s, n, tail), 1.0 - _exact_low(n - s, n, tail)
    low, high = (jnp.where((s >= 0) & (s <= n), end, jnp.nan) for end in ends)
    return low, high


@checks.checked(values=checks.rates)
def interval(values: ArrayLike, *, confidence: float = 0.95) -> tuple[Array, Array]:
    """Interval of a mean over images, each of which contributes a share in [0, 1].

    Wilson's interval with the sum of shares as successes and images as trials. For
    shares of 0 or 1 it is the usual interval. A share that is a mean over keys has a
    variance below p (1 - p), so that the interval is then wider than necessary, never
    narrower.

    Args:
        values: [N, ...], images first.

    Returns:
        (low, high), [...].

    >>> low, high = interval(jnp.array([1.0, 1.0, 0.5, 0.0]))
    >>> round(float(low), 3), round(float(high), 3)
    (0.219, 0.908)
    """
    shares = _float(values)
    if not shares.ndim or not shares.shape[0]:
        raise ValueError(
            "`values` must be [N, ...], with one image or more; got shape "
            f"{shares.shape}."
        )
    return wilson(jnp.sum(shares, axis=0), shares.shape[0], confidence=confidence)


@checks.checked(a=checks.listed, b=checks.listed)
def paired_difference(
    key: Array,
    a: ArrayLike,
    b: ArrayLike,
    draws: ArrayLike,
    *,
    confidence: float = 0.95,
) -> tuple[Array, Array, Array]:
    """Mean of a - b over the same images, with its bootstrap percentile interval.

    Resampling images keeps pairs together, so that the difficulty of an image common to
    both cancels. Where no image differs the interval has no width; it means that none
    of these N images differs, not that no image would.

    Args:
        a, b: [N], each image's share of correct answers under two attacks or models.
        draws: int [B], the numbers of the resamples; `jnp.arange(2000)` is plenty.

    Returns:
        (difference, low, high), each [].

    Source: Efron 1979, Ann. Stat. 7, 1-26.

    >>> a, b = jnp.ones(4), jnp.zeros(4)
    >>> [float(v) for v in paired_difference(jax.random.key(0), a, b, jnp.arange(9))]
    [1.0, 1.0, 1.0]
    """
    a, b = _float(a), _float(b)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(
            "`a` and `b` must be [N], the same images in the same order; got shapes "
            f"{a.shape} and {b.shape}."
        )
    difference = a - b

    def resampled(draw: Array) -> Array:
        k_draw = jax.random.fold_in(key, draw)
        picked = jax.random.randint(k_draw, a.shape, 0, a.shape[0], jnp.int32)
        return jnp.mean(difference[picked])

    means = jax.lax.map(resampled, jnp.asarray(draws))
    tail = (1.0 - confidence) / 2.0
    low, high = jnp.quantile(means, jnp.asarray([tail, 1.0 - tail], jnp.float32))
    return jnp.mean(difference), low, high


def mcnemar(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array, Array]:
    """Exact test of whether two binary outcomes of the same images differ.

    Only images with different outcomes are informative; under the null hypothesis each
    of them falls either way with probability one half.

    Args:
        a, b: bool [N], for example whether the answer under the first key is correct.

    Returns:
        (only_a, only_b, p): the two counts, [], and the two-sided p-value, [].

    Source: McNemar 1947, Psychometrika 12, 153-157.

    >>> only_a, only_b, p = mcnemar(jnp.array([1, 1, 1, 0]) > 0, jnp.zeros(4) > 0)
    >>> int(only_a), int(only_b), float(p.round(3))
    (3, 0, 0.25)
    """
    a, b = _binary("`a`", a), _binary("`b`", b)
    if a.shape != b.shape:
        raise ValueError(
            "`a` and `b` must be [N], the same images in the same order; got shapes "
            f"{a.shape} and {b.shape}."
        )
    only_a = jnp.sum(a & ~b, dtype=jnp.int32)
    only_b = jnp.sum(b & ~a, dtype=jnp.int32)
    few = _float(jnp.minimum(only_a, only_b))
    many = _float(jnp.maximum(only_a, only_b))
    tail = betainc(jnp.maximum(many, 1.0), few + 1.0, jnp.float32(0.5))
    return only_a, only_b, jnp.where(many > 0, jnp.minimum(2.0 * tail, 1.0), 1.0)


def _exact_low(s: Array, n: Array, tail: Array) -> Array:
    """The p at which s or more successes of n have probability `tail`; 0 for s = 0."""
    some = s > 0
    a, b = jnp.where(some, s, 1.0), jnp.where(some, n - s, 0.0) + 1.0

    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        below = betainc(a, b, middle) < tail
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    start = (jnp.zeros_like(a), jnp.ones_like(a))
    low, high = jax.lax.fori_loop(0, 40, halve, start)
    return jnp.where(some, 0.5 * (low + high), 0.0)


def _binary(name: str, value: ArrayLike) -> Array:
    """Outcomes [N] that are true or false, or 1 or 0."""
    value = jnp.asarray(value)
    expect(name, value, (None,), hint="It holds one outcome per image.")
    shown = concrete(value)
    if shown is not None and shown.dtype != bool:
        if not set(shown.tolist()) <= {0, 1}:
            raise ValueError(f"{name} must be true or false each; got {value!s:.60}.")
    return value.astype(bool)


def _float(value: ArrayLike) -> Array:
    return jnp.asarray(value).astype(jnp.float32)
