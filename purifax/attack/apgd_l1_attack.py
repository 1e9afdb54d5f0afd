"""Auto-PGD for L1: sparse steps, whose sparsity follows that of the best image.

    x_+ = project(x_i + step s / |s|_1),   s = signs of the largest gradient entries

without momentum. The step begins at the radius, and s covers a fifth of the entries. At
the end of a window, 4% of the iterations, s is made to cover 1 / 1.5 of the entries
that the best image changes. If those are less than 0.95 of what they were a window ago,
the step is the radius again and the ascent goes on from the best image; otherwise the
step is divided by 1.5, down to a tenth of the radius.

`apgd_l1_shrinking` begins in a larger ball and goes on in smaller ones, the last being
the threat's, from the best image projected: in L1 the largest part of the loss is far
from the start. The loss of an iterate of a random model is the mean over its draws.

Source: Croce and Hein 2021, arXiv 2103.01208, algorithm 1 and section 4, with the
constants of its released code (a tenth, 4%, 0.2).
"""

from typing import Any, NamedTuple

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.attack.apgd_attack import value_and_slope
from purifax.attack.checks import attacking
from purifax.attack.starts import Start, at_surface
from purifax.attack.trace import Kept, See, Trace, everything, images, nothing
from purifax.classify import cross_entropy
from purifax.threat import L1
from purifax.transform.remat import Scan
from purifax.types import Loss, Model

__all__ = [
    "apgd_l1",
    "apgd_l1_path",
    "apgd_l1_shrinking",
    "apgd_l1_trace",
]

_checked = attacking(factor=checks.number(1), least=checks.share, kept=checks.share)


@_checked
def apgd_l1(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: L1,
    checkpoints: Array,
    **more: Any,
) -> Array:
    """The image of highest loss that Auto-PGD meets, its start included.

    Args:
        x, label: as in `apgd`.
        model: `(key, x) -> logits`, [K] or with `classify.each` bound [S, K]; T + 1
            gradients of it are taken.
        checkpoints: bool [T], the iterations that end a window;
            `apgd_l1_checkpoints(100)` is published.
        more: `loss, keep, start, scan`, as in `apgd`; `share`, 0.2: of the entries,
            moved in the first window; `factor`, 1.5, and `least`, 0.1: the step is
            divided by the one down to the other, in radii; `kept`, 0.95: the share of
            the changed entries below which the step begins anew.

    Returns:
        x_adv, in the threat's set around x.

    >>> w = jnp.array([1.0, -2.0])
    >>> model = lambda key, x: jnp.stack([jnp.sum(w * x[0, 0]), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 2), 0.5), jax.random.key(0)
    >>> apgd_l1(key, x, jnp.array(0), model, L1(0.25), jnp.ones(9, bool)).tolist()
    [[[0.5, 0.75]]]
    """
    return _ascend(key, x, label, model, threat, checkpoints, nothing, **more)[0]


@_checked
def apgd_l1_path(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: L1,
    checkpoints: Array,
    **more: Any,
) -> Array:
    """Every iterate of `apgd_l1`, [T + 1, H, W, C], for `best_iterate` to choose."""
    return _ascend(key, x, label, model, threat, checkpoints, images, **more)[1]


@_checked
def apgd_l1_trace(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: L1,
    checkpoints: Array,
    **more: Any,
) -> Trace:
    """Every iterate of `apgd_l1`, with its losses and the step taken from it."""
    _, seen = _ascend(key, x, label, model, threat, checkpoints, everything, **more)
    return Trace(*seen[:-1], step_sizes=seen[-1][:-1])


def _ascend(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: L1,
    checkpoints: Array,
    see: See,
    *,
    start: Start = Partial(at_surface),
    share: Array | float = 0.2,
    **more: Any,
) -> tuple[Array, Any]:
    """In the threat's own ball."""
    k_start, k_steps = jax.random.split(key)
    first = threat.project(start(k_start, x, threat), x)
    state = _begin(first, share, jnp.asarray(x.size, x.dtype))
    radii = jnp.ones(checkpoints.shape[0], x.dtype)
    args = (k_steps, state, x, label, model, threat, checkpoints, radii)
    return _climb(*args, see, **more)


@_checked
def apgd_l1_shrinking(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: L1,
    checkpoints: Array,
    radii: Array,
    *,
    start: Start = Partial(at_surface),
    **more: Any,
) -> Array:
    """Auto-PGD for L1 in ever smaller balls; the best image of the last is returned.

    Args:
        checkpoints, radii: [T] both; `shrinking_radii(100)` is published. Where the
            radius changes, the ascent begins anew from the best image so far,
            projected. Only images of balls of radius 1 are returned.
        more: `loss, keep, scan, factor, least, kept`, as in `apgd_l1`. The first
            share is that of the start.

    >>> w = jnp.array([1.0, -2.0])
    >>> model = lambda key, x: jnp.stack([jnp.sum(w * x[0, 0]), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 2), 0.5), jax.random.key(0)
    >>> radii = jnp.array([2.0, 2.0, 1.0, 1.0])
    >>> found = apgd_l1_shrinking(
    ...     key, x, jnp.array(0), model, L1(0.25), jnp.ones(4, bool), radii
    ... )
    >>> round(float(L1(0.25).distance(found, x)), 4)
    0.25
    """
    k_start, k_steps = jax.random.split(key)
    ball = L1(threat.radius * radii[0])
    first = ball.project(start(k_start, x, ball), x)
    changed = _changed(first, x)
    state = _begin(first, changed / x.size / _THINNER, changed)
    args = (k_steps, state, x, label, model, threat, checkpoints, radii)
    return _climb(*args, nothing, **more)[0]


_THINNER = 1.5
"""The next step covers this part of the entries that the best image changes."""


class _State(NamedTuple):
    """What an iteration needs to know.

    The step, in radii, covers `share` of the entries; `changed` of them differed from
    the image in the best iterate at the last checkpoint.
    """

    x: Array
    step: Array
    share: Array
    changed: Array
    best: Array
    best_slope: Array
    best_loss: Array


def _begin(first: Array, share: Array | float, changed: Array) -> _State:
    """Before the first gradient. Constants vary with the image, for `shard_map`."""
    zero = 0.0 * jnp.sum(first)
    return _State(
        x=first,
        step=zero + 1.0,
        share=zero + share,
        changed=zero + changed,
        best=first,
        best_slope=0.0 * first,
        best_loss=zero - jnp.inf,
    )


def _climb(
    key: Array,
    state: _State,
    x: Array,
    label: Array,
    model: Model,
    threat: L1,
    checkpoints: Array,
    radii: Array,
    see: See,
    *,
    loss: Loss = Partial(cross_entropy),
    keep: Loss | None = None,
    factor: Array | float = 1.5,
    least: Array | float = 0.1,
    kept: Array | float = 0.95,
    scan: Scan = jax.lax.scan,
) -> tuple[Array, Any]:
    """The ascent from a state, in balls of the given radii.

    Returns the best image of the balls of radius 1, and what `see` takes down.
    """

    def iterate(carry: tuple[_State, Kept], at: tuple) -> tuple[tuple, Any]:
        (state, best), (i, checkpoint, radius, begins) = carry, at
        value, score, slope = value_and_slope(
            jax.random.fold_in(key, i),
            *(state.x, label, model, loss, loss if keep is None else keep),
        )
        image, state = state.x, _note(state, value, slope)
        state, slope = _check(state, slope, x, checkpoint, factor, least, kept)
        step = state.step * threat.radius * radius[0]
        moved = threat.ascend(state.x, slope, step, share=state.share)
        ball = L1(threat.radius * radius[1])
        after = ball.project(jnp.where(begins, state.best, moved), x)
        counted = jnp.where(radius[0] == 1.0, score, -jnp.inf)
        best = best.or_else(image, counted)
        return (_enter(state, after, x, begins), best), see(image, value, score, step)

    radii = jnp.append(
        radii.astype(x.dtype), jnp.ones(1, x.dtype)
    )  # one for each image
    radii = jnp.stack([radii, jnp.append(radii[1:], jnp.ones(1, x.dtype))], axis=1)
    flags = jnp.append(jnp.zeros(1, bool), checkpoints)
    begins = radii[:, 0] != radii[:, 1]
    steps = (jnp.arange(flags.shape[0]), flags, radii, begins)
    (_, best), seen = scan(iterate, (state, Kept.none(state.x)), steps)
    return best.image, seen


def _enter(state: _State, x_adv: Array, x: Array, begins: Array) -> _State:
    """On to the next image; where a ball begins, start anew from it."""
    changed = _changed(x_adv, x)
    new = _begin(x_adv, changed / x.size / _THINNER, changed)
    on = state._replace(x=x_adv)
    return jax.tree.map(lambda a, b: jnp.where(begins, a, b), new, on)


def _note(state: _State, value: Array, slope: Array) -> _State:
    """Keeps the image if it is the best."""
    better = value > state.best_loss
    return state._replace(
        best=jnp.where(better, state.x, state.best),
        best_slope=jnp.where(better, slope, state.best_slope),
        best_loss=jnp.where(better, value, state.best_loss),
    )


def _check(
    state: _State,
    slope: Array,
    x: Array,
    checkpoint: Array,
    factor: Array | float,
    least: Array | float,
    kept: Array | float,
) -> tuple[_State, Array]:
    """At a checkpoint, a new sparsity; and either a smaller step or the first again."""
    changed = _changed(state.best, x)
    anew = changed < kept * state.changed
    smaller = jnp.maximum(state.step / factor, least)
    back = checkpoint & anew
    state = state._replace(
        x=jnp.where(back, state.best, state.x),
        step=jnp.where(checkpoint, jnp.where(anew, 1.0, smaller), state.step),
        share=jnp.where(checkpoint, changed / x.size / _THINNER, state.share),
        changed=jnp.where(checkpoint, changed, state.changed),
    )
    return state, jnp.where(back, state.best_slope, slope)


def _changed(x_adv: Array, x: Array) -> Array:
    """The number of entries that differ from the image, []."""
    return jnp.sum((x_adv != x).astype(x.dtype))
