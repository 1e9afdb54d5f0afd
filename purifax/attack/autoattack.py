"""AutoAttack as a composition: the components of its versions, bound and in order.

    standard    apgd-ce, apgd-t, fab-t, square
    plus        apgd-ce, apgd-dlr, fab, square, apgd-t, fab-t; 5 restarts of the first 3
    rand        apgd-ce, apgd-dlr, with 20 draws in each gradient
    stochastic  apgd-ce, apgd-dlr, apgd-t, square, for random models

Each component is an attack on one image; a worst case over them is the caller's: an
image is broken if one of its results is. The first three versions are the published
ones, with two remedies. APGD returns the iterate of highest margin, so a wrong answer
under any loss counts, and `rand` judges an iterate by all its draws, not the last.

`stochastic` is what `rand` should be. An iterate is chosen among some of the path by
the expected margin over draws that no gradient has seen, targeted losses go through the
randomness as well, and Square averages its queries. Judge the results over many keys,
and count an image as broken only if it is wrong under all or most.

With two classes there is neither DLR nor a choice of targets: apgd-dlr and apgd-t are
left out and fab takes the place of fab-t. With three, apgd-t climbs the targeted
margin, since targeted DLR compares four. There are never more targets than wrong
classes.

For L1, `standard` and `plus` shrink the ball, and apgd-ce has 5 restarts and apgd-t 5
targets.

Source: Croce and Hein 2020, arXiv 2003.01690, section 6; for L1 2021, arXiv 2103.01208;
versions and parameters as in their released code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.apgd_attack import apgd, apgd_path
from purifax.attack.apgd_l1_attack import apgd_l1, apgd_l1_path, apgd_l1_shrinking
from purifax.attack.fab_attack import fab, fab_limits, fab_targeted
from purifax.attack.selection import best_of_restarts, choose
from purifax.attack.square_attack import square, square_shares
from purifax.attack.target import Target
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
from purifax.recipe import typed
from purifax.threat import L1, L2, Linf
from purifax.transform.shard_draws import Axis
from purifax.types import Attack, Model, as_pytree

__all__ = [
    "AutoAttack",
    "VERSIONS",
    "components",
]

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


_RANDOM = ("rand", "stochastic")


@dataclass(frozen=True)
@typed
class AutoAttack:
    """AutoAttack: several attacks, each on the images that the last ones left.

    The published versions are judged by one purification sample, "stochastic" by many.

    Source: Croce and Hein 2020, arXiv 2003.01690; "stochastic" is this project's.

    Attributes:
        version: standard, plus, rand or stochastic.
        steps: iterations of APGD and FAB.
        queries: of Square (default 5000; of stochastic 1000).
        eot: EOT samples of rand and stochastic (default 20).
        judge: samples by which stochastic judges (default 20).
    """

    version: str = "standard"
    steps: int = 100
    queries: int | None = None
    eot: int | None = None
    judge: int | None = None
    reported = "exact"
    components = True

    def __post_init__(self) -> None:
        recipe.one_of(self, "version", tuple(VERSIONS))
        recipe.at_least(self, "steps", 1)
        for field in ("queries", "eot", "judge"):
            recipe.at_least(self, field, 1)
        recipe.only_with(self, "eot", "version", _RANDOM)
        recipe.only_with(self, "judge", "version", ("stochastic",))
        recipe.only_with(self, "queries", "version", ("standard", "plus", "stochastic"))

    @property
    def title(self) -> str:
        """What a report calls the attack."""
        return f"AutoAttack {self.version}"

    def _numbers(self) -> tuple[int, int, int]:
        """Queries, EOT samples and those of the judge, with their defaults."""
        queries = self.queries or (1000 if self.version == "stochastic" else 5000)
        return queries, self.eot or 20, self.judge or 20

    def build(
        self, target: Target, threat: Linf | L2 | L1, classes: int
    ) -> tuple[dict[str, Attack], Model]:
        """The attacks by name, and the model that judges their images."""
        queries, eot, judge = self._numbers()
        one = target.one_sample()
        found = components(
            self.version,
            threat,
            classes,
            model=one if self.version in _RANDOM else target.each(one, 1),
            iterations=self.steps,
            queries=queries,
            draws=eot,
            judged=judge,
            axis=target.axis(eot),
            judging=target.axis(judge),
        )
        return found, target.each(one, judge if self.version == "stochastic" else 1)

    def shared(self, samples: int) -> int:
        """The samples that devices may share in a gradient; 1 where they may not."""
        del samples
        return self._numbers()[1] if self.version in _RANDOM else 1

    def calls(self, one: int, answers: int) -> None:
        """Not counted: the components run on the images that are left."""

    def budget(self) -> dict[str, Any]:
        """The fields as a report shows them, with their defaults."""
        queries, eot, judge = self._numbers()
        found: dict[str, Any] = {"steps": self.steps}
        if self.version != "rand":
            found["queries"] = queries
        if self.version in _RANDOM:
            found["eot"] = eot
        if self.version == "stochastic":
            found["judge"] = judge
        return found
