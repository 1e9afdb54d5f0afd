"""Lower bounds of a probability from counts, safe against rounding in float32."""

import jax
from jax import Array
from jax import numpy as jnp
from jax.scipy.special import betainc

from purifax import _checks as checks

__all__ = ["cautious", "lower_bound"]

_MOST = 100_000


@checks.checked(successes=checks.counts)
def lower_bound(successes: Array | int, trials: int, *, alpha: float = 0.001) -> Array:
    """A lower bound of a probability, wrong with probability at most alpha.

    The one-sided Clopper-Pearson bound: the p at which `successes` or more have
    probability alpha, by bisection on the regularised incomplete beta function, kept on
    the safe side of rounding.

    Args:
        successes: from 0 to `trials`.

    Returns:
        Of the shape of `successes`, in [0, 1).

    Raises:
        ValueError: more than 100000 trials, where float32 is too coarse; more successes
            than trials, or fewer than 0; alpha is outside (0, 1).

    Source: Clopper and Pearson 1934, Biometrika 26, 404-413.

    >>> round(float(lower_bound(100, 100)), 3)
    0.933
    """
    if trials > _MOST:
        raise ValueError(
            f"At most {_MOST} trials can be bounded safely in float32; got {trials}."
        )
    checks.no_more("`successes`", successes, trials)
    s = jnp.asarray(successes).astype(jnp.float32)
    n = jnp.full_like(s, trials)
    a, b, tail = jnp.maximum(s, 1.0), n - s + 1.0, cautious(alpha, n)

    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        below = betainc(a, b, middle) < tail
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    bounds = (0.0 * s, 0.0 * s + 1.0)
    low, _ = jax.lax.fori_loop(0, 40, halve, bounds)
    low = jnp.where(s > 0, low, 0.0)
    return jnp.where((s >= 0) & (s <= n), low, jnp.nan)


def cautious(alpha: float, n: Array) -> Array:
    """alpha reduced by twice the relative error of `betainc`, of order eps n log n.

    >>> 0 < 0.001 - float(cautious(0.001, jnp.array(1e5))) < 0.0004
    True
    """
    eps = 2.0 * jnp.finfo(n.dtype).eps
    return alpha / (1.0 + eps * (16.0 + n * jnp.log(jnp.maximum(n, 1.0))))
