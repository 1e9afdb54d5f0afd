"""Refuses attacks that cannot be run, before anything is loaded."""

from purifax.evaluation.methods import defence as defences
from purifax.evaluation.settings import ATTACKS, Attack, Evaluation, Surface
from purifax.recipe import nearest

__all__ = [
    "AUTO",
    "LOSSES",
    "SELF_STEPPING",
    "STARTS",
    "STEPPED",
    "check",
    "check_budget",
    "check_classes",
]

LOSSES = ("cross_entropy", "margin", "dlr")
STARTS = ("random", "surface", "image")
THREATS = ("Linf", "L2", "L1")
SIGNED = ("vote", "joint_score", "joint_full")
SELF_STEPPING = ("apgd", "apgd_held", "apgd_bpda")
PATHS = ("hammer", "deviate")
"""Made for a purifier's path or its runs: they take it apart themselves."""

HELD = ("held", "apgd_held")

AUTO = {
    "autoattack_standard": "standard",
    "autoattack_plus": "plus",
    "autoattack_rand": "rand",
    "autoattack_stochastic": "stochastic",
}
"""AutoAttack by the name of its version in `purifax.attack.components`."""

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
"""PGD, whose iterates are those of any longer run."""


def check(config: Evaluation) -> None:
    """Refuses attacks that cannot be run.

    Raises:
        ValueError: an unknown name, or a budget that makes no sense.
    """
    if config.threat not in THREATS:
        words = nearest(config.threat, THREATS)
        raise ValueError(f"threat is {config.threat!r}, which is unknown{words}")
    for name in (*config.attacks, *config.swept):
        if name not in ATTACKS:
            raise ValueError(
                f"no attack is called {name!r}{nearest(name, tuple(ATTACKS))}"
            )
        check_budget(name, getattr(config, name))
        _check_fit(name, config)
    if "transfer" in (*config.attacks, *config.swept) and not config.surrogate:
        raise ValueError(
            "the attack transfer needs --config.surrogate, the work directory of "
            "another classifier."
        )
    _check_surface(config.surface)


def _check_fit(name: str, config: Evaluation) -> None:
    """The attack exists for this threat and this defence."""
    defence = config.defence
    if name in SIGNED and config.threat != "Linf":
        raise ValueError(f"the attack {name} is made of signs: threat must be Linf.")
    if name in (*SELF_STEPPING, "hammer") and config.threat == "L1":
        raise ValueError(
            f"the attack {name} takes Linf or L2; for L1 there are exact and the "
            "autoattack versions, whose APGD is that of L1."
        )
    if name in PATHS and (
        defence.method == "none" or (defence.method == "adaptive" and defence.sigmas)
    ):
        raise ValueError(f"the attack {name} needs a purifier with one noise level.")
    if defence.method == "none":
        return
    method = defences.method(defence)
    if name == "deviate" and method.paths is None:
        able = [name for name, one in defences.METHODS.items() if one.paths]
        raise ValueError(
            f"the attack deviate needs the states of one way down: defence.method must "
            f"be {' or '.join(able)}."
        )
    if name in HELD and not method.adaptive and defence.method != "one_step":
        raise ValueError(
            f"the attack {name} holds adaptive step sizes constant, and "
            f"defence.method={defence.method} has none; it would be exact."
        )


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


def check_classes(config: Evaluation, classes: int) -> None:
    """Refuses attacks whose loss compares more classes than there are.

    Raises:
        ValueError: DLR with fewer than 3.
    """
    if classes >= 3:
        return
    for name in (*config.attacks, *config.swept):
        inside = name == "hammer"
        if inside or (name not in AUTO and getattr(config, name).loss == "dlr"):
            raise ValueError(
                f"the attack {name} climbs dlr, which compares 3 classes; the "
                f"classifier has {classes}. "
                + ("Choose another." if inside else f"Set {name}.loss=margin.")
            )


def check_budget(name: str, budget: Attack) -> None:
    """Refuses the budget of one attack; `name` is its field, for the error."""
    for field, known in (("loss", LOSSES), ("start", STARTS)):
        value = getattr(budget, field)
        if value not in known:
            words = nearest(value, known)
            raise ValueError(f"{name}.{field} is {value!r}, which is unknown{words}")
    if name == "random" and budget.start == "image":
        raise ValueError("random.start must draw a point: 'random' or 'surface'.")
    for field in ("steps", "eot", "restarts", "candidates", "judge"):
        if getattr(budget, field) < 1:
            got = getattr(budget, field)
            raise ValueError(f"{name}.{field} must be 1 or more; got {got}.")
    if budget.at_once is not None and not 0 < budget.at_once <= budget.eot:
        raise ValueError(
            f"{name}.at_once must be from 1 to {name}.eot={budget.eot}; got "
            f"{budget.at_once}."
        )
    if budget.at_once and budget.eot % budget.at_once:
        raise ValueError(
            f"{name}.at_once={budget.at_once} does not divide {name}.eot={budget.eot}."
        )
    if budget.shorter < 0:
        raise ValueError(f"{name}.shorter must be 0 or more; got {budget.shorter}.")
    if name in AUTO and budget.queries < 1:
        raise ValueError(f"{name}.queries must be 1 or more; got {budget.queries}.")
    if name == "spsa" and budget.directions < 1:
        raise ValueError("spsa.directions must be 1 or more.")
