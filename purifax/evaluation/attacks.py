"""Attacks of an evaluation: those that have a name of their own, and what fits what."""

from typing import Any

from purifax import attack
from purifax.attack import target
from purifax.recipe.kinds import settings
from purifax.threat import L1, L2, Linf, Threat

__all__ = [
    "ATTACKS",
    "budget",
    "calls",
    "check_attack",
    "check_classes",
    "fits",
    "needs",
    "shared",
    "threat",
]

ATTACKS: dict[str, Any] = {
    "blind": attack.PGD(gradient="blind"),
    "transfer": attack.PGD(gradient="transfer"),
    "bpda": attack.PGD(gradient="bpda", eot=15, start="image"),
    "approximate": attack.PGD(gradient="bpda", start="image"),
    "vote": attack.SignVote(),
    "joint_score": attack.Joint(guide="score"),
    "joint_full": attack.Joint(guide="full"),
    "unrolled": attack.PGD(gradient="one_step", eot=15, start="image"),
    "surrogate_steps": attack.SurrogatePGD(eot=15, start="image"),
    "held": attack.PGD(gradient="frozen", eot=20),
    "exact": attack.PGD(eot=20),
    "spsa": attack.SPSA(),
    "apgd": attack.APGD(),
    "apgd_held": attack.APGD(gradient="frozen", steps=10, eot=200, loss="margin"),
    "apgd_bpda": attack.APGD(gradient="bpda"),
    "square": attack.Square(),
    "random": attack.RandomSearch(),
    "deviate": attack.DiffAttack(),
    "hammer": attack.DiffHammer(),
    "fixed_key": attack.FixedKey(),
    "autoattack_standard": attack.AutoAttack(version="standard"),
    "autoattack_plus": attack.AutoAttack(version="plus"),
    "autoattack_rand": attack.AutoAttack(version="rand"),
    "autoattack_stochastic": attack.AutoAttack(version="stochastic"),
}
"""Attacks that a command line may name, with the numbers they have by default.

The name of an attack gives its keys, so it stays.
"""

_THREATS = {"Linf": Linf, "L2": L2, "L1": L1}


def threat(config: Any, radius: float) -> Threat:
    """The threat model of an evaluation at a radius."""
    return _THREATS[config.threat](radius=radius)


def needs(purifier: Any) -> tuple[str, ...]:
    """The parts of a prior that a purifier's recipe needs; none without a purifier."""
    return () if purifier is None else getattr(purifier, "needs", ("score",))


def check_attack(name: str, made: Any, config: Any) -> None:
    """Refuses an attack that does not fit the threat or the purifier.

    Raises:
        ValueError: it is made for other threats, or needs what is not there.
    """
    takes = getattr(made, "threats", tuple(_THREATS))
    if config.threat not in takes:
        raise ValueError(
            f"the attack {name} takes the threat {' or '.join(takes)}; got "
            f"{config.threat}."
        )
    has = _has(config)
    for part in getattr(made, "requires", ()):
        if part not in has:
            raise ValueError(f"the attack {name} {target.REQUIRED[part]}.")


def fits(name: str, made: Any, config: Any) -> bool:
    """Whether an attack fits the threat and the purifier."""
    try:
        check_attack(name, made, config)
    except ValueError:
        return False
    return True


def _has(config: Any) -> set[str]:
    """What the evaluation's target has, of what an attack may need."""
    purifier = config.purifier
    found = {"surrogate"} if config.surrogate else set()
    if purifier is None:
        return found | {"one_level", "frozen", "short"}
    found.add("purifier")
    if "score" in needs(purifier):
        found.add("score")
    if not hasattr(purifier, "knobs") or purifier.knobs(config.samples) is None:
        found.add("one_level")
    forms = {"states": "states", "frozen": "build_frozen", "short": "build_short"}
    return found | {part for part, form in forms.items() if hasattr(purifier, form)}


def check_classes(config: Any, classes: int) -> None:
    """Refuses attacks whose loss compares more classes than there are.

    Raises:
        ValueError: DLR with fewer than 3.
    """
    for name, made in config.named().items():
        inside = getattr(made, "least_classes", 2) > classes
        if inside or (classes < 3 and getattr(made, "loss", "") == "dlr"):
            raise ValueError(
                f"the attack {name} climbs dlr, which compares 3 classes; the "
                f"classifier has {classes}. "
                + ("Choose another." if inside else f"Set {name}.loss=margin.")
            )


def shared(made: Any, samples: int) -> int:
    """The EOT samples of an attack that devices may share; 1 where they may not.

    Args:
        samples: of an answer.
    """
    if hasattr(made, "shared"):
        return made.shared(samples)
    return getattr(made, "at_once", None) or getattr(made, "eot", 1)


def calls(made: Any, one: int | None, answers: int) -> int | None:
    """Forward passes of any network that an attack makes on one image, at most.

    A backward pass costs about two more; recomputation one more. None where they are
    not counted.

    Args:
        one: of the defended model for one purification sample; None if not known.
        answers: purification samples of all answers to an image.
    """
    return None if one is None else made.calls(one, answers)


def budget(made: Any, radius: float) -> dict[str, Any]:
    """The numbers of an attack as a report shows them, its step size in pixels."""
    found = made.budget() if hasattr(made, "budget") else settings(made)
    found = {n: v for n, v in found.items() if n not in ("at_once", "gradient")}
    if hasattr(made, "place"):
        return {}
    if "step_size" in found:
        found["step_size"] *= radius
    return found
