"""The models an attack sees: the defence under a gradient, its draws kept apart."""

from dataclasses import dataclass

from jax.tree_util import Partial

from experiments.lib import defence as defences
from experiments.lib.config_evaluation import Attack, Defence
from experiments.lib.prior import Prior
from purifax import backward, classify
from purifax.spread import Axis
from purifax.types import Classifier, Model, Purifier, Score

__all__ = ["World", "judge", "one_run", "seen"]


@dataclass(frozen=True)
class World:
    """What attacks are made from.

    Attributes:
        prior: None where the defence has no purifier.
        limit: the threshold of a detecting defence, or 0.
        surrogate: another classifier, for "transfer".
        shares: devices that share the draws of an attack.
    """

    defence: Defence
    prior: Prior | None
    classifier: Classifier
    limit: float = 0.0
    surrogate: Classifier | None = None
    shares: int = 1

    @property
    def axis(self) -> Axis | None:
        """The axis of these devices, if there are several."""
        return Axis("draw") if self.shares > 1 else None

    @property
    def score(self) -> Score | None:
        """The score, where the defence has a purifier."""
        return self.prior and self.prior.score

    def purifier(self, *, held: bool = False, steps: int | None = None) -> Purifier:
        """The defence's purifier, in the form that has a gradient."""
        return defences.purifier(
            self.defence, self.prior, self.limit, held=held, steps=steps
        )


def one_run(world: World) -> Model:
    """One run of the defence, with its exact gradient."""
    return defences.run(backward.exact(world.purifier()), world.classifier)


def seen(name: str, budget: Attack, world: World) -> Model:
    """The model whose loss the attack climbs: every draw's logits."""
    if name == "blind":
        return Partial(classify.undefended, classifier=world.classifier)
    if name == "transfer":
        return Partial(classify.undefended, classifier=world.surrogate)
    first = world.purifier(steps=1)
    shorter = world.purifier(steps=_shorter(budget, world.defence))
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
        "random": world.purifier,
        "fixed_key": lambda: backward.exact(world.purifier()),
    }
    model = defences.run(purifiers[name](), world.classifier)
    found = defences.ensemble(
        world.defence, model, classify.each, budget.eot, at_once=budget.at_once
    )
    return Partial(found.func, **found.keywords, axis=world.axis)


def _shorter(budget: Attack, defence: Defence) -> int:
    """Steps of the surrogate purifier."""
    return budget.shorter or max(1, defence.steps // 2)


def judge(name: str, budget: Attack, world: World) -> Model:
    """The model that scores candidates: what the attack believes in, forward only."""
    if name in ("blind", "transfer"):
        return seen(name, budget, world)
    model = defences.run(world.purifier(), world.classifier)
    return defences.ensemble(world.defence, model, classify.each, budget.judge)
