"""Fast adaptive boundary attack: the nearest image that the model gets wrong.

At the iterate x_i the logits are linearised. Of the planes on which a wrong class
reaches the right one, the nearest is taken; d_1 and d_2 are the shortest steps onto it
from x_i and from the image x, within the box. Then

    x_+ = clip((1 - a) (x_i + eta d_1) + a (x + eta d_2)),
    a   = min(|d_1| / (|d_1| + |d_2|), limit)

and if x_+ is wrong, it goes back towards x, to x + beta (x_+ - x), from where it
crosses the boundary again, nearer. `fab_targeted` takes one plane each time, that of a
chosen class: one gradient in place of one per class.

A model is judged by its mean logits over draws (see `classify.each`): an image counts
as wrong if those are. For a random model give it many draws; the nearest of many
images each judged once was also lucky.

The nearest wrong image is returned if it is within the radius. If there is none, the
one of higher margin, judged on another key, of two images of the set: the nearest wrong
image, projected, and the iterate of highest margin among those within the radius, x
included. (The released code then returns x.) The final search of the paper, which its
released code dropped, is left out.

Source: Croce and Hein 2020, arXiv 1907.02044, algorithm 1. With AutoAttack (arXiv
2003.01690): 100 iterations, limit 0.1, eta 1.05, beta 0.9, 9 targets.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.attack.checks import attacking
from purifax.attack.hyperplane import slope_length, step_to_plane
from purifax.attack.selection import choose
from purifax.attack.starts import at_surface
from purifax.attack.targeted import mean_over_draws, wrong_classes
from purifax.classify import margin
from purifax.threat import Threat
from purifax.transform.remat import Scan
from purifax.types import Model

__all__ = ["fab", "fab_limits", "fab_targeted"]


def fab_limits(iterations: int, *, largest: float = 0.1) -> Array:
    """The published limits: the same largest pull to the image in each iteration, [T].

    >>> fab_limits(3).shape
    (3,)
    """
    return jnp.full(iterations, largest, jnp.float32)


@attacking(
    eta=checks.positive, beta=checks.share, limits=checks.shares, starts=checks.shares
)
def fab(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    limits: Array,
    starts: Array | None = None,
    *,
    eta: Array | float = 1.05,
    beta: Array | float = 0.9,
    scan: Scan = jax.lax.scan,
) -> Array:
    """The nearest wrong image found, or the best of the set; see the module.

    Args:
        x: image [H, W, C] in [0, 1].
        label: its class [].
        model: `(key, x) -> logits`, [K] or [S, K]. An iteration takes K - 1 gradients
            of it and one more evaluation.
        threat: `Linf`, `L2` or `L1`.
        limits: [T], the largest pull a to the image; `fab_limits(100)` is published.
        starts: [R], where each run begins: this share of the way to a random point
            `at_surface`. None is one run from the image itself; restarts are published
            with 0.5 (and for L1 with a direction that is not sparse).
        eta: length of a step, in steps to the plane.
        beta: length of a wrong perturbation after its step back.
        scan: runs the loops over runs and over their iterations.

    Returns:
        x_adv in the threat's set.

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x) - 1.5, jnp.array(0.0)])
    >>> x, key = jnp.full((2, 2, 1), 0.5), jax.random.key(0)
    >>> found = fab(key, x, jnp.array(0), model, Linf(0.25), fab_limits(20))
    >>> bool(0.125 < Linf(0.25).distance(found, x) < 0.127)
    True
    """
    plane = Partial(_nearest_plane, model=model)
    return _of_runs(
        *(key, x, label, model, threat, limits, plane),
        starts=jnp.zeros(1, x.dtype) if starts is None else starts,
        eta=eta,
        beta=beta,
        scan=scan,
    )


@attacking(
    eta=checks.positive, beta=checks.share, limits=checks.shares, starts=checks.shares
)
def fab_targeted(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    limits: Array,
    ranks: Array,
    starts: Array | None = None,
    *,
    eta: Array | float = 1.05,
    beta: Array | float = 0.9,
    scan: Scan = jax.lax.scan,
) -> Array:
    """The nearest wrong image found towards each of the likeliest wrong classes.

    Args:
        ranks: [R] integers, 0 for the wrong class that the model finds likeliest at x;
            `jnp.arange(9)` is published. With K classes at most the first K - 1 run.

    The other arguments are those of `fab`. Any wrong class counts as wrong.
    """
    k_rank, k_runs = jax.random.split(key)
    wrong = wrong_classes(model(k_rank, x), label)
    targets = wrong[ranks[: wrong.shape[0]]]
    starts = jnp.zeros(1, x.dtype) if starts is None else starts
    plane = Partial(_plane_of, model=model)
    return _of_runs(
        *(k_runs, x, label, model, threat, limits, plane),
        starts=jnp.repeat(starts, targets.shape[0]),
        targets=jnp.tile(targets, starts.shape[0]),
        eta=eta,
        beta=beta,
        scan=scan,
    )


class _Run(NamedTuple):
    """The iterate, the nearest wrong image, and the best image within the radius."""

    x: Array
    nearest: Array
    distance: Array
    inside: Array
    score: Array


def _of_runs(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    limits: Array,
    plane: Callable[..., tuple[Array, Array]],
    starts: Array,
    targets: Array | None = None,
    *,
    eta: Array | float,
    beta: Array | float,
    scan: Scan,
) -> Array:
    """All runs one by one, and what is returned of them."""
    k_first, k_runs, k_judge = jax.random.split(key, 3)

    def one(run: _Run, at: tuple) -> tuple[_Run, None]:
        number, share, target = at
        k_start, k_steps = jax.random.split(jax.random.fold_in(k_runs, number))
        far = at_surface(k_start, x, threat)
        run = run._replace(x=jnp.where(share > 0, x + share * (far - x), x))
        step = Partial(_step, x=x, label=label, model=model, threat=threat)
        step = Partial(step, plane=Partial(plane, target=target), eta=eta, beta=beta)
        order = (jnp.arange(limits.shape[0]), limits)
        return scan(Partial(step, k_steps), run, order)[0], None

    count = starts.shape[0]
    targets = jnp.zeros(count, int) if targets is None else targets
    run = _Run(x, x, 0.0 * jnp.sum(x) + jnp.inf, x, 0.0 * jnp.sum(x) - jnp.inf)
    run = _note(run, x, x, threat, _margin(k_first, x, label, model))
    run, _ = scan(one, run, (jnp.arange(count), starts, targets))
    near = threat.project(run.nearest, x)
    second = choose(
        *(k_judge, jnp.stack([run.inside, near]), label, model), loss=Partial(margin)
    )[0]
    return jnp.where(run.distance <= threat.radius, near, second)


def _step(
    key: Array,
    run: _Run,
    at: tuple[Array, Array],
    *,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    plane: Callable[..., tuple[Array, Array]],
    eta: Array | float,
    beta: Array | float,
) -> tuple[_Run, None]:
    """Onto the plane and beyond, back if wrong."""
    i, limit = at
    k_plane, k_check = jax.random.split(jax.random.fold_in(key, i))
    gap, w = plane(k_plane, run.x, label, threat)
    gaps = jnp.stack([gap, gap + jnp.vdot(w, x - run.x)])
    both = jax.vmap(lambda t, gap: step_to_plane(t, w, gap, threat))
    d_1, d_2 = both(jnp.stack([run.x, x]), gaps)
    far_1, far_2 = (jnp.maximum(threat.distance(d, 0.0 * d), 1e-8) for d in (d_1, d_2))
    a = jnp.minimum(far_1 / (far_1 + far_2), limit).astype(x.dtype)
    moved = (1.0 - a) * (run.x + eta * d_1) + a * (x + eta * d_2)
    moved = jnp.clip(moved, 0.0, 1.0)
    score = _margin(k_check, moved, label, model)
    run = _note(run, moved, x, threat, score)
    back = x + beta * (moved - x)
    return run._replace(x=jnp.where(score > 0, back, moved)), None


def _note(run: _Run, image: Array, x: Array, threat: Threat, score: Array) -> _Run:
    """Keeps an image if it is the nearest wrong one, or the best within the radius."""
    distance = threat.distance(image, x)
    nearer = (score > 0) & (distance < run.distance)
    better = (distance <= threat.radius) & (score > run.score)
    return run._replace(
        nearest=jnp.where(nearer, image, run.nearest),
        distance=jnp.where(nearer, distance, run.distance),
        inside=jnp.where(better, image, run.inside),
        score=jnp.where(better, score, run.score),
    )


def _margin(key: Array, x: Array, label: Array, model: Model) -> Array:
    """The margin of the mean logits, -inf where it is not a number."""
    score = margin(mean_over_draws(model(key, x)), label)
    return jnp.where(jnp.isnan(score), -jnp.inf, score).astype(x.dtype)


def _nearest_plane(
    key: Array, x: Array, label: Array, threat: Threat, model: Model, target: Array
) -> tuple[Array, Array]:
    """Gap and normal of the plane of the nearest wrong class."""
    del target

    def gaps(y: Array) -> tuple[Array, Array]:
        logits = mean_over_draws(model(key, y))
        right = jnp.arange(logits.shape[0]) == label
        gap = logits - jnp.sum(jnp.where(right, logits, 0.0))
        return gap, gap

    w, gap = jax.jacrev(gaps, has_aux=True)(x)
    w = jnp.where(jnp.isfinite(w), w, 0.0)
    slopes = jax.vmap(slope_length, in_axes=(0, None))(w, threat)
    far = jnp.abs(gap) / (slopes + 1e-12)
    right = jnp.arange(gap.shape[0]) == label
    nearest = jnp.argmin(jnp.where(right | jnp.isnan(far), jnp.inf, far))
    pick = jnp.arange(gap.shape[0]) == nearest
    chosen = jnp.where(pick[(...,) + (None,) * x.ndim], w, 0.0)
    return jnp.sum(jnp.where(pick, gap, 0.0)), jnp.sum(chosen, axis=0)


def _plane_of(
    key: Array, x: Array, label: Array, threat: Threat, model: Model, target: Array
) -> tuple[Array, Array]:
    """Gap and normal of the plane of a chosen class."""
    del threat

    def gap(y: Array) -> Array:
        logits = mean_over_draws(model(key, y))
        classes = jnp.arange(logits.shape[0])
        sign = jnp.where(classes == target, 1.0, 0.0)
        sign = sign - jnp.where(classes == label, 1.0, 0.0)
        return jnp.sum(sign * logits)

    value, w = jax.value_and_grad(gap)(x)
    return value, jnp.where(jnp.isfinite(w), w, 0.0)
