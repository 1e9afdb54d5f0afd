"""Projected gradient descent, on a model that may be random.

    x <- project(x + step ascend(gradient of the loss at x))

Step i draws its own key, `fold_in(key, i)`, so a random model is averaged along the
path as well as over its draws. The steps are Linf signs or L2 unit gradients, as the
threat says.

Source: Madry et al. 2018, arXiv 1706.06083; with EOT, Athalye et al. 2018, arXiv
1802.00420. Lee and Kim 2023 (arXiv 2303.09051) use 200 steps of 0.007 from the image
itself with 20 draws on CIFAR-10 at Linf 8/255.
"""

from dataclasses import dataclass, replace

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.attack.budget import Ascent
from purifax.attack.checks import attacking
from purifax.attack.starts import Start, at_random
from purifax.attack.target import Target
from purifax.classify import cross_entropy
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.transform.remat import Scan
from purifax.types import Attack, Loss, Model

__all__ = [
    "PGD",
    "SurrogatePGD",
    "gradient",
    "pgd",
    "pgd_path",
]


@attacking()
def pgd(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    *,
    loss: Loss = Partial(cross_entropy),
    start: Start = Partial(at_random),
    scan: Scan = jax.lax.scan,
) -> Array:
    """The last iterate of projected gradient descent.

    Args:
        x: image [H, W, C] in [0, 1].
        label: its class [].
        model: `(key, x) -> logits`. With `classify.each` bound, the loss is the
            expected loss over the draws; with `classify.mean_logits` the loss of the
            mean.
        step_sizes: [T], in pixel units.
        loss: what to climb, `(logits, label) -> []`, as a `Partial`.
        start: `at_random` or `at_image`, as a `Partial`.
        scan: runs the loop over steps; one that can be interrupted, for instance.

    Returns:
        x_adv, in the threat's set around x and in [0, 1].

    >>> from purifax.threat import Linf
    >>> w = jnp.array([1.0, -2.0])
    >>> model = lambda key, x: jnp.stack([jnp.sum(w * x[0, 0]), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 2), 0.5), jax.random.key(0)
    >>> pgd(key, x, jnp.array(0), model, Linf(0.125), jnp.full(9, 0.125)) - x
    Array([[[-0.125,  0.125]]], dtype=float32)
    """
    k_start, k_steps = jax.random.split(key)
    step = Partial(_step, k_steps, x, label, model, threat, loss)
    first = threat.project(start(k_start, x, threat), x)
    return scan(step, first, _numbered(step_sizes))[0]


@attacking()
def pgd_path(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    *,
    loss: Loss = Partial(cross_entropy),
    start: Start = Partial(at_random),
    scan: Scan = jax.lax.scan,
) -> Array:
    """Every iterate of `pgd`, [T + 1, H, W, C], its start first."""
    k_start, k_steps = jax.random.split(key)

    def step(x_adv: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
        x_adv, _ = _step(k_steps, x, label, model, threat, loss, x_adv, at)
        return x_adv, x_adv

    first = threat.project(start(k_start, x, threat), x)
    _, path = scan(step, first, _numbered(step_sizes))
    return jnp.concatenate([first[None], path])


def _step(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    loss: Loss,
    x_adv: Array,
    at: tuple[Array, Array],
) -> tuple[Array, None]:
    i, size = at
    g = gradient(jax.random.fold_in(key, i), x_adv, label, model, loss)
    return threat.project(threat.ascend(x_adv, g, size), x), None


def _numbered(step_sizes: Array) -> tuple[Array, Array]:
    return jnp.arange(step_sizes.shape[0]), step_sizes


def gradient(key: Array, x: Array, label: Array, model: Model, loss: Loss) -> Array:
    """The gradient of the loss in x; entries that are not finite count as zero."""
    g = jax.grad(lambda y: loss(model(key, y), label))(x)
    return jnp.where(jnp.isfinite(g), g, 0.0)


_TITLES = {
    "blind": "blind PGD",
    "transfer": "transfer PGD",
    "bpda": "BPDA+EOT",
    "one_step": "one-step unrolling",
    "frozen": "frozen-step PGD+EOT",
    "exact": "exact PGD+EOT",
}
_REPORTED = {"one_step": "unrolled", "frozen": "surrogate"}
_REQUIRED = {
    "transfer": ("surrogate",),
    "frozen": ("frozen",),
    "one_step": ("short",),
    "surrogate": ("short",),
}


@dataclass(frozen=True)
@typed
class PGD(Ascent):
    """Projected gradient descent under any gradient, averaged over EOT samples.

    Source: Madry et al. 2018, arXiv 1706.06083; Athalye et al. 2018, arXiv 1802.00420.

    Attributes:
        gradient: exact, bpda, frozen, one_step, blind or transfer; see `attack.target`.
    """

    gradient: str = "exact"

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.one_of(self, "gradient", tuple(_TITLES))

    @property
    def title(self) -> str:
        """What a report calls the attack."""
        if self.gradient == "bpda" and self.eot == 1:
            return "approximate input"
        return _TITLES[self.gradient]

    @property
    def reported(self) -> str:
        """The gradient, as a report names it."""
        return _REPORTED.get(self.gradient, self.gradient)

    @property
    def requires(self) -> tuple[str, ...]:
        """What a target must have; see `attack.target.REQUIRED`."""
        return _REQUIRED.get(self.gradient, ())

    def _seen(self, target: Target) -> Model:
        return target.model(self.gradient, self.eot, self.at_once)

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        common = self.common(threat) | {"model": self._seen(target)}
        common["step_sizes"] = self.sizes(threat)
        judge = target.judge(self.gradient, self.judge)
        once, path = Partial(pgd, **common), Partial(pgd_path, **common)
        return self.selected(once, path, judge, common["loss"])

    def iterates(self, target: Target, threat: Threat, places: Array) -> Attack:
        """The attack that returns its iterates at `places`, [K, H, W, C]."""
        path = Partial(
            pgd_path,
            **self.common(threat),
            step_sizes=self.sizes(threat),
            model=self._seen(target),
        )
        return Partial(_iterates, path=path, places=places)

    def alone(self) -> "PGD":
        """With one start and its last iterate."""
        return replace(self, candidates=1, restarts=1)

    def shared(self, samples: int) -> int:
        """The samples that devices may share in a gradient; 1 where they may not."""
        del samples
        alone = self.gradient in ("blind", "transfer")
        return 1 if alone else self.at_once or self.eot

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image.

        Args:
            one: of the model for one sample.
            answers: samples of all answers to an image.
        """
        del answers
        if self.gradient in ("blind", "transfer"):
            return replace(self, eot=1, at_once=None, judge=1).climbed(1, self.steps)
        twice = 2 if self.gradient == "one_step" else 1
        return self.climbed(twice * one, self.steps)


@dataclass(frozen=True)
@typed
class SurrogatePGD(PGD):
    """PGD on a purifier with fewer steps, of which the full one is spared.

    Source: Lee and Kim 2023, arXiv 2303.09051.

    Attributes:
        shorter: steps of the purifier that is attacked; 0 is half of its own.
        gradient: surrogate, and no other.
    """

    gradient: str = "surrogate"
    shorter: int = 0

    def __post_init__(self) -> None:
        Ascent.__post_init__(self)
        recipe.one_of(self, "gradient", ("surrogate",))
        recipe.at_least(self, "shorter", 0)

    @property
    def title(self) -> str:
        """What a report calls the attack."""
        return "surrogate PGD+EOT"

    def _seen(self, target: Target) -> Model:
        return target.model("surrogate", self.eot, self.at_once, self.shorter)


def _iterates(
    key: Array, x: Array, label: Array, path: Partial, places: Array
) -> Array:
    return path(key, x, label)[places]
