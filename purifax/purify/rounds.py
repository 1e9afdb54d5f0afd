"""Several rounds of one purifier, with a noise level each.

Constant levels repeat the purifier; levels falling geometrically anneal it. The
released configurations of ADP have 5 rounds at 0.05 to 0.15, or from 0.20 or 0.25 down
to 0.05.

Source: the released code of Yoon et al. 2021 (arXiv 2106.06041), `adp_iter` and
`adp_iter_step`.
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax.transform import remat
from purifax.types import Purifier

__all__ = ["rounds"]


def rounds(
    key: Array,
    x: Array,
    purifier: Purifier,
    sigmas: Array,
    *,
    scan: remat.Scan | None = None,
) -> Array:
    """Purify again and again, round r with noise `sigmas[r]` and its own key.

    Args:
        purifier: takes the keyword `sigma`, such as a bound `adaptive`.
        sigmas: [R].
        scan: what the gradient keeps of the rounds, and of the steps in each: the
            purifier then takes it as a keyword too. None is the default of both.

    >>> add = lambda key, x, sigma: x + sigma
    >>> rounds(jax.random.key(0), jnp.zeros(()), add, jnp.array([0.5, 0.25]))
    Array(0.75, dtype=float32)
    """

    within = {} if scan is None else {"scan": scan}

    def again(x: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        r, sigma = at
        key_r = jax.random.fold_in(key, r)
        return purifier(key_r, x, sigma=sigma, **within), None  # pyright: ignore[reportCallIssue]

    over = remat.auto if scan is None else scan
    return over(again, x, (jnp.arange(sigmas.shape[0]), sigmas))[0]
