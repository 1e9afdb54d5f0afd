"""RayS: the nearest wrong answer along directions of signs, from decisions alone.

The distance to the decision boundary along a direction of signs g in {-1, +1}^d,

    r(g) = the least r with a wrong answer at clip(x + r g),

is lowered by flipping the signs of one block after another: first of the whole image,
then of its halves, quarters, and so on. A flip is tried with one query at the best
distance so far, and only if that is wrong is its own distance found by bisection.

It reads no loss and no confidence, so that a defence which only hides its confidence
does not deceive it. On a random model a decision is a vote over draws, and the best
distance is asked again now and then with fresh keys: a lucky one is lengthened.

Source: Chen and Gu 2020, arXiv 2006.12792, algorithms 1 to 3. Published: 10,000
queries (40,000 on its board), bisection until the bracket is 1e-3 / sqrt(d) in Linf,
blocks over the image in the order of channels, rows and columns.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.attack.budget import check_at_once
from purifax.attack.checks import attacking
from purifax.attack.decision import misclassified
from purifax.attack.target import Target
from purifax.recipe import typed
from purifax.threat import Linf, Threat
from purifax.transform.remat import Scan
from purifax.types import Attack, Model

__all__ = ["RayS", "rays", "rays_distance"]

FAR = 2.0
"""The best distance before any wrong answer; the box is 1 wide."""


class _Search(NamedTuple):
    """The state between two queries.

    Attributes:
        signs: [d], the best direction.
        distance: [], along it, or `FAR`.
        level, block: [], the block whose flip is being tried: number `block` of
            2^level.
        low, high: [], the bracket of the bisection; empty where none is under way.
    """

    signs: Array
    distance: Array
    level: Array
    block: Array
    low: Array
    high: Array


@attacking()
def rays(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Linf,
    tries: Array,
    *,
    retest: Array | int = 50,
    scan: Scan = jax.lax.scan,
) -> Array:
    """The nearest wrong image along signs, moved into the threat's set.

    Args:
        x: image [H, W, C] in [0, 1].
        label: its class [].
        model: `(key, x) -> logits`; for a random one bind `classify.each`, and a
            decision is the vote of its draws.
        tries: [R] integers, folded into the key: one decision each.
        retest: after how many queries the best distance is asked again, on a random
            model; 0 is never.
        scan: runs the loop over queries.

    Returns:
        x_adv in the set. It is wrongly classified where the distance that was found is
        within the radius; otherwise it goes that far along the best direction.

    >>> x, key = jnp.full((2, 1, 1), 0.5), jax.random.key(0)
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.5)])
    >>> found = rays(key, x, jnp.array(0), model, Linf(0.3), jnp.arange(20))
    >>> bool(jnp.allclose(found, 0.25, atol=1e-3))
    True
    """
    end = _search(key, x, label, model, tries, retest, scan)
    reached = jnp.minimum(end.distance, 1.0)
    return threat.project(_at(x, end.signs, reached), x)


@checks.checked(x=checks.in_box)
def rays_distance(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    tries: Array,
    *,
    retest: Array | int = 50,
    scan: Scan = jax.lax.scan,
) -> Array:
    """The distance of the nearest wrong image that RayS finds, in Linf, [].

    Its mean over images is the paper's ADBD. Infinity where no wrong answer was met.
    Arguments as in `rays`.
    """
    end = _search(key, x, label, model, tries, retest, scan)
    wrong = jnp.max(jnp.abs(_at(x, end.signs, end.distance) - x))
    return jnp.where(end.distance >= FAR, jnp.inf, wrong)


def _search(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    tries: Array,
    retest: Array | int,
    scan: Scan,
) -> _Search:
    """The state after the last query."""
    size, none = x.size, 0.0 * jnp.sum(x)  # follows x over devices
    tolerance = 1e-3 / math.sqrt(size)

    def query(state: _Search, number: Array) -> tuple[_Search, None]:
        bisecting = state.high > state.low
        turn = (number + 1) % jnp.maximum(retest, 1) == 0
        again = turn & (jnp.asarray(retest) > 0) & (state.distance < FAR)
        flipped = jnp.where(again, state.signs, _flipped(state))
        middle = (state.low + state.high) / 2
        length = jnp.where(bisecting & ~again, middle, state.distance)
        image = _at(x, flipped, jnp.minimum(length, 1.0))
        wrong = misclassified(jax.random.fold_in(key, number), image, label, model)
        searched = _searched(state, flipped, wrong, middle, tolerance)
        longer = jnp.minimum(1.1 * state.distance + tolerance, 1.0)
        doubted = state._replace(distance=jnp.where(wrong, state.distance, longer))
        return jax.tree.map(
            lambda a, b: jnp.where(again, a, b), doubted, searched
        ), None

    first = _Search(
        signs=jnp.ones(size, x.dtype) + none,
        distance=none + FAR,
        level=none.astype(jnp.int32),
        block=none.astype(jnp.int32),
        low=none,
        high=none,
    )
    return scan(query, first, tries)[0]


def _searched(
    state: _Search, flipped: Array, wrong: Array, middle: Array, tolerance: float
) -> _Search:
    """The state after a query for a flip, or within its bisection."""
    bisecting = state.high > state.low
    reach = jnp.minimum(state.distance, 1.0)
    low = jnp.where(bisecting & ~wrong, middle, state.low)
    high = jnp.where(bisecting, jnp.where(wrong, middle, state.high), state.high)
    begun = ~bisecting & wrong
    low, high = jnp.where(begun, 0.0, low), jnp.where(begun, reach, high)
    ended = bisecting & (high - low <= tolerance)
    better = ended & (high < state.distance)
    onward = ended | (~bisecting & ~wrong)
    level, block = _next(state)
    return _Search(
        signs=jnp.where(better, flipped, state.signs),
        distance=jnp.where(better, high, state.distance),
        level=jnp.where(onward, level, state.level),
        block=jnp.where(onward, block, state.block),
        low=jnp.where(ended, 0.0, low),
        high=jnp.where(ended, 0.0, high),
    )


def _length(level: Array, size: int) -> Array:
    """Entries of a block of this level, []: ceil(size / 2^level)."""
    count = jnp.left_shift(jnp.ones((), jnp.int32), level)
    return (size + count - 1) // count


def _flipped(state: _Search) -> Array:
    """The direction with the signs of the current block flipped, [d]."""
    size = state.signs.size
    length = _length(state.level, size)
    inside = jnp.arange(size, dtype=jnp.int32) // length == state.block
    return jnp.where(inside, -state.signs, state.signs)


def _next(state: _Search) -> tuple[Array, Array]:
    """The next block; after the last one the next level, or the finest one again."""
    size = state.signs.size
    past = (state.block + 1) * _length(state.level, size) >= size
    finest = math.ceil(math.log2(size)) if size > 1 else 0
    level = jnp.where(past, jnp.minimum(state.level + 1, finest), state.level)
    return level, jnp.where(past, 0, state.block + 1)


def _at(x: Array, signs: Array, length: Array) -> Array:
    """The image at this length along the signs, in the order channel, row, column."""
    height, width, channels = x.shape
    move = signs.reshape(channels, height, width).transpose(1, 2, 0)
    return jnp.clip(x + length * move, 0.0, 1.0).astype(x.dtype)


@dataclass(frozen=True)
@typed
class RayS:
    """RayS: decisions alone, along signs; published with 10,000 steps and no draws.

    Source: Chen and Gu 2020, arXiv 2006.12792.

    Attributes:
        steps: queries.
        eot: EOT samples that vote in each query; 1 for a deterministic model.
        at_once: samples in memory together in a query (default: all).
        retest: after how many queries the best distance is asked again; 0 is never.
    """

    steps: int = 1000
    eot: int = 20
    at_once: int | None = None
    retest: int = 50
    title = "RayS"
    reported = "decision-based"
    threats = ("Linf",)

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", 1)
        recipe.at_least(self, "eot", 1)
        recipe.at_least(self, "retest", 0)
        check_at_once(self)

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        return Partial(
            rays,
            model=target.queried(self.eot, self.at_once),
            tries=jnp.arange(self.steps),
            threat=threat,
            retest=self.retest,
        )

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        return self.steps * one * self.eot
