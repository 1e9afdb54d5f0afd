"""From the name and budget of an attack to a bound one-image attack."""

from dataclasses import dataclass

import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.lib import defence as defences
from experiments.lib.config_evaluation import (
    ATTACKS,
    Attack,
    Defence,
    Evaluation,
    Surface,
)
from experiments.lib.overrides import nearest
from purifax import attack, backward, classify
from purifax.threat import L2, Linf, Threat
from purifax.types import Attack as Attacker
from purifax.types import Classifier, Loss, Model, Purifier, Score

__all__ = [
    "LOSSES",
    "STEPPED",
    "World",
    "bind",
    "check",
    "check_budget",
    "cost",
    "iterates",
    "seen",
    "selected",
    "threat",
]

LOSSES = {
    "cross_entropy": Partial(classify.cross_entropy),
    "margin": Partial(classify.margin),
    "dlr": Partial(classify.dlr),
}
STARTS = {
    "random": Partial(attack.at_random),
    "surface": Partial(attack.at_surface),
    "image": Partial(attack.at_image),
}
THREATS = {"Linf": Linf, "L2": L2}
SIGNED = ("vote", "joint_score", "joint_full")
STEPPED = (
    "blind",
    "transfer",
    "bpda",
    "approximate",
    "unrolled",
    "surrogate_steps",
    "held",
    "exact",
)
SELF_STEPPING = ("apgd", "apgd_held", "apgd_bpda")


@dataclass(frozen=True)
class World:
    """What attacks are made from.

    Attributes:
        limit: the threshold of a detecting defence, or 0.
        surrogate: another classifier, for "transfer".
    """

    defence: Defence
    score: Score
    classifier: Classifier
    limit: float = 0.0
    surrogate: Classifier | None = None

    def purifier(self, *, held: bool = False, steps: int | None = None) -> Purifier:
        """The defence's purifier, in the form that has a gradient."""
        return defences.purifier(
            self.defence, self.score, self.limit, held=held, steps=steps
        )


def check(config: Evaluation) -> None:
    """Refuses attacks that cannot be run.

    Raises:
        ValueError: an unknown name, or a budget that makes no sense.
    """
    if config.threat not in THREATS:
        words = nearest(config.threat, tuple(THREATS))
        raise ValueError(f"threat is {config.threat!r}, which is unknown{words}")
    for name in (*config.attacks, *config.swept):
        if name not in ATTACKS:
            raise ValueError(
                f"no attack is called {name!r}{nearest(name, tuple(ATTACKS))}"
            )
        check_budget(name, getattr(config, name))
        if name in SIGNED and config.threat != "Linf":
            raise ValueError(
                f"the attack {name} is made of signs: threat must be Linf."
            )
    if "transfer" in (*config.attacks, *config.swept) and not config.surrogate:
        raise ValueError(
            "the attack transfer needs --config.surrogate, the work directory of "
            "another classifier."
        )
    _check_surface(config.surface)


def _check_surface(asked: Surface) -> None:
    """Equal steps, and numbers that rise."""
    for name in ("steps", "eot", "restarts"):
        values = getattr(asked, name)
        if any(v < 1 for v in values) or list(values) != sorted(set(values)):
            raise ValueError(f"surface.{name} must rise from 1 or more; got {values}.")
    if bool(asked.steps) != bool(asked.eot):
        raise ValueError("surface.steps and surface.eot must be given together.")
    if (asked.steps or asked.restarts) and asked.attack not in STEPPED:
        known = ", ".join(STEPPED)
        raise ValueError(
            f"surface.attack is {asked.attack!r}; it must be one of {known}."
        )
    if asked.images < 1:
        raise ValueError(f"surface.images must be 1 or more; got {asked.images}.")


def check_budget(name: str, budget: Attack) -> None:
    """Refuses the budget of one attack; `name` is its field, for the error."""
    for field, known in (("loss", LOSSES), ("start", STARTS)):
        value = getattr(budget, field)
        if value not in known:
            words = nearest(value, tuple(known))
            raise ValueError(f"{name}.{field} is {value!r}, which is unknown{words}")
    for field in ("steps", "eot", "restarts", "candidates", "judge"):
        if getattr(budget, field) < 1:
            got = getattr(budget, field)
            raise ValueError(f"{name}.{field} must be 1 or more; got {got}.")
    if name == "spsa" and budget.directions < 1:
        raise ValueError("spsa.directions must be 1 or more.")


def threat(config: Evaluation, radius: float) -> Threat:
    """The threat model at a radius."""
    return THREATS[config.threat](radius=radius)


def bind(name: str, budget: Attack, world: World, threat: Threat) -> Attacker:
    """The attack `(key, x, label) -> x_adv`."""
    common = {"threat": threat, "loss": LOSSES[budget.loss]}
    if name == "square":
        shares = attack.square_shares(budget.steps, span=budget.steps)
        model = seen(name, budget, world)
        return Partial(attack.square, model=model, shares=shares, **common)
    if name in SELF_STEPPING:
        common["checkpoints"] = attack.apgd_checkpoints(budget.steps)
        common["first_step"] = budget.step_size
    else:
        step_size = budget.step_size * threat.radius
        common["step_sizes"] = jnp.full(budget.steps, step_size)
    if name == "vote":
        return Partial(
            attack.sign_vote,
            purifier=world.purifier(),
            classifier=world.classifier,
            draws=jnp.arange(budget.eot),
            **common,
        )
    common |= {"model": seen(name, budget, world), "start": STARTS[budget.start]}
    if name in ("joint_score", "joint_full"):
        return Partial(attack.joint, guide=_guide(name, budget, world), **common)
    if name == "spsa":
        directions = jnp.arange(budget.directions)
        return Partial(attack.spsa, directions=directions, **common)
    if name in SELF_STEPPING:
        once, path = attack.apgd, attack.apgd_path
    else:
        once, path = attack.pgd, attack.pgd_path
    judge, loss = _judge(name, budget, world), common["loss"]
    once, path = Partial(once, **common), Partial(path, **common)
    return selected(budget, once, path, judge, loss)


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


def seen(name: str, budget: Attack, world: World) -> Model:
    """The model whose loss the attack climbs: every draw's logits."""
    if name == "blind":
        return Partial(classify.undefended, classifier=world.classifier)
    if name == "transfer":
        return Partial(classify.undefended, classifier=world.surrogate)
    first = world.purifier(steps=1)
    shorter = world.purifier(steps=max(1, world.defence.steps // 2))
    purifiers = {
        "bpda": lambda: backward.straight_through(world.purifier()),
        # The classifier's gradient at one purified image.
        "approximate": lambda: backward.straight_through(world.purifier()),
        "joint_score": lambda: backward.straight_through(world.purifier()),
        "joint_full": lambda: backward.straight_through(world.purifier()),
        "unrolled": lambda: backward.surrogate(world.purifier(), first),
        "surrogate_steps": lambda: shorter,
        "held": lambda: backward.exact(world.purifier(held=True)),
        "exact": lambda: backward.exact(world.purifier()),
        "spsa": world.purifier,
        "apgd": lambda: backward.exact(world.purifier()),
        "apgd_held": lambda: backward.exact(world.purifier(held=True)),
        "apgd_bpda": lambda: backward.straight_through(world.purifier()),
        "square": world.purifier,
    }
    model = defences.run(purifiers[name](), world.classifier)
    return defences.ensemble(world.defence, model, classify.each, budget.eot)


def _judge(name: str, budget: Attack, world: World) -> Model:
    """The model that scores candidates: what the attack believes in, forward only."""
    if name in ("blind", "transfer"):
        return seen(name, budget, world)
    model = defences.run(world.purifier(), world.classifier)
    return defences.ensemble(world.defence, model, classify.each, budget.judge)


def _guide(name: str, budget: Attack, world: World) -> Partial:
    if name == "joint_score":
        level = world.defence.level
        return Partial(attack.scaled_direction, score=world.score, level=level)
    draws = jnp.arange(budget.eot)
    return Partial(attack.pull, purifier=world.purifier(), draws=draws)


def cost(name: str, budget: Attack, defence: Defence) -> int:
    """Forward passes of any network that the attack makes on one image, at most.

    A backward pass costs about two more; recomputation one more.
    """
    one = 1 if name in ("blind", "transfer") else defences.evaluations(defence)
    queries = {"spsa": 2 * budget.directions, "square": 2}.get(name, 1)
    steps = budget.steps + (name in SELF_STEPPING)
    extra = {"joint_score": 1, "joint_full": one * budget.eot}.get(name, 0)
    climb = steps * (one * budget.eot * queries + extra)
    judged = budget.candidates if budget.candidates > 1 else 0
    total = budget.restarts * (climb + judged * one * budget.judge)
    return total + (budget.restarts * one * budget.judge if budget.restarts > 1 else 0)
