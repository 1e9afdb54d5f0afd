"""Auto-PGD: gradient ascent that halves its own step, on a model that may be random.

    z    = project(x_i + step ascend(gradient at x_i))
    x_+  = project(x_i + weight (z - x_i) + (1 - weight) (x_i - x_(i-1)))

with weight 1 in the first iteration. The step begins at twice the radius. At a
checkpoint it is halved, and the ascent goes on from the best image so far, if

- at most a share of the iterations since the last checkpoint raised the loss, or
- the last checkpoint did not halve and the best loss has not risen since.

Where this differs from the released code. A model with several draws
(`classify.each`) is judged by the *mean* loss over the draws of an iteration, the one
whose gradient is followed; there the last draw alone decides. The first iteration
counts as a rise if it raised the loss, as in the paper; there it is compared with zero.
Nothing stops at the first wrong answer: the image of highest loss is kept, or with
`keep` the one highest in another loss. With the margin there, a wrong answer met on the
way is never lost, whatever loss is climbed.

Losses of different iterations are of different draws, so the best of them was also
lucky. To choose on keys of its own, give `apgd_path` to `best_iterate`, or `apgd` to
`best_of_restarts`.

Source: Croce and Hein 2020, arXiv 2003.01690, algorithm 1 and section 3, with the
window lengths of its released code.
"""

from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.attack.apgd_state import _begin, _check, _move, _note, _State
from purifax.attack.budget import Ascent
from purifax.attack.checks import attacking
from purifax.attack.starts import Start, at_surface
from purifax.attack.target import Target
from purifax.attack.trace import Kept, See, Trace, everything, images, nothing
from purifax.attack.windows import apgd_checkpoints
from purifax.classify import cross_entropy
from purifax.recipe import typed
from purifax.threat import L2, Linf, Threat
from purifax.transform.remat import Scan
from purifax.types import Attack, Loss, Model

__all__ = [
    "APGD",
    "apgd",
    "apgd_path",
    "apgd_trace",
]


@attacking(first_step=checks.positive, weight=checks.share)
def apgd(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Linf | L2,
    checkpoints: Array,
    *,
    loss: Loss = Partial(cross_entropy),
    keep: Loss | None = None,
    start: Start = Partial(at_surface),
    first_step: Array | float = 2.0,
    weight: Array | float = 0.75,
    share: Array | float = 0.75,
    scan: Scan = jax.lax.scan,
) -> Array:
    """The image of highest loss that Auto-PGD meets, its start included.

    Args:
        x: image [H, W, C] in [0, 1].
        label: its class [].
        model: `(key, x) -> logits`, [K] or with `classify.each` bound [S, K]; T + 1
            gradients of it are taken.
        checkpoints: bool [T], the iterations after which the step may be halved;
            `apgd_checkpoints(100)` is published.
        loss: what to climb, `(logits, label) -> []`, as a `Partial`.
        keep: the loss by which the image returned is chosen; None is `loss`.
        start: `at_surface`, `at_random` or `at_image`, as a `Partial`.
        first_step: length of the first step, in radii.
        weight: of the new step; the rest is momentum (the paper's alpha).
        share: of a window's iterations that must raise the loss (the paper's rho).
        scan: runs the loop over iterations.

    Returns:
        x_adv, in the threat's set around x and in [0, 1].

    >>> w = jnp.array([1.0, -2.0])
    >>> model = lambda key, x: jnp.stack([jnp.sum(w * x[0, 0]), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 2), 0.5), jax.random.key(0)
    >>> apgd(key, x, jnp.array(0), model, Linf(0.125), jnp.ones(5, bool)) - x
    Array([[[-0.125,  0.125]]], dtype=float32)
    """
    kept, _ = _climb(
        *(key, x, label, model, threat, checkpoints, nothing),
        loss=loss,
        keep=keep,
        start=start,
        first_step=first_step,
        weight=weight,
        share=share,
        scan=scan,
    )
    return kept.image


@attacking(first_step=checks.positive, weight=checks.share)
def apgd_path(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Linf | L2,
    checkpoints: Array,
    **more: Any,
) -> Array:
    """Every iterate of `apgd`, [T + 1, H, W, C], for `best_iterate` to choose from.

    `more` are the keywords of `apgd`.
    """
    _, path = _climb(key, x, label, model, threat, checkpoints, images, **more)
    return path


@attacking(first_step=checks.positive, weight=checks.share)
def apgd_trace(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Linf | L2,
    checkpoints: Array,
    **more: Any,
) -> Trace:
    """Every iterate of `apgd`, with its loss and the step taken from it.

    `more` are the keywords of `apgd`.
    """
    _, seen = _climb(key, x, label, model, threat, checkpoints, everything, **more)
    return Trace(*seen[:-1], step_sizes=seen[-1][:-1])


def _climb(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Linf | L2,
    checkpoints: Array,
    see: See,
    *,
    loss: Loss = Partial(cross_entropy),
    keep: Loss | None = None,
    start: Start = Partial(at_surface),
    first_step: Array | float = 2.0,
    weight: Array | float = 0.75,
    share: Array | float = 0.75,
    scan: Scan = jax.lax.scan,
) -> tuple[Kept, Any]:
    """The ascent: what is kept of it, and what `see` takes down of each iteration."""
    k_start, k_steps = jax.random.split(key)

    def iterate(carry: tuple[_State, Kept], at: tuple) -> tuple[tuple, Any]:
        (state, kept), (i, checkpoint) = carry, at
        key_i = jax.random.fold_in(k_steps, i)
        value, score, slope = value_and_slope(
            key_i, state.x, label, model, loss, loss if keep is None else keep
        )
        image, state = state.x, _note(state, value, slope, i > 0)
        state, slope = _check(state, slope, checkpoint, share)
        after = _move(state, slope, x, threat, jnp.where(i > 0, weight, 1.0))
        return (after, kept.or_else(image, score)), see(image, value, score, state.step)

    first = threat.project(start(k_start, x, threat), x)
    size = jnp.asarray(first_step * threat.radius, x.dtype)
    flags = jnp.concatenate([jnp.zeros(1, bool), checkpoints])
    steps = (jnp.arange(flags.shape[0]), flags)
    (_, kept), seen = scan(iterate, (_begin(first, size), Kept.none(first)), steps)
    return kept, seen


def value_and_slope(
    key: Array, x: Array, label: Array, model: Model, loss: Loss, keep: Loss
) -> tuple[Array, Array, Array]:
    """Both losses, -inf unless finite, and the gradient of `loss`, 0 where not finite.

    The image is evaluated once; `keep` reads the same logits.
    """

    def both(y: Array) -> tuple[Array, Array]:
        logits = model(key, y)
        return loss(logits, label), keep(logits, label)

    (value, score), g = jax.value_and_grad(both, has_aux=True)(x)
    value, score = (jnp.where(jnp.isfinite(v), v, -jnp.inf) for v in (value, score))
    return (
        value.astype(x.dtype),
        score.astype(x.dtype),
        jnp.where(jnp.isfinite(g), g, 0.0),
    )


_TITLES = {
    "exact": "exact APGD+EOT",
    "frozen": "frozen-step APGD+EOT",
    "bpda": "BPDA APGD+EOT",
}


@dataclass(frozen=True)
@typed
class APGD(Ascent):
    """Auto-PGD, whose step sizes set themselves, averaged over EOT samples.

    With one candidate it keeps its best iterate.

    Source: Croce and Hein 2020, arXiv 2003.01690, algorithm 1.

    Attributes:
        step_size: of the first step, as a share of the radius; published 2.
        gradient: exact, frozen or bpda; see `attack.target`.
    """

    steps: int = 100
    step_size: float = 2.0
    eot: int = 20
    start: str = "surface"
    gradient: str = "exact"
    threats = ("Linf", "L2")

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.one_of(self, "gradient", tuple(_TITLES))

    @property
    def title(self) -> str:
        """What a report calls the attack."""
        return _TITLES[self.gradient]

    @property
    def reported(self) -> str:
        """The gradient, as a report names it."""
        return "surrogate" if self.gradient == "frozen" else self.gradient

    @property
    def requires(self) -> tuple[str, ...]:
        """What a target must have; see `attack.target.REQUIRED`."""
        return ("frozen",) if self.gradient == "frozen" else ()

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        seen = target.model(self.gradient, self.eot, self.at_once)
        common = self.common(threat) | {"model": seen}
        common["checkpoints"] = apgd_checkpoints(self.steps)
        common["first_step"] = self.step_size
        judge = target.judge(self.gradient, self.judge)
        once, path = Partial(apgd, **common), Partial(apgd_path, **common)
        return self.selected(once, path, judge, common["loss"])

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        return self.climbed(one, self.steps + 1)
