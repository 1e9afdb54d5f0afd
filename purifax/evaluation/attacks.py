"""From the name and budget of an attack to a bound one-image attack."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import attack, classify
from purifax.evaluation import checks
from purifax.evaluation.checks import (
    AUTO,
    SELF_STEPPING,
    STEPPED,
    check,
    check_budget,
    check_classes,
)
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.models import (
    ANSWERING,
    World,
    apart,
    at_once,
    judge,
    one_run,
    seen,
)
from purifax.evaluation.settings import Attack, Evaluation
from purifax.threat import L1, L2, Linf, Threat
from purifax.transform.remat import Scan
from purifax.types import Attack as Attacker
from purifax.types import Loss, Model

__all__ = [
    "ANSWERING",
    "AUTO",
    "LOSSES",
    "STARTS",
    "STEPPED",
    "World",
    "at_once",
    "bind",
    "check",
    "check_budget",
    "check_classes",
    "components",
    "fixed_key",
    "iterates",
    "one_run",
    "seen",
    "selected",
    "threat",
]

LOSSES = {name: Partial(getattr(classify, name)) for name in checks.LOSSES}
STARTS = {name: Partial(getattr(attack, f"at_{name}")) for name in checks.STARTS}
THREATS = {"Linf": Linf, "L2": L2, "L1": L1}


def threat(config: Evaluation, radius: float) -> Threat:
    """The threat model at a radius."""
    return THREATS[config.threat](radius=radius)


def bind(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    """The attack `(key, x, label) -> x_adv`."""
    return _BINDERS.get(name, _ascent)(name, budget, world, threat)


def _ascent(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    """PGD or APGD on the model the attack sees."""
    common = _common(budget, threat) | {"model": seen(name, budget, world)}
    if name in SELF_STEPPING:
        once, path = attack.apgd, attack.apgd_path
        common["checkpoints"] = attack.apgd_checkpoints(budget.steps)
        common["first_step"] = budget.step_size
    else:
        once, path = attack.pgd, attack.pgd_path
        common["step_sizes"] = _step_sizes(budget, threat)
    once, path = Partial(once, **common), Partial(path, **common)
    return selected(budget, once, path, judge(name, budget, world), common["loss"])


def _common(budget: Attack, threat: Threat) -> dict[str, Any]:
    loss, start = LOSSES[budget.loss], STARTS[budget.start]
    return {"threat": threat, "loss": loss, "start": start}


def _step_sizes(budget: Attack, threat: Threat) -> Array:
    return jnp.full(budget.steps, budget.step_size * threat.radius)


def _joint(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    return Partial(
        attack.joint,
        **_common(budget, threat),
        model=seen(name, budget, world),
        step_sizes=_step_sizes(budget, threat),
        guide=_guide(name, budget, world),
    )


def _vote(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    del name
    return Partial(
        attack.sign_vote,
        purifier=world.purifier(),
        classifier=world.classifier,
        draws=jnp.arange(budget.eot),
        threat=threat,
        loss=LOSSES[budget.loss],
        step_sizes=_step_sizes(budget, threat),
        axis=world.axis(budget.eot),
    )


def _spsa(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    return Partial(
        attack.spsa,
        **_common(budget, threat),
        model=seen(name, budget, world),
        step_sizes=_step_sizes(budget, threat),
        directions=jnp.arange(budget.directions),
    )


def _square(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    return Partial(
        attack.square,
        model=seen(name, budget, world),
        shares=attack.square_shares(budget.steps, span=budget.steps),
        threat=threat,
        loss=LOSSES[budget.loss],
    )


def _random(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    return Partial(
        attack.random_search,
        **_common(budget, threat),
        model=seen(name, budget, world),
        tries=jnp.arange(budget.steps),
    )


def _deviate(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    del name
    states = defences.paths(world.defence, world.prior)
    return Partial(
        attack.deviate,
        **_common(budget, threat),
        path=states.path,
        reference=states.reference,
        classifier=world.classifier,
        step_sizes=_step_sizes(budget, threat),
        steps=jnp.arange(1, states.steps + 1),
        draws=jnp.arange(budget.eot),
        axis=world.axis(budget.eot),
        weight=budget.weight,
    )


def _hammer(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    """A run with each of the published losses; the best of them is kept."""
    common = _common(budget, threat) | {
        "purifier": world.purifier(),
        "classifier": world.classifier,
        "step_sizes": _step_sizes(budget, threat),
        "draws": jnp.arange(budget.eot),
        "axis": world.axis(budget.eot),
    }
    losses = [LOSSES[loss] for loss in ("margin", "cross_entropy", "dlr")]
    runs = tuple(Partial(attack.hammer, **common | {"loss": loss}) for loss in losses)
    return Partial(_best, attacks=runs, judge=judge(name, budget, world))


def _best(
    key: Array,
    x: Array,
    label: Array,
    attacks: tuple[Partial, ...],
    judge: Model,
    scan: Scan = jax.lax.scan,
) -> Array:
    """Of the images of several attacks that of highest expected margin."""
    k_attacks, k_judge = jax.random.split(key)
    found = [
        run(jax.random.fold_in(k_attacks, i), x, label, scan=scan)
        for i, run in enumerate(attacks)
    ]
    loss = LOSSES["margin"]
    return attack.choose(k_judge, jnp.stack(found), label, judge, loss=loss)[0]


_BINDERS: dict[str, Callable[[str, Attack, World, Threat], Attacker]] = {
    "joint_score": _joint,
    "joint_full": _joint,
    "vote": _vote,
    "spsa": _spsa,
    "square": _square,
    "random": _random,
    "deviate": _deviate,
    "hammer": _hammer,
}


def selected(
    budget: Attack, once: Attacker, path: Partial, judge: Model, loss: Loss
) -> Attacker:
    """An attack, with the best of some iterates and of some restarts if asked for."""
    if budget.candidates > 1:
        places = np.linspace(budget.steps, 0, budget.candidates, endpoint=False)
        once = Partial(
            attack.best_iterate,
            path=path,
            judge=judge,
            candidates=jnp.array(np.round(places), jnp.int32),
            loss=loss,
        )
    if budget.restarts == 1:
        return once
    return Partial(
        attack.best_of_restarts,
        attack=once,
        judge=judge,
        restarts=jnp.arange(budget.restarts),
        loss=loss,
    )


def iterates(
    name: str, budget: Attack, world: World, threat: Threat, places: Array
) -> Attacker:
    """A PGD attack of `STEPPED` that returns the iterates at `places`, [K, H, W, C]."""
    path = Partial(
        attack.pgd_path,
        threat=threat,
        loss=LOSSES[budget.loss],
        step_sizes=jnp.full(budget.steps, budget.step_size * threat.radius),
        model=seen(name, budget, world),
        start=STARTS[budget.start],
    )
    return Partial(_iterates, path=path, places=places)


def _iterates(
    key: Array, x: Array, label: Array, path: Partial, places: Array
) -> Array:
    return path(key, x, label)[places]


def components(
    name: str, budget: Attack, world: World, threat: Linf | L2 | L1, classes: int
) -> tuple[dict[str, Attacker], Model]:
    """The attacks of an AutoAttack version, and the model that judges its images.

    The published versions are judged by one run, `stochastic` by `budget.judge` runs.
    """
    model = apart(world, one_run(world), 1)
    found = attack.components(
        AUTO[name],
        threat,
        classes,
        model=one_run(world) if AUTO[name] in ("rand", "stochastic") else model,
        iterations=budget.steps,
        queries=budget.queries,
        draws=budget.eot,
        judged=budget.judge,
        axis=world.axis(budget.eot),
        judging=world.axis(budget.judge),
    )
    draws = budget.judge if AUTO[name] == "stochastic" else 1
    return found, apart(world, one_run(world), draws)


def fixed_key(budget: Attack, world: World, threat: Threat, keys: int) -> Partial:
    """`(key, x, label, secret)`: PGD on the answers whose noise is known.

    Returns the images [M, H, W, C], and the logits [M, S, K] of the runs behind each.
    """
    model = apart(world, one_run(world))
    pgd = Partial(
        attack.pgd,
        **_common(budget, threat),
        step_sizes=_step_sizes(budget, threat),
    )
    return Partial(attack.fixed_key, attack=pgd, model=model, answers=jnp.arange(keys))


def _guide(name: str, budget: Attack, world: World) -> Partial:
    if name == "joint_score":
        level = world.defence.level
        return Partial(attack.scaled_direction, score=world.score, level=level)
    draws = jnp.arange(budget.eot)
    return Partial(attack.pull, purifier=world.purifier(), draws=draws)
