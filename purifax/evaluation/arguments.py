"""From what a caller of `evaluate` means to the fields of a config."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from purifax import data
from purifax.evaluation import networks
from purifax.evaluation.attacks import ATTACKS
from purifax.evaluation.settings import Evaluation
from purifax.recipe.kinds import ATTACK, Kind, is_recipe
from purifax.recipe.spelling import nearest
from purifax.run import lookup, recipes
from purifax.run.config import make
from purifax.threat import L1, L2, Linf

__all__ = ["check_worker", "fields", "limits", "recipe", "shown", "under", "word"]


def shown(images: data.Images, classifier: Any, names: Any) -> data.Images:
    """The images with as many names as the classifier has classes.

    Raises:
        ValueError: fewer names are given than the classifier has classes.
    """
    shape = images.images.shape[1:]
    count = networks.classes(networks.classifier(classifier, shape), shape)
    if names is None:
        names = map(str, range(max(count, len(images.names))))
        return replace(images, names=tuple(names))
    if len(names) < count:
        raise ValueError(
            f"names has {len(names)} names, and the classifier tells {count} classes "
            "apart."
        )
    return images


def limits(threat: Any) -> tuple[str, float]:
    """The name of a threat and its radius; None stands for Linf of 8/255.

    Raises:
        ValueError: it is no threat, or its radius is no number.
    """
    threat = Linf(radius=8 / 255) if threat is None else threat
    if not isinstance(threat, Linf | L2 | L1):
        raise ValueError(
            "threat is Linf, L2 or L1 of purifax.threat with its radius, as in "
            f"Linf(0.1); got {threat!r}."
        )
    try:
        return type(threat).__name__, float(threat.radius)
    except (TypeError, ValueError):
        raise ValueError(
            f"the radius of a threat is a number; got {threat.radius!r}."
        ) from None


def check_worker(worker: Any, workdir: Any) -> None:
    """Refuses a worker that is none of its number, or one without a work directory.

    Raises:
        ValueError: it is.
    """
    whole = isinstance(worker, tuple | list) and len(worker) == 2
    if not whole or any(type(number) is not int for number in worker):
        raise ValueError(
            "worker is this process and how many there are, such as (0, 4); got "
            f"{worker!r}."
        )
    if not 0 <= worker[0] < worker[1]:
        raise ValueError(
            f"worker is (0, {worker[1]}) to ({worker[1] - 1}, {worker[1]}); got "
            f"{tuple(worker)}."
        )
    if worker[1] > 1 and workdir is None:
        raise ValueError("workers share a work directory: give workdir=.")


def fields(more: Mapping[str, Any]) -> dict[str, Any]:
    """Further fields of the config.

    Raises:
        ValueError: there is none of this name.
    """
    known = [field.name for field in dataclasses.fields(Evaluation)]
    for name in more:
        if name not in known:
            raise ValueError(f"evaluate has no argument {name!r}{nearest(name, known)}")
    return dict(more)


def recipe(kind: Kind, wanted: Any) -> Any:
    """The recipe that a caller means by a name, a class, a recipe or a callable.

    Raises:
        ValueError: there is none of this name, or it is none of these.
    """
    if isinstance(wanted, str):
        return make(kind, wanted)
    if isinstance(wanted, type) and is_recipe(wanted):
        return wanted()
    if is_recipe(wanted):
        return wanted
    if not callable(wanted):
        raise ValueError(
            f"{kind.one} is a recipe, a name or a callable; got {type(wanted)}."
        )
    return recipes.own(kind, networks.called(wanted, kind.word), wanted)


def under(config: Evaluation, attacks: Any) -> Evaluation:
    """The config with its attacks, or under a protocol."""
    if isinstance(attacks, str):
        if attacks not in ATTACKS:
            return lookup.protocols().find(attacks, (Evaluation,), config)
        attacks = (attacks,)
    if is_recipe(attacks) or callable(attacks):
        attacks = (attacks,)
    if not isinstance(attacks, Iterable):
        raise ValueError(
            "attacks is a protocol, or a sequence or mapping of attacks; got "
            f"{attacks!r}."
        )
    if not isinstance(attacks, Mapping):
        attacks = _numbered(attacks)
    made = {name: _attack(wanted) for name, wanted in attacks.items()}
    return replace(config, attacks=made)


def _attack(wanted: Any) -> Any:
    """The attack that a caller means; see `recipe`."""
    if not isinstance(wanted, str) or ":" in wanted:
        return recipe(ATTACK, wanted)
    if wanted in ATTACKS:
        return ATTACKS[wanted]
    known = [name.lower() for name in recipes.known(ATTACK)]
    if wanted.lower().replace("_", "") in known:
        return recipe(ATTACK, wanted)
    raise ValueError(
        f"no attack is called {wanted!r}{nearest(wanted, [*ATTACKS, *known])}"
    )


def _numbered(attacks: Iterable[Any]) -> dict[str, Any]:
    """Attacks by their names; a second one of the same name gets a number."""
    found: dict[str, Any] = {}
    for wanted in attacks:
        name = wanted if isinstance(wanted, str) else word(wanted)
        name = name.rpartition(":")[2]
        alike = [known for known in found if known.partition("_")[0] == name]
        found[f"{name}_{len(alike) + 1}" if name in found else name] = wanted
    return found


def word(wanted: Any) -> str:
    """What a recipe or a callable is called in one word."""
    if hasattr(wanted, "place"):
        return wanted.place.rpartition(":")[2]
    if isinstance(wanted, type):
        return wanted.__name__.lower()
    if is_recipe(wanted):
        return type(wanted).__name__.lower()
    bare = getattr(wanted, "func", wanted)
    return getattr(bare, "__name__", type(bare).__name__).strip("<>")
