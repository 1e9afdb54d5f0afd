"""The components of AutoAttack's versions, bound and in order; see `autoattack`."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.attack.apgd_attack import apgd, apgd_path
from purifax.attack.apgd_l1_attack import apgd_l1, apgd_l1_path, apgd_l1_shrinking
from purifax.attack.fab_attack import fab, fab_limits, fab_targeted
from purifax.attack.selection import best_of_restarts, choose
from purifax.attack.square_attack import square, square_shares
from purifax.attack.targeted import apgd_targeted
from purifax.attack.windows import (
    apgd_checkpoints,
    apgd_l1_checkpoints,
    shrinking_radii,
)
from purifax.classify import (
    cross_entropy,
    dlr,
    each,
    margin,
    targeted_dlr,
    targeted_margin,
)
from purifax.threat import L1, L2, Linf
from purifax.transform.shard_draws import Axis
from purifax.types import Attack, Model, as_pytree

__all__ = ["CANDIDATES", "RESTARTS", "TARGETS", "TARGETS_L1", "VERSIONS", "components"]


VERSIONS = {
    "standard": ("apgd-ce", "apgd-t", "fab-t", "square"),
    "plus": ("apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"),
    "rand": ("apgd-ce", "apgd-dlr"),
    "stochastic": ("apgd-ce", "apgd-dlr", "apgd-t", "square"),
}
"""The components of each version, in the order they are run."""


RESTARTS = 5


TARGETS = 9


TARGETS_L1 = 5


CANDIDATES = 10
"""Iterates among which `stochastic` chooses, as many as the recommended protocol."""


def components(
    version: str,
    threat: Linf | L2 | L1,
    num_classes: int,
    model: Model,
    *,
    iterations: int = 100,
    queries: int = 5000,
    draws: int = 20,
    judged: int = 20,
    axis: Axis | None = None,
    judging: Axis | None = None,
) -> dict[str, Attack]:
    """The attacks of a version by name, in order.

    Args:
        version: "standard", "plus", "rand" or "stochastic".
        num_classes: of the model; decides what can be run.
        model: `(key, x) -> logits` of one draw; with the first two versions, also
            of several draws.
        iterations: of APGD and FAB.
        queries: of Square; each asks for two images. Published results of random
            defences took 1000.
        draws: averaged in each gradient and query of "rand" and "stochastic".
        judged: fresh draws on which "stochastic" judges an iterate.
        axis: of the devices that share `draws`, see `classify.each`.
        judging: of those that share `judged`.

    Returns:
        name -> `(key, x, label) -> x_adv`, each a pytree.

    Raises:
        ValueError: an unknown version or threat, fewer than 2 classes, or a budget
            below 1.

    >>> model = lambda key, x: x.ravel()
    >>> list(components("standard", Linf(0.1), 10, model))
    ['apgd-ce', 'apgd-t', 'fab-t', 'square']
    >>> list(components("plus", L2(0.5), 2, model))
    ['apgd-ce', 'fab', 'square']
    """
    budgets = {"iterations": iterations, "queries": queries}
    _check(version, threat, num_classes, draws=draws, judged=judged, **budgets)
    seen = judge = as_pytree(model)
    if version in ("rand", "stochastic"):
        seen = Partial(each, model=seen, draws=jnp.arange(draws), axis=axis)
        judge = Partial(each, model=judge, draws=jnp.arange(judged), axis=judging)
    common: dict[str, Any] = {"model": seen, "threat": threat}
    known = _ascents(version, threat, num_classes, common, judge, iterations)
    known |= _others(version, num_classes, common, iterations, queries)
    return {name: known[name] for name in _names(version, num_classes)}


def _ascents(
    version: str,
    threat: Linf | L2 | L1,
    num_classes: int,
    common: dict[str, Any],
    judge: Model,
    iterations: int,
) -> dict[str, Attack]:
    """The components that are Auto-PGD."""
    climb, checkpoints = _climb(version, threat, iterations, judge)
    sparse = isinstance(threat, L1) and version == "standard"
    restarts = RESTARTS if version == "plus" or sparse else 1
    targets = min(TARGETS_L1 if sparse else TARGETS, num_classes - 1)
    known = {
        name: _again(
            Partial(climb, **common, checkpoints=checkpoints, loss=Partial(loss)),
            judge,
            restarts,
        )
        for name, loss in (("apgd-ce", cross_entropy), ("apgd-dlr", dlr))
    }
    towards = Partial(
        apgd_targeted,
        **common,
        checkpoints=checkpoints,
        climb=climb,
        judge=judge,
        ranks=jnp.arange(targets),
        loss=Partial(targeted_dlr if num_classes > 3 else targeted_margin),
    )
    return {**known, "apgd-t": towards}


def _others(
    version: str,
    num_classes: int,
    common: dict[str, Any],
    iterations: int,
    queries: int,
) -> dict[str, Attack]:
    """FAB and Square."""
    limits = fab_limits(iterations)
    again = RESTARTS - 1 if version == "plus" else 0
    starts = jnp.append(jnp.zeros(1), jnp.full(again, 0.5))
    ranks = jnp.arange(min(TARGETS, num_classes - 1))
    return {
        "fab": Partial(fab, **common, limits=limits, starts=starts),
        "fab-t": Partial(fab_targeted, **common, limits=limits, ranks=ranks),
        "square": Partial(square, **common, shares=square_shares(queries)),
    }


def _check(
    version: str, threat: Linf | L2 | L1, num_classes: int, **budgets: int
) -> None:
    if version not in VERSIONS:
        raise ValueError(f"`version` is one of {', '.join(VERSIONS)}; got {version!r}.")
    if not isinstance(threat, Linf | L2 | L1):
        raise ValueError(f"`threat` must be Linf, L2 or L1; got {threat!r}.")
    if num_classes < 2:
        raise ValueError(
            f"`num_classes` must be 2 or more to have a wrong one; got {num_classes}."
        )
    for name, value in budgets.items():
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more; got {value}.")


def _names(version: str, num_classes: int) -> list[str]:
    """What can be run with so many classes."""
    names = list(VERSIONS[version])
    if num_classes == 2:
        names = ["fab" if name == "fab-t" else name for name in names]
        names = [name for name in names if name not in ("apgd-dlr", "apgd-t")]
    return list(dict.fromkeys(names))  # fab once


def _climb(
    version: str, threat: Linf | L2 | L1, iterations: int, judge: Model
) -> tuple[Partial, Array]:
    """Auto-PGD of a version and norm, and its checkpoints."""
    sparse = isinstance(threat, L1)
    windows = apgd_l1_checkpoints if sparse else apgd_checkpoints
    if version == "stochastic":
        last = jnp.linspace(iterations, 0, CANDIDATES, endpoint=False)
        climb = Partial(
            _chosen,
            path=Partial(apgd_l1_path if sparse else apgd_path),
            judge=judge,
            candidates=jnp.round(last).astype(int),
        )
        return climb, windows(iterations)
    keep = Partial(margin)
    if sparse and version != "rand":
        checkpoints, radii = shrinking_radii(iterations)
        return Partial(apgd_l1_shrinking, radii=radii, keep=keep), checkpoints
    return Partial(apgd_l1 if sparse else apgd, keep=keep), windows(iterations)


def _chosen(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Linf | L2 | L1,
    checkpoints: Array,
    *,
    path: Callable[..., Array],
    judge: Model,
    candidates: Array,
    **more: Any,
) -> Array:
    """The iterate of highest expected margin on keys that no gradient has seen."""
    k_path, k_judge = jax.random.split(key)
    iterates = path(k_path, x, label, model, threat, checkpoints, **more)
    picked = iterates[candidates]
    return choose(k_judge, picked, label, judge, loss=Partial(margin))[0]


def _again(attack: Partial, judge: Model, restarts: int) -> Attack:
    """The attack, with restarts if there are to be more than one."""
    if restarts == 1:
        return attack
    return Partial(
        best_of_restarts,
        attack=attack,
        judge=judge,
        restarts=jnp.arange(restarts),
        loss=Partial(margin),
    )
