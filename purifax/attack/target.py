"""What an attack is built against: a defended model in the forms that attacks ask for.

An attack's recipe is given a `Target` and a threat, and takes from the target the model
whose loss it climbs, under the gradient it goes by:

    exact      reverse mode through every step of the purifier
    bpda       the identity in place of the purifier's gradient (BPDA)
    frozen     exact, with adaptive step sizes as constants
    one_step   that of the purifier's first step
    surrogate  that of a shorter purifier, whose images are attacked as well
    blind      none: the classifier alone
    transfer   none: another classifier alone

`REQUIRED` says what else an attack may need of a target, in words for an error.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import backward, classify
from purifax.transform.remat import Scan
from purifax.transform.shard_draws import Axis
from purifax.types import Classifier, Model, Purifier, Score

__all__ = ["REQUIRED", "Target", "takes_scan"]

REQUIRED = {
    "surrogate": (
        "needs a surrogate: the work directory, or the name, of another classifier"
    ),
    "purifier": "needs a purifier",
    "one_level": "needs a purifier with one noise level for all samples",
    "score": "follows the score, and there is none",
    "states": "needs the states of one run, which this purifier does not give",
    "frozen": (
        "freezes adaptive step sizes, and this purifier has none; it would be exact"
    ),
    "short": "needs a purifier that can be shortened",
}
"""What a target may lack, and how a sentence about an attack goes on then."""


@dataclass(frozen=True)
class Target:
    """A classifier and the purifier in front of it.

    Attributes:
        classifier: `(x) -> logits [K]`.
        purifier: with its exact gradient; None where there is none.
        frozen: the same with frozen step sizes, None where it has no adaptive ones.
        short: `short(steps) -> purifier`, None where it cannot be shortened.
        steps: of the purifier; None where it has no number of steps.
        states: the states of a run: `path`, `reference` and `steps`, or None.
        score: of the purifier, None where it has none.
        level: noise level at which the score is looked at.
        surrogate: another classifier, or None.
        samples: purification samples pooled in an answer.
        knobs: numbers of the purifier that differ from sample to sample.
        keys: under which every answer is given.
        chain: whether the purifier runs its steps by a `scan` that it is given.
        shares: devices that share the EOT samples of an attack.
        scan: what exact gradients keep of a chain; None leaves it to the purifier.
    """

    classifier: Classifier
    purifier: Purifier | None = None
    frozen: Purifier | None = None
    short: Callable[[int], Purifier] | None = None
    steps: int | None = None
    states: Any = None
    score: Score | None = None
    level: float = 0.25
    surrogate: Classifier | None = None
    samples: int = 1
    knobs: Callable[[int], Mapping[str, Array] | None] | None = None
    keys: int = 1
    chain: bool = False
    shares: int = 1
    scan: Scan | None = None

    def axis(self, samples: int) -> Axis | None:
        """The axis of the devices, if so many samples divide over several."""
        return None if self.shares == 1 or samples % self.shares else Axis("draw")

    def forward(self) -> Purifier:
        """The purifier; the identity where there is none."""
        return backward.blind(_nothing) if self.purifier is None else self.purifier

    def exact(self, purifier: Purifier | None = None) -> Purifier:
        """The purifier, or another form of it, with its exact gradient."""
        purifier = self.forward() if purifier is None else purifier
        return backward.exact(purifier, self.scan if self.chain else None)

    def through(self, gradient: str, steps: int = 0) -> Purifier:
        """The purifier under a gradient.

        Args:
            steps: of the shorter purifier of "surrogate"; 0 is half of its own.

        Raises:
            ValueError: the purifier has no such form.
        """
        if gradient == "exact":
            return self.exact()
        if gradient == "bpda":
            return backward.straight_through(self.forward())
        if self.purifier is None:
            return self.forward()
        if gradient == "frozen":
            if self.frozen is None:
                raise ValueError(f"This attack {REQUIRED['frozen']}.")
            return self.exact(self.frozen)
        if self.short is None:
            raise ValueError(f"This attack {REQUIRED['short']}.")
        if gradient == "one_step":
            return backward.surrogate(self.purifier, self.short(1))
        return self.short(steps or max(1, (self.steps or 1) // 2))

    def one_sample(self, purifier: Purifier | None = None) -> Model:
        """The model of one purification sample, with its exact gradient by default."""
        purifier = self.exact() if purifier is None else purifier
        return Partial(classify.defend, purifier=purifier, classifier=self.classifier)

    def model(
        self, gradient: str, eot: int, at_once: int | None = None, steps: int = 0
    ) -> Model:
        """`(key, x) -> logits [S, K]`, of every EOT sample under a gradient.

        Args:
            eot: EOT samples, S.
            at_once: samples in memory together, a divisor of S; all by default.
            steps: see `through`.
        """
        if gradient in ("blind", "transfer"):
            bare = self.classifier if gradient == "blind" else self.surrogate
            return Partial(classify.undefended, classifier=bare)
        model = self.one_sample(self.through(gradient, steps))
        return self.each(model, eot, at_once)

    def queried(self, eot: int, at_once: int | None = None) -> Model:
        """`model` for attacks that ask for answers alone."""
        return self.each(self.one_sample(self.forward()), eot, at_once)

    def judge(self, gradient: str, samples: int) -> Model:
        """The model that judges candidates: what the attack believes in."""
        if gradient in ("blind", "transfer"):
            return self.model(gradient, samples)
        return self.queried(samples)

    def each(self, model: Model, samples: int, at_once: int | None = None) -> Model:
        """The logits of so many samples of a model; devices share them if they divide.

        Args:
            model: of one sample.
        """
        draws = jnp.arange(samples)
        return Partial(
            classify.each,
            model=model,
            draws=draws.reshape(-1, at_once) if at_once else draws,
            knobs=self.knobs(samples) if self.knobs else None,
            axis=self.axis(at_once or samples),
        )


def _nothing(key: Array, x: Array) -> Array:
    del key
    return x


def takes_scan(fn: Callable[..., Any]) -> bool:
    """Whether a function runs its loop by a `scan` that it is given."""
    known = inspect.signature(fn).parameters
    return "scan" in known or any(p.kind is p.VAR_KEYWORD for p in known.values())
