"""DiffHammer's two ideas: a direction shared by draws, and the graft of a gradient.

Source: as in `diffhammer`.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.attack.checks import attacking
from purifax.classify import margin
from purifax.threat import L2, Linf
from purifax.transform.shard_draws import Axis, spread
from purifax.types import Classifier, Loss, Purifier

__all__ = ["graft", "shared"]

ROUNDS = 5
"""EM steps, as published."""


@checks.checked()
def shared(
    losses: Array,
    slopes: Array,
    threat: Linf | L2,
    *,
    sharpness: Array | float = 5.0,
) -> tuple[Array, Array, Array]:
    """The leader, the weights of the draws and their shared direction.

    Args:
        losses: [S], positive where the draw is fooled, such as `margin`.
        slopes: [S, H, W, C], gradients of the losses at the purified images.
        sharpness: the paper's lambda.

    Returns:
        The leader as a bool vector [S], true once; the weights w [S]; r [H, W, C].

    >>> slopes = jnp.array([1.0, 1.0, -1.0]).reshape(3, 1, 1, 1)
    >>> _, weights, r = shared(jnp.zeros(3), slopes, Linf(1.0))
    >>> weights.round(1).tolist(), bool(r[0, 0, 0] > 0.9)
    ([1.0, 1.0, 0.0], True)
    """
    units = jax.vmap(lambda g: _unit(g, threat))
    pixels = tuple(range(1, slopes.ndim))

    def after(unit: Array) -> Array:
        gain = jnp.sum(unit[None] * slopes, axis=pixels)
        return losses + threat.radius * gain

    promise = jnp.sum(jax.nn.elu(jax.vmap(after)(units(slopes))), axis=1)
    leader = jnp.arange(losses.shape[0]) == jnp.argmax(promise)

    def again(r: Array, _: None) -> tuple[Array, Array]:
        weights = jax.nn.sigmoid(sharpness * after(_unit(r, threat)))
        return _mean(weights, slopes), weights

    first = _mean(leader.astype(losses.dtype), slopes)
    r, weights = jax.lax.scan(again, first, length=ROUNDS)
    return leader, weights[-1], r


@attacking("classifier")
def graft(
    key: Array,
    x: Array,
    label: Array,
    purifier: Purifier,
    classifier: Classifier,
    threat: Linf | L2,
    draws: Array,
    *,
    sharpness: Array | float = 5.0,
    loss: Loss = Partial(margin),
    axis: Axis | None = None,
) -> Array:
    """The grafted direction J^T r at x, like x.

    Args:
        draws: [S] integers, folded into the key.
        axis: of the devices that share the forward passes of the draws; the backward
            one of the leader is run by each of them.

    Raises:
        ValueError: the draws do not divide by the axis.
    """

    def run(draw: Array, y: Array) -> Array:
        return purifier(jax.random.fold_in(key, draw), y)

    def judge(y: Array) -> Array:
        return loss(classifier(y), label)

    def told(y: Array, draws: Array, knobs: dict[str, Array]) -> tuple[Array, Array]:
        del knobs
        purified = jax.vmap(lambda d: run(d, y))(draws)
        return jax.vmap(jax.value_and_grad(judge))(purified)

    still = jax.lax.stop_gradient(x)
    losses, slopes = spread(told, still, draws, {}, axis)
    losses, slopes = (jnp.where(jnp.isfinite(a), a, 0.0) for a in (losses, slopes))
    leader, _, r = shared(losses, slopes, threat, sharpness=sharpness)
    chosen = jnp.sum(jnp.where(leader, draws, 0))
    _, pull = jax.vjp(lambda y: run(chosen, y), x)
    slope = pull(r)[0]
    return jnp.where(jnp.isfinite(slope), slope, 0.0)


def _unit(g: Array, threat: Linf | L2) -> Array:
    """The threat's step of length one along g: signs, or g / |g|."""
    return threat.ascend(jnp.zeros_like(g), g, 1.0)


def _mean(weights: Array, slopes: Array) -> Array:
    total = jnp.sum(weights)
    share = weights / jnp.where(total > 0, total, 1.0)
    return jnp.tensordot(share, slopes, axes=1)
