"""HopSkipJump: along the decision boundary towards the image, from decisions alone.

From a wrong image, on the boundary, each round

    1. asks random probes u around it, and averages the sides they fall on:
       g = mean over probes of (phi - mean phi) u,   phi = +1 where wrong, -1 where not;
    2. steps along g (its sign, for Linf) by distance / sqrt(round), halved until wrong;
    3. bisects between the image and the wrong one, to the boundary.

The paper's loops that end on a condition have a fixed length here, the longest that is
of use, so that images run side by side and a random model cannot hold them up. On a
random model a decision is a vote over draws, with new keys in every query.

Source: Chen, Jordan and Wainwright 2020, arXiv 1904.02144, algorithms 1 and 2, with its
settings: 40 rounds, 100 sqrt(round) probes, gamma 1. For random models compare Simon et
al. 2021, arXiv 2106.07445.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.budget import check_at_once
from purifax.attack.checks import attacking
from purifax.attack.decision import misclassified
from purifax.attack.target import Target
from purifax.recipe import typed
from purifax.threat import L2, Linf, Threat
from purifax.transform.remat import Scan
from purifax.types import Attack, Model

__all__ = ["HopSkipJump", "hopskipjump", "hopskipjump_probes"]

STARTS, HALVINGS = 50, 20
"""Random images that are tried as a start, and halvings of a step."""


class _Problem(NamedTuple):
    """The image, the decision `wrong(key, image) -> []`, and the distance."""

    x: Array
    wrong: Callable[[Array, Array], Array]
    threat: Threat

    def far(self, image: Array) -> Array:
        return self.threat.distance(image, self.x)


class _Sides(NamedTuple):
    """Sums over probes: of phi u and of u, [H, W, C]; of phi, and their number, []."""

    sided: Array
    probes: Array
    side: Array
    asked: Array


def hopskipjump_probes(rounds: int, *, first: int = 100) -> Array:
    """The published number of probes of each round j: `first sqrt(j)`, at most 10,000.

    >>> hopskipjump_probes(4).tolist()
    [100, 141, 173, 200]
    """
    numbers = [int(first * math.sqrt(j)) for j in range(1, rounds + 1)]
    return jnp.minimum(jnp.array(numbers, jnp.int32), 10_000)


@attacking()
def hopskipjump(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Linf | L2,
    probes: Array,
    *,
    directions: Array,
    scan: Scan = jax.lax.scan,
) -> Array:
    """The nearest wrong image on the way, moved into the threat's set.

    Args:
        x: image [H, W, C] in [0, 1].
        label: its class [].
        model: `(key, x) -> logits`; for a random one bind `classify.each`, and a
            decision is the vote of its draws.
        probes: [J] integers, how many each round asks, see `hopskipjump_probes`.
        directions: [P] integers, folded into the key: the probes that are asked
            together.
        scan: runs the loop over rounds.

    Returns:
        x_adv in the set. It is wrongly classified where the distance that was found is
        within the radius. If no random image is wrong, it is a random point of the set.

    >>> from purifax.threat import L2
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.5)])
    >>> x, key, together = jnp.full((2, 1, 1), 0.5), jax.random.key(0), jnp.arange(50)
    >>> many = {"probes": hopskipjump_probes(9), "directions": together}
    >>> found = hopskipjump(key, x, jnp.array(0), model, L2(0.4), **many)
    >>> bool(jnp.allclose(found, 0.25, atol=0.05))
    True
    """
    k_start, k_rounds, k_none = jax.random.split(key, 3)
    problem = _Problem(x, partial(_wrong, label=label, model=model), threat)
    first, found = _start(problem, k_start)

    def one(image: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        number, count = at
        k_probes, k_step, k_cut = jax.random.split(
            jax.random.fold_in(k_rounds, number), 3
        )
        sums = _asked(problem, k_probes, image, number, count, directions)
        image = _stepped(problem, k_step, image, number, _normal(problem, sums))
        return _bisected(problem, k_cut, image), None

    numbers = jnp.arange(1, probes.shape[0] + 1, dtype=jnp.int32)
    image = scan(one, first, (numbers, probes))[0]
    return threat.project(jnp.where(found, image, threat.start(k_none, x)), x)


def _wrong(key: Array, image: Array, label: Array, model: Model) -> Array:
    return misclassified(key, image, label, model)


def _start(problem: _Problem, key: Array) -> tuple[Array, Array]:
    """A wrong image on the boundary, and whether there is one.

    It is x itself where x is wrong, or else uniform noise that is.
    """
    k_x, k_noise, k_cut = jax.random.split(key, 3)
    x = problem.x

    def attempt(i: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
        k_draw, k_model = jax.random.split(jax.random.fold_in(k_noise, i))
        noise = jax.random.uniform(k_draw, x.shape, x.dtype)
        taken = problem.wrong(k_model, noise) & ~best[1]
        return jnp.where(taken, noise, best[0]), best[1] | taken

    here = x, problem.wrong(k_x, x)
    image, found = jax.lax.fori_loop(0, STARTS, attempt, here)
    return _bisected(problem, k_cut, image), found


def _bisected(problem: _Problem, key: Array, image: Array) -> Array:
    """A wrong image nearer to x, where the decision changes.

    Between the two lies the segment (L2), or what is left of the wrong image when it is
    cut to a shorter distance (Linf). The bracket ends at d^(-3/2) of it, or d^(-2).
    """
    x, linf = problem.x, isinstance(problem.threat, Linf)
    far = problem.far(image)

    def between(share: Array) -> Array:
        if linf:
            return jnp.clip(image, x - share * far, x + share * far)
        return x + share * (image - x)

    def halve(i: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        wrong = problem.wrong(jax.random.fold_in(key, i), between(middle))
        return jnp.where(wrong, low, middle), jnp.where(wrong, middle, high)

    halvings = math.ceil((2.0 if linf else 1.5) * math.log2(max(x.size, 2)))
    ends = (0.0 * far, 0.0 * far + 1.0)
    high = jax.lax.fori_loop(0, halvings, halve, ends)[1]
    return jnp.where(high < 1.0, between(high), image)


def _asked(
    problem: _Problem,
    key: Array,
    image: Array,
    number: Array,
    count: Array,
    directions: Array,
) -> _Sides:
    """The sides on which `count` probes around the image fall.

    They lie 0.1 from it in the first round, and then a d-th of its distance.
    """
    gap = problem.far(image) / image.size
    size = jnp.where(number == 1, 0.1, gap).astype(image.dtype)
    together = directions.shape[0]

    def group(i: Array, sums: _Sides) -> _Sides:
        def probe(direction: Array) -> tuple[Array, Array]:
            k_draw, k_model = jax.random.split(jax.random.fold_in(k_group, direction))
            u = _direction(problem, k_draw)
            at = jnp.clip(image + size * u, 0.0, 1.0)
            phi = jnp.where(problem.wrong(k_model, at), 1.0, -1.0)
            return (at - image) / jnp.maximum(size, 1e-12), phi.astype(u.dtype)

        k_group = jax.random.fold_in(key, i)
        u, phi = jax.vmap(probe)(directions)
        counted = (i * together + jnp.arange(together) < count).astype(u.dtype)
        return _Sides(
            sums.sided + jnp.tensordot(counted * phi, u, 1),
            sums.probes + jnp.tensordot(counted, u, 1),
            sums.side + jnp.sum(counted * phi),
            sums.asked + jnp.sum(counted),
        )

    zero, none = 0.0 * image, 0.0 * size
    groups = (count + together - 1) // together
    return jax.lax.fori_loop(0, groups, group, _Sides(zero, zero, none, none))


def _direction(problem: _Problem, key: Array) -> Array:
    """A random direction of unit length: Gaussian, or for Linf uniform in a cube."""
    shape, dtype = problem.x.shape, problem.x.dtype
    if isinstance(problem.threat, Linf):
        u = jax.random.uniform(key, shape, dtype, -1.0, 1.0)
    else:
        u = jax.random.normal(key, shape, dtype)
    return u / jnp.sqrt(jnp.sum(u**2) + 1e-24)


def _normal(problem: _Problem, sums: _Sides) -> Array:
    """The estimated normal of the boundary, towards wrong answers, [H, W, C]."""
    mean = sums.side / jnp.maximum(sums.asked, 1.0)
    g = sums.sided - mean * sums.probes
    g = jnp.where(jnp.abs(sums.side) >= sums.asked, sums.sided, g)
    if isinstance(problem.threat, Linf):
        return jnp.sign(g)
    return g / jnp.sqrt(jnp.sum(g**2) + 1e-24)


def _stepped(
    problem: _Problem, key: Array, image: Array, number: Array, normal: Array
) -> Array:
    """The image after the longest step that is wrong; itself if none is."""
    length = problem.far(image) / jnp.sqrt(number.astype(image.dtype))

    def attempt(i: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
        share = 0.5 ** i.astype(image.dtype)
        moved = jnp.clip(image + share * length * normal, 0.0, 1.0)
        taken = problem.wrong(jax.random.fold_in(key, i), moved) & ~best[1]
        return jnp.where(taken, moved, best[0]), best[1] | taken

    none = length < 0
    return jax.lax.fori_loop(0, HALVINGS, attempt, (image, none))[0]


@dataclass(frozen=True)
@typed
class HopSkipJump:
    """HopSkipJump: decisions alone, along the boundary; published with no draws.

    Source: Chen, Jordan and Wainwright 2020, arXiv 1904.02144.

    Attributes:
        steps: rounds of probes and a step.
        probes: of the first round; round j has sqrt(j) times as many.
        together: probes asked together.
        eot: EOT samples that vote in each query; 1 for a deterministic model.
        at_once: samples in memory together in a query (default: all).
    """

    steps: int = 40
    probes: int = 100
    together: int = 50
    eot: int = 20
    at_once: int | None = None
    title = "HopSkipJump"
    reported = "decision-based"
    threats = ("Linf", "L2")

    def __post_init__(self) -> None:
        for name in ("steps", "probes", "together", "eot"):
            recipe.at_least(self, name, 1)
        check_at_once(self)

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        return Partial(
            hopskipjump,
            model=target.queried(self.eot, self.at_once),
            threat=threat,
            probes=hopskipjump_probes(self.steps, first=self.probes),
            directions=jnp.arange(self.together),
        )

    def calls(self, one: int, answers: int) -> None:
        """Not counted: the length of a bisection depends on the size of the image."""
        del one, answers
