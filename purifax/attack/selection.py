"""Choosing among adversarial candidates by their expected loss.

A random defence makes single outcomes misleading: submitting the iterate that fooled
one draw overstates robustness by several points. The candidate with the highest
expected loss is kept, judged on keys of its own: the same for all candidates, not those
the attack climbed with, and not those it is evaluated on later.

Source: Croce et al. 2022, arXiv 2202.13711, on selecting the iterate.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.attack.checks import attacking
from purifax.classify import cross_entropy
from purifax.transform.remat import Scan
from purifax.types import Loss, Model

__all__ = ["best_iterate", "best_of_restarts", "choose"]


@checks.checked()
def choose(
    key: Array,
    candidates: Array,
    label: Array,
    model: Model,
    *,
    loss: Loss = Partial(cross_entropy),
) -> tuple[Array, Array]:
    """The candidate of highest loss, and all losses.

    Args:
        candidates: [M, H, W, C].
        model: usually `classify.each` bound to 10 draws or more.

    Returns:
        The image, and the losses [M]; one that is not finite is never chosen.

    >>> model = lambda key, x: jnp.stack([x, -x])
    >>> choose(None, jnp.array([1.0, -2.0, 0.0]), jnp.array(0), model)[0]
    Array(-2., dtype=float32)
    """
    losses = jax.lax.map(lambda x: loss(model(key, x), label), candidates)
    worst = jnp.argmax(jnp.where(jnp.isfinite(losses), losses, -jnp.inf))
    return jax.lax.dynamic_index_in_dim(candidates, worst, keepdims=False), losses


@attacking("judge", candidates=checks.numbers)
def best_iterate(
    key: Array,
    x: Array,
    label: Array,
    path: Callable[..., Array],
    judge: Model,
    candidates: Array,
    *,
    loss: Loss = Partial(cross_entropy),
    scan: Scan | None = None,
) -> Array:
    """Run an attack that returns its path, and keep the best of some iterates.

    Args:
        path: such as a bound `pgd_path`, `(key, x, label) -> [T + 1, H, W, C]`.
        judge: the model that scores the candidates, on keys of its own.
        candidates: [M] integers, positions in the path; `jnp.array([-1])` is the last
            iterate.
        scan: runs the attack's loops; handed to `path`, which must take it.
    """
    k_attack, k_judge = jax.random.split(key)
    iterates = path(k_attack, x, label, **handed(scan))
    return choose(k_judge, iterates[candidates], label, judge, loss=loss)[0]


@attacking("judge")
def best_of_restarts(
    key: Array,
    x: Array,
    label: Array,
    attack: Callable[..., Array],
    judge: Model,
    restarts: Array,
    *,
    loss: Loss = Partial(cross_entropy),
    scan: Scan | None = None,
) -> Array:
    """Run an attack once per restart, each with its own key, and keep the best.

    Args:
        restarts: [R] integers, folded into the key.
        judge: the model that scores the candidates, on keys of its own.
        scan: runs the loop over restarts; handed to `attack` too, which must take it.
    """
    k_attack, k_judge = jax.random.split(key)

    def again(r: Array) -> Array:
        return attack(jax.random.fold_in(k_attack, r), x, label, **handed(scan))

    found = over(again, restarts, scan)
    return choose(k_judge, found, label, judge, loss=loss)[0]


def handed(scan: Scan | None) -> dict[str, Scan]:
    """The keyword that hands a scan on; none if there is none."""
    return {} if scan is None else {"scan": scan}


def over(fn: Callable[[Any], Any], xs: Any, scan: Scan | None) -> Any:
    """`jax.lax.map`, its loop run by the scan."""

    def one(carry: tuple[()], x: Any) -> tuple[tuple[()], Any]:
        return carry, fn(x)

    return (scan or jax.lax.scan)(one, (), xs)[1]
