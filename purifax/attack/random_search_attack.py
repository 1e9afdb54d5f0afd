"""Random search: the best of random points of the threat's set.

The weakest attack that tries at all. Whatever does not beat it by far has not found a
direction, and a defence that it breaks has no need of the others.

All points are judged with the same key, so that on a random model the luck of a draw
does not choose among them.
"""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.budget import LOSSES, check_at_once
from purifax.attack.checks import attacking
from purifax.attack.starts import STARTS, Start, at_random
from purifax.attack.target import Target
from purifax.classify import margin
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.transform.remat import Scan
from purifax.types import Attack, Loss, Model

__all__ = [
    "RandomSearch",
    "random_search",
]


@attacking()
def random_search(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    tries: Array,
    *,
    loss: Loss = Partial(margin),
    start: Start = Partial(at_random),
    scan: Scan = jax.lax.scan,
) -> Array:
    """The random point of highest expected loss.

    Args:
        x: image [H, W, C] in [0, 1].
        label: its class [].
        model: `(key, x) -> logits`; for a random one bind `classify.each`, and the
            loss is the expected loss over its draws.
        tries: [R] integers, folded into the key: one point, one evaluation each.
        start: draws a point, `at_random` or `at_surface`, as a `Partial`.
        scan: runs the loop over tries.

    Returns:
        x_adv in the threat's set; the first point if no loss is finite.

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 1), 0.5), jax.random.key(0)
    >>> found = random_search(
    ...     key, x, jnp.array(0), model, Linf(0.25), jnp.arange(99)
    ... )
    >>> bool(0.25 <= found < 0.27)
    True
    """
    k_points, k_model = jax.random.split(key)

    def point(number: Array) -> Array:
        return threat.project(start(jax.random.fold_in(k_points, number), x, threat), x)

    def attempt(best: tuple[Array, Array], number: Array) -> tuple[tuple, None]:
        image = point(number)
        value = loss(model(jax.random.fold_in(k_model, 0), image), label)
        value = jnp.where(jnp.isfinite(value), value, -jnp.inf).astype(x.dtype)
        better = value > best[1]
        image = jnp.where(better, image, best[0])
        return (image, jnp.where(better, value, best[1])), None

    first = (point(tries[0]), 0.0 * jnp.sum(x) - jnp.inf)
    return scan(attempt, first, tries)[0][0]


@dataclass(frozen=True)
@typed
class RandomSearch:
    """The worst of random points in the set: what any attack must beat.

    Attributes:
        steps: random points.
        eot: EOT samples averaged for each point.
        at_once: samples in memory together (default: all).
        start: how a point is drawn: random or surface.
        loss: by which it is judged: cross_entropy, margin or dlr.
    """

    steps: int = 100
    eot: int = 20
    at_once: int | None = None
    start: str = "random"
    loss: str = "margin"
    title = "random search"
    reported = "black-box"

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", 1)
        recipe.at_least(self, "eot", 1)
        recipe.one_of(self, "start", ("random", "surface"))
        recipe.one_of(self, "loss", tuple(LOSSES))
        check_at_once(self)

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        return Partial(
            random_search,
            threat=threat,
            loss=LOSSES[self.loss],
            start=STARTS[self.start],
            model=target.queried(self.eot, self.at_once),
            tries=jnp.arange(self.steps),
        )

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        return self.steps * one * self.eot
