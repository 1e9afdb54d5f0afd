"""Auto-PGD towards other classes, one by one.

An untargeted loss follows whichever wrong class leads; a targeted one also finds the
classes that lead only in the end.

Source: Croce and Hein 2020, arXiv 2003.01690, section 5 (APGD-T).
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.attack.apgd_attack import apgd
from purifax.attack.checks import attacking
from purifax.attack.selection import choose, handed, over
from purifax.classify import cross_entropy, margin, targeted_dlr
from purifax.threat import Threat
from purifax.transform.remat import Scan
from purifax.types import Model

__all__ = ["apgd_targeted"]


@attacking(loss=cross_entropy)
def apgd_targeted(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    checkpoints: Array,
    judge: Model,
    ranks: Array,
    *,
    climb: Callable[..., Array] = Partial(apgd),
    loss: Callable[..., Array] = Partial(targeted_dlr),
    scan: Scan | None = None,
    **more: Any,
) -> Array:
    """Auto-PGD towards each of the likeliest wrong classes; the best is kept.

    Args:
        judge: the model that scores what was found by its `margin`, on keys of its
            own; usually `classify.each` bound to 10 draws or more.
        ranks: [R] integers, 0 for the wrong class that the model finds likeliest at x;
            `jnp.arange(9)` is published. With K classes at most the first K - 1 are
            run.
        climb: `apgd`, or for L1 `apgd_l1` or a bound `apgd_l1_shrinking`, as a
            `Partial`.
        loss: `(logits, label, target) -> []`, such as `targeted_dlr` (4 classes or
            more) or `targeted_margin`, as a `Partial`.
        scan: runs the loop over targets, and is handed to `climb`.
        more: further keywords of `climb`, such as `keep` and `start`.

    Returns:
        x_adv in the threat's set.
    """
    k_rank, k_attack, k_judge = jax.random.split(key, 3)
    wrong = wrong_classes(model(k_rank, x), label)

    def towards(rank: Array) -> Array:
        target = jax.lax.dynamic_index_in_dim(wrong, rank, keepdims=False)
        return climb(
            jax.random.fold_in(k_attack, rank),
            x,
            label,
            model,
            threat,
            checkpoints,
            loss=Partial(loss, target=target),
            **handed(scan),
            **more,
        )

    found = over(towards, ranks[: wrong.shape[0]], scan)
    return choose(k_judge, found, label, judge, loss=Partial(margin))[0]


def mean_over_draws(logits: Array) -> Array:
    """The mean of logits [..., K] over all leading axes, [K]."""
    return jnp.mean(logits.reshape(-1, logits.shape[-1]), axis=0)


def wrong_classes(logits: Array, label: Array) -> Array:
    """All classes but the label, the likeliest in the mean first, [K - 1]."""
    mean = mean_over_draws(logits)
    classes = mean.shape[0]
    right = jnp.arange(classes) == label
    return jnp.argsort(jnp.where(right, jnp.inf, -mean))[:-1]
