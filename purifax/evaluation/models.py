"""The models an attack sees: the defence under a gradient, its draws kept apart."""

from dataclasses import dataclass

from jax.tree_util import Partial

from purifax import backward, classify
from purifax.evaluation.checks import AUTO
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.settings import Attack, Defence
from purifax.purify.prior import Prior
from purifax.transform.remat import Scan
from purifax.transform.shard_draws import Axis
from purifax.types import Classifier, Model, Purifier, Score

__all__ = ["ANSWERING", "World", "apart", "at_once", "judge", "one_run", "seen"]

ANSWERING = ("fixed_key",)
"""Attacks with answers of their own, in place of those to the images they make."""


@dataclass(frozen=True)
class World:
    """What attacks are made from.

    Attributes:
        prior: None where the defence has no purifier.
        limit: the threshold of a detecting defence, or 0.
        surrogate: another classifier, for "transfer".
        shares: devices that share the draws of an attack.
        scan: what exact gradients keep of a chain; None leaves it to the purifier.
    """

    defence: Defence
    prior: Prior | None
    classifier: Classifier
    limit: float = 0.0
    surrogate: Classifier | None = None
    shares: int = 1
    scan: Scan | None = None

    def axis(self, draws: int) -> Axis | None:
        """The axis of these devices, if so many draws divide over several."""
        return None if self.shares == 1 or draws % self.shares else Axis("draw")

    @property
    def score(self) -> Score | None:
        """The score, where the defence has a purifier."""
        return self.prior and self.prior.score

    def purifier(self, *, held: bool = False, steps: int | None = None) -> Purifier:
        """The defence's purifier, in the form that has a gradient."""
        return defences.purifier(
            self.defence, self.prior, self.limit, held=held, steps=steps
        )

    def exact(self, *, held: bool = False) -> Purifier:
        """The purifier with its exact gradient."""
        scan = self.scan if defences.has_chain(self.defence) else None
        return backward.exact(self.purifier(held=held), scan)


def one_run(world: World) -> Model:
    """One run of the defence, with its exact gradient."""
    return defences.run(world.exact(), world.classifier)


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
        "held": lambda: world.exact(held=True),
        "exact": world.exact,
        "spsa": world.purifier,
        "apgd": world.exact,
        "apgd_held": lambda: world.exact(held=True),
        "apgd_bpda": lambda: backward.straight_through(world.purifier()),
        "square": world.purifier,
        "random": world.purifier,
        "fixed_key": world.exact,
    }
    model = defences.run(purifiers[name](), world.classifier)
    found = defences.ensemble(
        world.defence, model, classify.each, budget.eot, at_once=budget.at_once
    )
    axis = world.axis(budget.at_once or budget.eot)
    return Partial(found.func, **found.keywords, axis=axis)


def apart(world: World, model: Model, runs: int | None = None) -> Model:
    """The logits of so many runs, of the defence's own number by default.

    Devices that share draws share these, where they divide.
    """
    found = defences.ensemble(world.defence, model, classify.each, runs)
    axis = world.axis(runs or world.defence.runs)
    return Partial(found.func, **found.keywords, axis=axis)


def at_once(name: str, budget: Attack, runs: int) -> int:
    """The draws of an attack that devices may share; 1 where they may not.

    Args:
        runs: of the defence, which are the draws where its answers are followed.
    """
    if name in AUTO:
        return budget.eot if AUTO[name] in ("rand", "stochastic") else 1
    if name in ("blind", "transfer"):
        return 1
    return runs if name in ANSWERING else budget.at_once or budget.eot


def _shorter(budget: Attack, defence: Defence) -> int:
    """Steps of the surrogate purifier."""
    return budget.shorter or max(1, defence.steps // 2)


def judge(name: str, budget: Attack, world: World) -> Model:
    """The model that scores candidates: what the attack believes in, forward only."""
    if name in ("blind", "transfer"):
        return seen(name, budget, world)
    model = defences.run(world.purifier(), world.classifier)
    return apart(world, model, budget.judge)
