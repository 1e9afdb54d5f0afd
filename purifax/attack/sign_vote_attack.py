"""BPDA+EOT as ADP's released code computes it: a vote over signs.

At each step the image is purified once per draw; every purified image takes one sign
step of size `inner` on the classifier, clipped to [0, 1]; the changes are summed and
the image moves by the sign of the sum. Unlike the mean gradient, every draw counts
alike, less where its purified image is saturated. It starts at the image and keeps the
last iterate.

For comparison with published numbers; `pgd` on the mean over draws under
`backward.straight_through` is the standard form.

Source: the released code of Yoon et al. 2021 (arXiv 2106.06041), read and rewritten.
"""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.budget import LOSSES
from purifax.attack.checks import attacking
from purifax.attack.pgd_attack import gradient
from purifax.attack.target import Target
from purifax.classify import cross_entropy, undefended
from purifax.recipe import typed
from purifax.threat import Linf, Threat
from purifax.transform.remat import Scan
from purifax.transform.shard_draws import Axis, spread
from purifax.types import Attack, Classifier, Loss, Purifier

__all__ = [
    "SignVote",
    "sign_vote",
]


@attacking("classifier")
def sign_vote(
    key: Array,
    x: Array,
    label: Array,
    purifier: Purifier,
    classifier: Classifier,
    threat: Linf,
    step_sizes: Array,
    draws: Array,
    *,
    inner: Array | float = 2 / 255,
    loss: Loss = Partial(cross_entropy),
    scan: Scan = jax.lax.scan,
    axis: Axis | None = None,
) -> Array:
    """The last iterate of BPDA with a vote over the signs of its draws (Linf).

    Args:
        step_sizes: [T]; published: 40 or 100 steps of 2/255.
        draws: [S] integers; published: 15.
        inner: the sign step on a purified image.
        scan: runs the loop over steps.
        axis: of the devices that share the draws, see `classify.each`.

    Returns:
        x_adv in the threat's set.

    Raises:
        ValueError: the draws do not divide by the axis.

    >>> x, key = jnp.full((1, 1, 2), 0.5), jax.random.key(0)
    >>> classifier = lambda x: jnp.stack([jnp.sum(x), jnp.array(0.0)])
    >>> attack = Partial(sign_vote, purifier=lambda key, x: x, classifier=classifier)
    >>> steps, draws = jnp.full(1, 0.25), jnp.arange(3)
    >>> attack(key, x, jnp.array(0), threat=Linf(0.5), step_sizes=steps, draws=draws)
    Array([[[0.25, 0.25]]], dtype=float32)
    """
    bare = Partial(undefended, classifier=classifier)

    def change(key: Array, x_adv: Array) -> Array:
        purified = purifier(key, x_adv)
        g = gradient(key, purified, label, bare, loss)
        return jnp.clip(purified + inner * jnp.sign(g), 0.0, 1.0) - purified

    def step(x_adv: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, size = at
        key_i = jax.random.fold_in(key, i)

        def changes(y: Array, draws: Array, knobs: dict[str, Array]) -> Array:
            del knobs
            return jax.vmap(lambda d: change(jax.random.fold_in(key_i, d), y))(draws)

        total = jnp.sum(spread(changes, x_adv, draws, {}, axis), axis=0)
        return threat.project(threat.ascend(x_adv, total, size), x), None

    steps = (jnp.arange(step_sizes.shape[0]), step_sizes)
    return scan(step, threat.project(x, x), steps)[0]


@dataclass(frozen=True)
@typed
class SignVote:
    """BPDA whose step is the majority of the gradients' signs over EOT samples.

    Source: Yoon et al. 2021, arXiv 2106.06041, the released code.

    Attributes:
        steps: iterations.
        step_size: of an iteration, as a share of the radius.
        eot: EOT samples that vote.
        loss: what is climbed: cross_entropy, margin or dlr.
    """

    steps: int = 40
    step_size: float = 0.25
    eot: int = 15
    loss: str = "cross_entropy"
    title = "BPDA+EOT (sign vote)"
    reported = "bpda"
    threats = ("Linf",)

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", 1)
        recipe.at_least(self, "step_size", 0)
        recipe.at_least(self, "eot", 1)
        recipe.one_of(self, "loss", tuple(LOSSES))

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        return Partial(
            sign_vote,
            purifier=target.forward(),
            classifier=target.classifier,
            draws=jnp.arange(self.eot),
            threat=threat,
            loss=LOSSES[self.loss],
            step_sizes=jnp.full(self.steps, self.step_size * threat.radius),
            axis=target.axis(self.eot),
        )

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        return self.steps * one * self.eot
