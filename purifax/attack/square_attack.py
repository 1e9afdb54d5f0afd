"""Square attack: random search with square patches, from answers alone.

    x_adv <- x_adv + patch   wherever that raises the expected loss

Linf: the start is vertical stripes of +-radius; a patch adds +-2 radius to one square,
with one sign a channel, and is cut to the set. L2: the start is a tiling by bumps; a
patch moves the perturbation of one square into another, as a bump on top of what is
there, so that the length stays the radius. L1: the same, with lengths measured in L1.

A query asks the model for the image before and after, with the same key, and queries
have different keys. The released code keeps the loss an image once had: on a random
model that is the luckiest of thousands, and no patch improves on it. So a query here
is two evaluations of the model. Nothing stops at the first wrong answer.

Source: Andriushchenko et al. 2020, arXiv 1912.00049, algorithms 1 to 3. With AutoAttack
(Croce and Hein 2020, arXiv 2003.01690): 5000 queries, first share 0.8, margin loss. For
L1, Croce and Hein 2021, arXiv 2103.01208, section 5.
"""

import functools
from dataclasses import dataclass
from typing import TypeAlias

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.budget import LOSSES, check_at_once
from purifax.attack.checks import attacking
from purifax.attack.target import Target
from purifax.classify import margin
from purifax.recipe import typed
from purifax.threat import L1, L2, Linf, Threat
from purifax.transform.remat import Scan
from purifax.types import Attack, Loss, Model, fair_signs

__all__ = [
    "Square",
    "square",
    "square_shares",
]

Grid: TypeAlias = tuple[Array, Array]
"""Row and column of each pixel, counted from the corner of a square."""

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""The queries after which the share of the image is halved, in a run of 10000."""


def square_shares(queries: int, *, first: float = 0.8, span: int = 10_000) -> Array:
    """The published schedule: the share of the image that a patch covers, [T].

    It is halved after query 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000.

    Args:
        first: the share at first.
        span: the run that these numbers refer to. AutoAttack keeps them as they are;
            `span=queries` scales them to the run, as the paper does.

    >>> square_shares(4, span=400).tolist()
    [0.800000011920929, 0.4000000059604645, 0.4000000059604645, 0.20000000298023224]
    """
    at = [query * 10_000 // span for query in range(queries)]
    halved = [sum(point < place for point in HALVINGS) for place in at]
    return jnp.array([first / 2**count for count in halved], jnp.float32)


@attacking()
def square(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Linf | L2 | L1,
    shares: Array,
    *,
    loss: Loss = Partial(margin),
    scan: Scan = jax.lax.scan,
) -> Array:
    """The image that the Square attack ends with.

    Args:
        x: image [H, W, C] in [0, 1].
        label: its class [].
        model: `(key, x) -> logits`; for a random one bind `classify.each`, and the
            loss is the expected loss over its draws.
        shares: [T], the share of the image that each patch covers, see
            `square_shares`. Sides are rounded to 1 or more pixels (Linf), or to an odd
            number of 3 or more (L2 and L1).
        scan: runs the loop over queries.

    Returns:
        x_adv in the threat's set.

    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.0)])
    >>> x, key = jnp.full((2, 2, 1), 0.5), jax.random.key(0)
    >>> square(key, x, jnp.array(0), model, Linf(0.25), jnp.full(20, 0.25)).tolist()
    [[[0.25], [0.25]], [[0.25], [0.25]]]
    """
    k_start, k_queries = jax.random.split(key)
    if isinstance(threat, Linf):
        begin, propose = _stripes, _patch
    else:
        power = 1 if isinstance(threat, L1) else 2
        begin = functools.partial(_tiles, power=power)
        propose = functools.partial(_bumps, power=power)

    def query(x_adv: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, share = at
        k_patch, k_model = jax.random.split(jax.random.fold_in(k_queries, i))
        other = propose(k_patch, x_adv, x, threat.radius, share)
        both = jnp.stack([x_adv, threat.project(other, x)])
        losses = jax.vmap(lambda y: loss(model(k_model, y), label))(both)
        before, after = jnp.where(jnp.isfinite(losses), losses, -jnp.inf)
        return jnp.where(after > before, both[1], both[0]), None

    first = threat.project(begin(k_start, x, threat.radius), x)
    queries = (jnp.arange(shares.shape[0]), shares)
    return scan(query, first, queries)[0]


def _stripes(key: Array, x: Array, radius: Array | float) -> Array:
    """Vertical stripes of +-radius, with a sign for each column and channel."""
    return x + radius * fair_signs(key, (1, *x.shape[1:]), x.dtype)


def _patch(
    key: Array, x_adv: Array, x: Array, radius: Array | float, share: Array
) -> Array:
    """One square moved by +-2 radius, with a sign for each channel."""
    k_place, k_sign = jax.random.split(key)
    side = _side(share, x)
    within = _within(_place(k_place, x, side), side)[..., None]
    signs = fair_signs(k_sign, (1, 1, x.shape[2]), x.dtype)
    return x_adv + jnp.where(within, 2 * radius * signs, 0.0)


def _tiles(key: Array, x: Array, radius: Array | float, power: int) -> Array:
    """Bumps of a fifth of the image's size over the whole image, of length radius.

    Each has its own orientation, and a sign for each channel.
    """
    height, width, channels = x.shape
    side = max(min(height, width) // 5, 1)
    k_turn, k_sign = jax.random.split(key)
    tiles = (-(-height // side), -(-width // side))
    turn = jax.random.bernoulli(k_turn, jnp.float32(0.5), tiles)
    signs = fair_signs(k_sign, (*tiles, channels), x.dtype)
    rows, columns = jnp.indices((side, side), jnp.int32)
    bump = _bump((rows, columns), jnp.array(side, jnp.int32), x.dtype, power)
    shape = jnp.where(turn[..., None, None], bump.T, bump)  # [A, B, side, side]
    whole = shape[..., None] * signs[:, :, None, None]
    whole = jnp.swapaxes(whole, 1, 2).reshape(tiles[0] * side, -1, channels)
    return x + radius * _scaled(whole[:height, :width], (0, 1, 2), power)


def _bumps(
    key: Array, x_adv: Array, x: Array, radius: Array | float, share: Array, power: int
) -> Array:
    """A perturbation of length radius, that of one square moved into another.

    In the first square a bump is added to the direction that is there, channel by
    channel; its length is what both squares held and what was left of the radius.
    """
    k_to, k_from, k_turn, k_sign = jax.random.split(key, 4)
    delta, side = x_adv - x, _odd(_side(share, x), min(x.shape[:2]))
    rows, columns = _place(k_to, x, side)
    here = _within((rows, columns), side)[..., None]
    there = _within(_place(k_from, x, side), side)[..., None]
    turn = jax.random.bernoulli(k_turn, jnp.float32(0.5))
    grid = (jnp.where(turn, columns, rows), jnp.where(turn, rows, columns))
    signs = fair_signs(k_sign, (1, 1, x.shape[2]), x.dtype)

    bump = signs * _bump(grid, side, x.dtype, power)[..., None]
    old = _scaled(jnp.where(here, delta, 0.0), (0, 1), power)
    new, sizes = _scaled(bump + old, (0, 1), power), jnp.abs(delta) ** power
    unused = jnp.maximum(radius**power - jnp.sum(sizes), 0.0) / x.shape[2]
    held = jnp.sum(sizes, (0, 1), where=here | there, keepdims=True)
    rest = jnp.where(here | there, 0.0, delta)
    moved = rest + (held + unused) ** (1 / power) * new
    return x + radius * _scaled(moved, (0, 1, 2), power)


def _side(share: Array, x: Array) -> Array:
    """Side of a square that covers this share of the image, in pixels, []."""
    pixels = jnp.sqrt(share * (x.shape[0] * x.shape[1]))
    return jnp.clip(jnp.round(pixels).astype(jnp.int32), 1, min(x.shape[:2]))


def _odd(side: Array, most: int) -> Array:
    """The next odd number from 3, but at most the largest odd one up to `most`."""
    return jnp.minimum(jnp.maximum(side, 3) | 1, most - 1 + most % 2)


def _place(key: Array, x: Array, side: Array) -> Grid:
    """The grid of a random square of this side, [H, W] each.

    The square lies anywhere in the image; the released code spares the last row and
    column.
    """
    k_row, k_column = jax.random.split(key)
    top = jax.random.randint(k_row, (), 0, x.shape[0] - side + 1, jnp.int32)
    left = jax.random.randint(k_column, (), 0, x.shape[1] - side + 1, jnp.int32)
    rows, columns = jnp.indices(x.shape[:2], jnp.int32)
    return rows - top, columns - left


def _within(grid: Grid, side: Array) -> Array:
    """Whether a pixel lies in the square, [H, W]."""
    rows, columns = grid
    return (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)


def _bump(grid: Grid, side: Array, dtype: jnp.dtype, power: int = 2) -> Array:
    """An upper and a lower half of opposite sign, each falling from its centre, [H, W].

    At distance d (in rows or columns, the larger) from the centre of a half it is
    1 / (d + 1)^2 + ... + 1 / n^2, with n the distance at which the half ends.
    """
    rows, columns = grid
    upper = rows < side // 2
    height = jnp.where(upper, side // 2, side - side // 2)
    rows = jnp.where(upper, rows, rows - side // 2)
    far = jnp.maximum(jnp.abs(rows - height // 2), jnp.abs(columns - side // 2))
    end = jnp.maximum(height // 2, side // 2) + 1
    terms = 1.0 / jnp.square(jnp.arange(1, sum(rows.shape) + 2, dtype=dtype))
    sums = jnp.concatenate([jnp.zeros(1, dtype), jnp.cumsum(terms)])
    size = jnp.where(_within(grid, side), sums[end] - sums[far], 0.0)
    top = _scaled(jnp.where(upper, size, 0.0), (0, 1), power)
    bottom = _scaled(jnp.where(upper, 0.0, size), (0, 1), power)
    return (top - bottom) / 2 ** (1 / power)


def _scaled(v: Array, axes: tuple[int, ...], power: int) -> Array:
    """v of length one over these axes, L1 or L2 by the power; zero stays zero."""
    total = jnp.sum(jnp.abs(v) ** power, axes, keepdims=True) + 1e-24
    return v / total ** (1 / power)


@dataclass(frozen=True)
@typed
class Square:
    """The Square attack: random squares that are kept where the loss rises.

    Source: Andriushchenko et al. 2020, arXiv 1912.00049.

    Attributes:
        steps: queries.
        eot: EOT samples averaged in each query.
        at_once: samples in memory together in a query (default: all).
        loss: what is climbed: cross_entropy, margin or dlr.
    """

    steps: int = 1000
    eot: int = 20
    at_once: int | None = None
    loss: str = "margin"
    title = "Square"
    reported = "black-box"

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", 1)
        recipe.at_least(self, "eot", 1)
        recipe.one_of(self, "loss", tuple(LOSSES))
        check_at_once(self)

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        return Partial(
            square,
            model=target.queried(self.eot, self.at_once),
            shares=square_shares(self.steps, span=self.steps),
            threat=threat,
            loss=LOSSES[self.loss],
        )

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        return self.steps * one * self.eot * 2
