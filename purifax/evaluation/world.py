"""A defence with its networks, in the forms that an evaluation asks for."""

import inspect
from dataclasses import dataclass
from typing import Any

from jax import Array
from jax.tree_util import Partial

from purifax import classify
from purifax.attack import Target
from purifax.attack.target import takes_scan
from purifax.evaluation.attacks import needs
from purifax.purify.prior import Prior, States
from purifax.transform.remat import Scan
from purifax.types import Classifier, Model, Purifier, Score

__all__ = ["World"]


@dataclass(frozen=True)
class World:
    """A classifier behind a purifier.

    Attributes:
        recipe: of the purifier; None where there is none.
        prior: what the purifier is built from.
        classifier: `(x) -> logits`.
        surrogate: another classifier, for attacks that transfer.
        samples: purification samples that are pooled in one answer.
        keys: under which every answer is given.
        shares: devices that share the EOT samples of an attack.
        scan: what exact gradients keep of a chain; None leaves it to the purifier.
    """

    recipe: Any
    prior: Prior
    classifier: Classifier
    surrogate: Classifier | None = None
    samples: int = 1
    keys: int = 1
    shares: int = 1
    scan: Scan | None = None

    @property
    def score(self) -> Score | None:
        """The score, where the purifier has one."""
        return None if self.recipe is None else self.prior.score

    @property
    def level(self) -> float:
        """The noise level at which the score is looked at."""
        level = getattr(self.recipe, "level", None)
        return level if isinstance(level, int | float) else 0.25

    @property
    def chain(self) -> bool:
        """Whether the purifier runs its steps by a `scan` that it is given."""
        if self.recipe is None:
            return False
        if hasattr(self.recipe, "place"):
            return "scan" in inspect.signature(self.recipe.call).parameters
        return takes_scan(self.recipe.build(self.prior))

    def evaluations(self) -> int | None:
        """Forward passes of any network for one purification sample, if known."""
        if self.recipe is None:
            return 1
        calls = self.recipe.calls()
        return None if calls is None else calls + 1

    def target(self) -> Target:
        """What attacks are built against."""
        common: dict[str, Any] = {
            "classifier": self.classifier,
            "surrogate": self.surrogate,
            "samples": self.samples,
            "keys": self.keys,
            "shares": self.shares,
            "scan": self.scan,
        }
        if self.recipe is None:
            return Target(**common)
        return Target(
            **common,
            purifier=self.recipe.build(self.prior),
            frozen=self._form("build_frozen"),
            short=self._short if hasattr(self.recipe, "build_short") else None,
            steps=getattr(self.recipe, "steps", None),
            states=self.states(),
            score=self.score,
            level=self.level,
            knobs=getattr(self.recipe, "knobs", None),
            chain=self.chain,
        )

    def _form(self, name: str) -> Purifier | None:
        build = getattr(self.recipe, name, None)
        return None if build is None else build(self.prior)

    def _short(self, steps: int) -> Purifier:
        return self.recipe.build_short(self.prior, steps)

    def states(self) -> States | None:
        """The states of a run, of a purifier that gives them."""
        return self._form("states")  # type: ignore[return-value]

    def fast(self) -> Purifier:
        """The purifier where no gradient is wanted."""
        if self.recipe is None:
            return self.target().forward()
        return self._form("build_fast") or self.recipe.build(self.prior)

    def answering(self) -> Model:
        """`(key, x) -> logits [S, K]`: every purification sample of an answer."""
        return self.each(self.fast())

    def each(self, purifier: Any, run: Any = classify.defend, **more: Any) -> Model:
        """The samples of an answer apart, of one form of the purifier."""
        target = self.target()
        model = Partial(run, purifier=purifier, classifier=self.classifier, **more)
        found = target.each(model, self.samples)
        bound = {k: v for k, v in found.keywords.items() if k != "axis"}  # type: ignore[attr-defined]
        return Partial(classify.each, **bound)

    def pooled(self, pooling: str) -> Model:
        """The defended model: the samples of an answer, pooled by a rule."""
        rules = {
            "probabilities": classify.mean_probabilities,
            "logits": classify.mean_logits,
            "vote": classify.vote,
        }
        return Partial(rules[pooling], **self.answering().keywords)  # type: ignore[attr-defined]

    def scored(self) -> bool:
        """Whether the purifier needs a score."""
        return "score" in needs(self.recipe)

    def knobs(self) -> dict[str, Array] | None:
        """Numbers that differ from sample to sample."""
        knobs = getattr(self.recipe, "knobs", None)
        return knobs(self.samples) if knobs else None
