"""SPSA: projected ascent on a gradient estimated from losses alone.

    g = mean over directions of  (L(x + probe v) - L(x - probe v)) / (2 probe)  v

with v of independent fair signs. It needs no gradient, so masking cannot hide from it;
if it beats a gradient attack, suspect the gradient.

Source: Uesato et al. 2018, arXiv 1802.05666, algorithm 1, with the plain projected step
of PGD in place of Adam. They use probe 0.01 and thousands of directions.
"""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.budget import Budget, check_at_once
from purifax.attack.checks import attacking
from purifax.attack.starts import Start, at_image
from purifax.attack.target import Target
from purifax.classify import margin
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.transform.remat import Scan
from purifax.types import Attack, Loss, Model, fair_signs

__all__ = [
    "SPSA",
    "spsa",
]


@attacking()
def spsa(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    directions: Array,
    *,
    probe: Array | float = 0.01,
    loss: Loss = Partial(margin),
    start: Start = Partial(at_image),
    scan: Scan = jax.lax.scan,
) -> Array:
    """The last iterate of SPSA.

    Args:
        step_sizes: [T].
        directions: [D] integers, folded into the key of a step; 2 D evaluations of
            the model a step. Both ends of a direction share the model's key.
        probe: half the length of the difference, in pixel units.
        scan: runs the loop over steps.

    Returns:
        x_adv in the threat's set.

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 1), 0.5), jax.random.key(0)
    >>> steps, label = jnp.full(4, 0.125), jnp.array(0)
    >>> spsa(key, x, label, model, Linf(0.25), steps, jnp.arange(8)) - x
    Array([[[-0.25]]], dtype=float32)
    """
    k_start, k_steps = jax.random.split(key)

    def slope(key: Array, x_adv: Array) -> Array:
        k_direction, k_model = jax.random.split(key)
        v = fair_signs(k_direction, x.shape, x.dtype)
        up = loss(model(k_model, x_adv + probe * v), label)
        down = loss(model(k_model, x_adv - probe * v), label)
        return (up - down) / (2 * probe) * v

    def step(x_adv: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, size = at
        key_i = jax.random.fold_in(k_steps, i)
        keys = jax.vmap(lambda d: jax.random.fold_in(key_i, d))(directions)
        g = jnp.mean(jax.vmap(slope, in_axes=(0, None))(keys, x_adv), axis=0)
        return threat.project(threat.ascend(x_adv, g, size), x), None

    first = threat.project(start(k_start, x, threat), x)
    steps = (jnp.arange(step_sizes.shape[0]), step_sizes)
    return scan(step, first, steps)[0]


@dataclass(frozen=True)
@typed
class SPSA(Budget):
    """A gradient estimated from answers alone, by random directions (SPSA).

    Source: Uesato et al. 2018, arXiv 1802.05666.

    Attributes:
        directions: random directions in each estimate, two queries each.
        eot: EOT samples averaged in each query.
        at_once: samples in memory together in a query (default: all).
    """

    start: str = "image"
    loss: str = "margin"
    directions: int = 64
    eot: int = 4
    at_once: int | None = None
    title = "SPSA"
    reported = "black-box"

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "directions", 1)
        recipe.at_least(self, "eot", 1)
        check_at_once(self)

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        return Partial(
            spsa,
            **self.common(threat),
            model=target.queried(self.eot, self.at_once),
            step_sizes=self.sizes(threat),
            directions=jnp.arange(self.directions),
        )

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        return self.steps * one * self.eot * 2 * self.directions
