"""Purifiers made of purifiers: one after another, or one again and again.

An ensemble over runs of one purifier is a matter of the model: `classify.mean_logits`
and `classify.vote`.
"""

from collections.abc import Sequence

import jax
from jax import Array
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.transform import remat
from purifax.types import Purifier

__all__ = ["chain", "repeat"]


@checks.checked(x=checks.in_scale)
def chain(key: Array, x: Array, purifiers: Sequence[Purifier]) -> Array:
    """Purifier 0, then purifier 1 on its result, and so on; i with `fold_in(key, i)`.

    >>> add, half = (lambda key, x: x + 1), (lambda key, x: x / 2)
    >>> chain(jax.random.key(0), jax.numpy.zeros(()), [add, half])
    Array(0.5, dtype=float32)
    """
    for i, purifier in enumerate(purifiers):
        x = purifier(jax.random.fold_in(key, i), x)
    return x


@checks.checked(x=checks.in_scale)
def repeat(
    key: Array,
    x: Array,
    purifier: Purifier,
    draws: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """The purifier on its own result, once for each of the draws.

    Args:
        draws: int [R], folded into the key.
        scan: what the gradient keeps of the rounds, see `recompute`.

    >>> half = lambda key, x: x / 2
    >>> repeat(jax.random.key(0), jax.numpy.ones(()), half, jax.numpy.arange(3))
    Array(0.125, dtype=float32)
    """

    def again(x: Array, draw: Array) -> tuple[Array, None]:
        return purifier(jax.random.fold_in(key, draw), x), None

    return scan(again, x, draws)[0]
