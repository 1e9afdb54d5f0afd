"""Joint attacks: fool the classifier and please the purifier at once (Linf).

    direction = (sign(G) + sign(guide)) / 2

G is the model's gradient and the guide points where the purifier would go, so that it
moves the image less: up the score ("joint (score)"), or along what purification changes
("joint (full)"). A pixel moves only where both agree.

Source: Yoon et al. 2021, arXiv 2106.06041, joint attacks, and its released code.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.budget import Budget, check_at_once
from purifax.attack.checks import attacking
from purifax.attack.pgd_attack import gradient
from purifax.attack.starts import Start, at_image
from purifax.attack.target import Target
from purifax.classify import cross_entropy
from purifax.recipe import typed
from purifax.score import scaled
from purifax.threat import Threat
from purifax.transform.remat import Scan
from purifax.types import Attack, Loss, Model, Purifier, Score

__all__ = [
    "Joint",
    "joint",
    "pull",
    "scaled_direction",
]

Guide = Callable[[Array, Array], Array]
"""`guide(key, x) -> like x`."""


def scaled_direction(key: Array, x: Array, score: Score, level: Array | float) -> Array:
    """The guide of joint (score): f(x) = level score(x, level)."""
    del key
    return scaled(x, level, score)


def pull(key: Array, x: Array, purifier: Purifier, draws: Array) -> Array:
    """The guide of joint (full): the mean change that purification makes, like x.

    Args:
        draws: [S] integers, folded into the key.
    """
    runs = jax.vmap(lambda d: purifier(jax.random.fold_in(key, d), x))(draws)
    return jnp.mean(runs - x[None], axis=0)


@attacking()
def joint(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    guide: Guide,
    *,
    loss: Loss = Partial(cross_entropy),
    start: Start = Partial(at_image),
    scan: Scan = jax.lax.scan,
) -> Array:
    """The last iterate of an Linf attack along the joint direction.

    Args:
        model: usually EOT over a purifier under `backward.straight_through`.
        guide: a bound `scaled_direction` or `pull`, which then draws the key the
            model's gradient draws.
        step_sizes: [T].
        scan: runs the loop over steps.

    Returns:
        x_adv in the threat's set.

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.0)])
    >>> x, up = jnp.full((1, 1, 2), 0.5), jnp.array([1.0, -1.0])
    >>> guide = lambda key, x: up * jnp.ones_like(x)
    >>> steps, key, label = jnp.full(2, 0.125), jax.random.key(0), jnp.array(0)
    >>> joint(key, x, label, model, Linf(0.25), steps, guide) - x
    Array([[[ 0.  , -0.25]]], dtype=float32)
    """
    k_start, k_steps = jax.random.split(key)

    def step(x_adv: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, size = at
        key_i = jax.random.fold_in(k_steps, i)
        fool = jnp.sign(gradient(key_i, x_adv, label, model, loss))
        please = jnp.sign(guide(jax.random.clone(key_i), x_adv))
        return threat.project(x_adv + size * (fool + please) / 2, x), None

    first = threat.project(start(k_start, x, threat), x)
    steps = (jnp.arange(step_sizes.shape[0]), step_sizes)
    return scan(step, first, steps)[0]


@dataclass(frozen=True)
@typed
class Joint(Budget):
    """BPDA, joined by the direction of the score or by what the purifier undoes.

    Source: Yoon et al. 2021, arXiv 2106.06041, section on strong adaptive attacks.

    Attributes:
        guide: "score", the direction of the score, or "full", that of the purifier.
        eot: EOT samples averaged in each gradient.
        at_once: samples in memory together in a gradient (default: all).
    """

    start: str = "image"
    guide: str = "score"
    eot: int = 15
    at_once: int | None = None
    reported = "joint"
    threats = ("Linf",)

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.one_of(self, "guide", ("score", "full"))
        recipe.at_least(self, "eot", 1)
        check_at_once(self)

    @property
    def title(self) -> str:
        """What a report calls the attack."""
        return f"joint ({self.guide})"

    @property
    def requires(self) -> tuple[str, ...]:
        """What a target must have; see `attack.target.REQUIRED`."""
        return ("score",) if self.guide == "score" else ()

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        return Partial(
            joint,
            **self.common(threat),
            model=target.model("bpda", self.eot, self.at_once),
            step_sizes=self.sizes(threat),
            guide=self._guide(target),
        )

    def _guide(self, target: Target) -> Partial:
        if self.guide == "score":
            return Partial(scaled_direction, score=target.score, level=target.level)
        draws = jnp.arange(self.eot)
        return Partial(pull, purifier=target.forward(), draws=draws)

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        extra = 1 if self.guide == "score" else one * self.eot
        return self.steps * (one * self.eot + extra)
