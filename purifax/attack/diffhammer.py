"""DiffHammer: attack the draws that can be fooled together, and let go of the others.

The purifications of one image fall into groups with different weaknesses, and the mean
gradient may help none of them. With y_s the purified images of S draws, L_s their
losses, g_s the classifier's gradients at y_s and u(r) the threat's unit direction,

    leader  the draw whose direction serves all best: it has the largest
            sum_j elu(L_j + R <u(g_s), g_j>)
    r       g_leader at first, and then again and again
    E       w_j = sigmoid(sharpness (L_j + R <u(r), g_j>)), how surely draw j falls to r
    M       r = sum_j w_j g_j / sum_j w_j

and the step follows J^T r, with J the Jacobian of the leader's purifier: the gradients
are combined at the purified images and sent back through one chain ("gradient
grafting"), so a step costs S forward passes of the chain and one backward. The slope is
averaged over the iterations, with weight (i + 1)^-memory on the newest.

J of the leader stands for the Jacobians of all: this is no gradient of any expected
loss, and its value lies in the answers it finds.

Where this differs from the released code: r changes between EM steps, as in the paper
(there it is computed and not used until the last); R, the radius, is in the E-step as
it is in the choice of the leader; iterations follow a schedule of step sizes, not
APGD's rule; draws are those of one iteration, where there they also judge success.

Source: Wang et al. 2024, "DiffHammer: Rethinking the Robustness of Diffusion-Based
Adversarial Purification", NeurIPS 2024, algorithm 1, and its released code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.budget import LOSSES
from purifax.attack.checks import attacking
from purifax.attack.diffhammer_steps import graft
from purifax.attack.selection import choose
from purifax.attack.starts import STARTS, Start, at_random
from purifax.attack.target import Target
from purifax.classify import margin
from purifax.recipe import typed
from purifax.threat import L2, Linf, Threat
from purifax.transform.remat import Scan
from purifax.transform.shard_draws import Axis
from purifax.types import Attack, Classifier, Loss, Model, Purifier

__all__ = [
    "DiffHammer",
    "hammer",
    "hammer_path",
]


@attacking("classifier")
def hammer(
    key: Array,
    x: Array,
    label: Array,
    purifier: Purifier,
    classifier: Classifier,
    threat: Linf | L2,
    step_sizes: Array,
    draws: Array,
    *,
    memory: Array | float = 0.5,
    sharpness: Array | float = 5.0,
    loss: Loss = Partial(margin),
    start: Start = Partial(at_random),
    scan: Scan = jax.lax.scan,
    axis: Axis | None = None,
) -> Array:
    """The last iterate of DiffHammer's steps.

    Args:
        purifier: under the gradient mode that is to be followed; `backward.exact`.
        step_sizes: [T], in pixel units; published: three runs of 50, one for each of
            the losses margin, cross-entropy and DLR, the best of them kept (see
            `best_of_restarts`).
        draws: [S] integers; published: 10.
        memory: the paper's alpha; 0 follows the newest direction alone.
        sharpness: the paper's lambda.
        loss: of one draw; its sign is read as right or wrong.
        start: `at_random`, `at_surface` or `at_image`, as a `Partial`.
        scan: runs the loop over steps.
        axis: of the devices that share the draws, see `graft`.

    Returns:
        x_adv, in the threat's set around x and in [0, 1].

    >>> x, key = jnp.full((1, 1, 2), 0.5), jax.random.key(0)
    >>> f = lambda x: jnp.stack([x[0, 0, 0] - x[0, 0, 1], 0.0])
    >>> same = lambda key, x: x
    >>> args = (jnp.array(0), same, f, Linf(0.25), jnp.full(4, 0.25), jnp.arange(2))
    >>> hammer(key, x, *args) - x
    Array([[[-0.25,  0.25]]], dtype=float32)
    """
    follow = Partial(
        graft,
        label=label,
        purifier=purifier,
        classifier=classifier,
        threat=threat,
        draws=draws,
        sharpness=sharpness,
        loss=loss,
        axis=axis,
    )
    args = (key, x, follow, threat, step_sizes, memory, start, scan)
    return _climb(*args, _nothing)[1]


@attacking("classifier")
def hammer_path(
    key: Array,
    x: Array,
    label: Array,
    purifier: Purifier,
    classifier: Classifier,
    threat: Linf | L2,
    step_sizes: Array,
    draws: Array,
    *,
    memory: Array | float = 0.5,
    start: Start = Partial(at_random),
    sharpness: Array | float = 5.0,
    loss: Loss = Partial(margin),
    scan: Scan = jax.lax.scan,
    axis: Axis | None = None,
) -> Array:
    """Every iterate of `hammer`, [T + 1, H, W, C], for `best_iterate`."""
    follow = Partial(
        graft,
        label=label,
        purifier=purifier,
        classifier=classifier,
        threat=threat,
        draws=draws,
        sharpness=sharpness,
        loss=loss,
        axis=axis,
    )
    args = (key, x, follow, threat, step_sizes, memory, start, scan)
    first, _, path = _climb(*args, _image)
    return jnp.concatenate([first[None], path])


def _climb(
    key: Array,
    x: Array,
    follow: Callable[[Array, Array], Array],
    threat: Linf | L2,
    step_sizes: Array,
    memory: Array | float,
    start: Start,
    scan: Scan,
    see: Callable[[Array], Array | None],
) -> tuple[Array, Array, Array]:
    """The first image, the last, and what `see` takes down of those after a step."""
    k_start, k_steps = jax.random.split(key)

    def step(carry: tuple[Array, Array], at: tuple) -> tuple[tuple, Array | None]:
        (x_adv, mean), (i, size) = carry, at
        slope = follow(jax.random.fold_in(k_steps, i), x_adv)
        newest = (1.0 + i.astype(x.dtype)) ** -jnp.asarray(memory, x.dtype)
        mean = newest * slope + (1.0 - newest) * mean
        x_adv = threat.project(threat.ascend(x_adv, mean, size), x)
        return (x_adv, mean), see(x_adv)

    first = threat.project(start(k_start, x, threat), x)
    steps = (jnp.arange(step_sizes.shape[0]), step_sizes)
    (last, _), seen = scan(step, (first, 0.0 * first), steps)
    return first, last, seen


def _image(x_adv: Array) -> Array:
    return x_adv


def _nothing(x_adv: Array) -> None:
    del x_adv


@dataclass(frozen=True)
@typed
class DiffHammer:
    """DiffHammer: the gradient of the samples that can fall together.

    It runs once with each published loss (margin, cross-entropy and DLR), and the image
    of highest expected margin is kept.

    Source: Wang et al. 2024, NeurIPS, algorithm 1.

    Attributes:
        steps: iterations with each loss.
        step_size: of an iteration, as a share of the radius.
        eot: purification samples looked at in each iteration.
        start: where it begins: random, surface or image.
        judge: fresh purification samples by which the three images are judged.
    """

    steps: int = 50
    step_size: float = 0.25
    eot: int = 10
    start: str = "random"
    judge: int = 10
    title = "DiffHammer"
    reported = "grafted"
    threats = ("Linf", "L2")
    requires = ("purifier", "one_level")
    least_classes = 3

    def __post_init__(self) -> None:
        for field in ("steps", "eot", "judge"):
            recipe.at_least(self, field, 1)
        recipe.at_least(self, "step_size", 0)
        recipe.one_of(self, "start", tuple(STARTS))

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        common: dict[str, Any] = {
            "threat": threat,
            "start": STARTS[self.start],
            "purifier": target.forward(),
            "classifier": target.classifier,
            "step_sizes": jnp.full(self.steps, self.step_size * threat.radius),
            "draws": jnp.arange(self.eot),
            "axis": target.axis(self.eot),
        }
        runs = tuple(
            Partial(hammer, **common, loss=LOSSES[name])
            for name in ("margin", "cross_entropy", "dlr")
        )
        return Partial(_best, attacks=runs, judge=target.queried(self.judge))

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        return 3 * one * (self.steps * (self.eot + 1) + self.judge)


def _best(
    key: Array,
    x: Array,
    label: Array,
    attacks: tuple[Partial, ...],
    judge: Model,
    scan: Scan = jax.lax.scan,
) -> Array:
    """Of the images of several attacks that of highest expected margin."""
    k_attacks, k_judge = jax.random.split(key)
    found = [
        run(jax.random.fold_in(k_attacks, i), x, label, scan=scan)
        for i, run in enumerate(attacks)
    ]
    loss = LOSSES["margin"]
    return choose(k_judge, jnp.stack(found), label, judge, loss=loss)[0]
