"""EM: error-minimising noise, alternated with the training of a network on it.

    theta <- updates on x + delta,   delta_i <- PGD descent of L(f(x_i + delta_i), y_i)

until the network makes hardly any error on x + delta: nothing is left to learn.
x + delta stays in [0, 1] here, as it will be stored; in the released code it does not.

Source: Huang et al. 2021, arXiv 2101.04898, and its released code: 10 updates of 512
images, then a sweep of 20 steps of a tenth of the radius over all of them; no
augmentation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.attack import pgd
from purifax.attack.checks import attacking
from purifax.attack.pgd_attack import gradient
from purifax.classify import cross_entropy
from purifax.poison.budget import in_ball
from purifax.poison.building import everywhere, model_of, rows
from purifax.poison.context import Context
from purifax.poison.fields import Share, Surrogate
from purifax.poison.injection import Poison
from purifax.poison.maker import through
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.transform.batching import batched
from purifax.types import Model, Purifier

__all__ = [
    "EM",
    "error_minimising",
    "error_minimising_by_class",
    "own_loss",
]


@checks.checked()
def own_loss(logits: Array, label: Array) -> Array:
    """Minus the cross-entropy: climbing it makes the model surer of the label, [].

    >>> round(float(own_loss(jnp.zeros(2), jnp.array(0))), 4)
    -0.6931
    """
    return -cross_entropy(logits, label)


@attacking()
def error_minimising(
    key: Array,
    x: Array,
    label: Array,
    delta: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
) -> Array:
    """Error-minimising noise for a model as it is, from the noise there is.

    Args:
        delta: like x; zeros at first.
        model: `(key, x) -> logits`, with running averages, no dropout.
        threat: `Linf(8 / 255)` is published.
        step_sizes: [T], published are 20 of 0.8/255 in each sweep over the data.

    Returns:
        delta, like x, with x + delta in the threat's set. The released code leaves
        x + delta outside [0, 1] while it trains, and drops all negative entries when it
        stores (see `one_sided`); neither is done here.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> x = jnp.full((1, 1, 1), 0.5)
    >>> args = jax.random.key(0), x, jnp.array(0), 0 * x, model
    >>> error_minimising(*args, Linf(0.25), jnp.full(2, 0.0625)).tolist()
    [[[0.125]]]
    """
    start, loss = Partial(_at, x + delta.astype(x.dtype)), Partial(own_loss)
    return pgd(key, x, label, model, threat, step_sizes, loss=loss, start=start) - x


def _at(x_adv: Array, key: Array, x: Array, threat: Threat) -> Array:
    del key, x, threat
    return x_adv


@checks.checked()
def error_minimising_by_class(
    key: Array,
    images: Array,
    labels: Array,
    patterns: Array,
    model: Model,
    threat: Threat,
    step_size: Array | float,
    *,
    index: Array | None = None,
) -> Array:
    """One step of class-wise error-minimising noise: the mean of its images' steps.

    Every image steps from the pattern of its class, and is projected; the new pattern
    is the mean over the images of the class. A class without images keeps its own.

    Args:
        images: float [B, H, W, C] in [0, 1].
        labels: int [B].
        patterns: [K, H, W, C]; zeros at first.
        model: `(key, x) -> logits`.
        step_size: 0.8/255 is published, once for each batch.
        index: int [B], positions of the images in their set, which give their keys;
            0 .. B - 1 by default.

    Returns:
        patterns, [K, H, W, C].

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), 0.0])
    >>> args = jnp.full((2, 1, 1, 1), 0.5), jnp.array([1, 1]), jnp.zeros((2, 1, 1, 1))
    >>> key, threat = jax.random.key(0), Linf(0.25)
    >>> error_minimising_by_class(key, *args, model, threat, 0.125).ravel().tolist()
    [0.0, -0.125]
    """

    def one(k: Array, x: Array, label: Array) -> Array:
        delta = checks.row(patterns, label)
        x_adv = jnp.clip(x + delta, 0.0, 1.0)
        g = gradient(k, x_adv, label, model, own_loss)
        return in_ball(threat.ascend(delta, g, step_size), threat)

    moved = batched(one)(key, images, labels, index=index)
    own = jax.nn.one_hot(labels, patterns.shape[0], dtype=patterns.dtype)
    count = jnp.sum(own, axis=0)[:, None, None, None]
    total = jnp.einsum("bk,bijc->kijc", own, moved, precision="highest")
    return jnp.where(count > 0, total / jnp.maximum(count, 1.0), patterns)


@dataclass(frozen=True)
@typed
class EM(Share, Surrogate):
    """Error-minimising noise, which leaves a network nothing to learn (EM).

    Source: Huang et al. 2021, arXiv 2101.04898.

    Attributes:
        rounds: rounds of updates and a sweep of the noise, at most.
        updates: updates of the network in a round.
        steps: gradient steps of a sweep, each a tenth of the radius.
        stop: error of the network on the poisoned images below which the rounds end; 0
            goes through all.
    """

    name: ClassVar[str] = "em"

    rounds: int = 50
    updates: int = 10
    steps: int = 20
    stop: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "rounds", 1)
        recipe.at_least(self, "updates", 0)
        recipe.at_least(self, "steps", 1)
        recipe.within(self, "stop", 0, 1)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        index = everywhere(context, self.rate)
        delta = self.minimised(context, index)
        return Poison(index, jnp.asarray(delta), self.threat, name=self.name)

    def calls(self) -> int:
        """Gradients of a network for one image, at most."""
        return self.rounds * self.steps

    def minimised(
        self,
        context: Context,
        index: Array,
        view: Purifier | None = None,
        draws: int = 1,
    ) -> Any:
        """The noise of some of the images, float32 [P, H, W, C], within the radius.

        Args:
            view: what networks see of an image, with its gradient; None is the image.
            draws: of the view in every gradient.
        """
        trainer, (x, labels) = context.trainer(self.white_box), rows(context, index)
        targets = jax.device_get(jax.nn.one_hot(labels, trainer.classes))
        k_view, k_noise = jax.random.split(context.key("minimising"))
        everything, delta = list(range(len(x))), 0 * x

        def seen(number: int, few: list[int]) -> Any:
            shown, key = x[few] + delta[few], jax.random.fold_in(k_view, number)
            if view is None:
                return shown
            chunk = min(context.chunk, len(few))
            return context.over(view, key, few, shown, chunk=chunk)

        order = _order(context.rng(), len(x), trainer.batch)
        state, done = trainer.start(context.surrogate_seed), 0
        for number in range(self.rounds):
            for _ in range(self.updates):
                few = next(order)
                shown = seen(done, few)
                state = trainer.step(context.seed, done, state, shown, targets[few])
                done += 1
            network, key = trainer.network(state), jax.random.fold_in(k_noise, number)
            maker = self._maker(network, view, draws)
            delta = context.over(maker, key, everything, x, labels, delta)
            if self.stop:
                level = (255 * seen(done, everything)).round().clip(0, 255)
                said = trainer.predictions(network, level.astype("uint8"))
                if (said != labels).mean() < self.stop:
                    break
        return delta

    def _maker(self, network: Any, view: Purifier | None, draws: int) -> Partial:
        """One sweep of the noise against a network, through what it sees."""
        model = model_of(network)
        if view is not None:
            model = through([network], view, jnp.arange(draws))[0]
        return Partial(
            error_minimising,
            model=model,
            threat=self.threat,
            step_sizes=jnp.full(self.steps, self.radius / 10),
        )


def _order(rng: Any, count: int, size: int) -> Iterator[list[int]]:
    """Positions of batches, one after another, without a break between epochs."""
    left: list[int] = []
    while True:
        while len(left) < size:
            left += rng.permutation(count).tolist()
        yield left[:size]
        left = left[size:]
