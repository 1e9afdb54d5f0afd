"""Gradient matching (Witches' Brew): poisons whose training step is the attacker's.

    g_t = d/dtheta  L(f(x_t), y_adv)             the step that would misclassify x_t
    g_p = d/dtheta  mean_j L(f(x_j + delta_j), y_j)         the step the victim takes
    min_delta  1 - <g_t, g_p> / (|g_t| |g_p|)

over all parameters theta of a network trained on clean data, whose gradient is taken
twice. Labels stay right, and the target is never trained on.

What a network learns from is `learning(params, key, x, label) -> []`, the loss of one
image as a function of any pytree of parameters. Running averages are bound beside it,
since a victim does not descend on them.

Source: Geiping et al. 2021, arXiv 2009.02276 ("Witches' Brew"), and its released code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.poison.building import chosen, of_class, rows, unit
from purifax.poison.context import Context
from purifax.poison.descent import (
    Objective,
    best_of_starts,
    descend,
    mean_objective,
    signed_adam,
)
from purifax.poison.fields import Targeted, share
from purifax.poison.injection import Poison
from purifax.poison.shifts import Transform, jitter
from purifax.poison.tap import at_normal
from purifax.recipe import typed
from purifax.threat import Threat

__all__ = [
    "GradientMatching",
    "Learning",
    "gradient_mismatch",
    "match_gradients",
    "mismatch",
    "target_gradient",
]

Learning: TypeAlias = Callable[[Any, Array, Array, Array], Array]
"""`learning(params, key, x, label) -> []`, the training loss of one image."""

_TINY = 1e-24


@checks.checked()
def target_gradient(
    key: Array, images: Array, labels: Array, params: Any, learning: Learning
) -> Any:
    """The mean gradient of the loss of some images in the parameters, like them.

    For the attacker: the target alone, [1, H, W, C], with the label it is to get.

    >>> square = lambda params, key, x, label: (params - jnp.sum(x) * label) ** 2
    >>> args = jnp.array([[3.0]]), jnp.array([1]), jnp.array(1.0), square
    >>> float(target_gradient(jax.random.key(0), *args))
    -4.0
    """

    def total(params: Any) -> Array:
        def one(i: Array, x: Array, label: Array) -> Array:
            return learning(params, jax.random.fold_in(key, i), x, label)

        return jnp.mean(jax.vmap(one)(jnp.arange(images.shape[0]), images, labels))

    return jax.grad(total)(params)


def mismatch(one: Any, other: Any) -> Array:
    """1 - cosine of two pytrees of the same structure, [], in [0, 2].

    >>> float(mismatch([jnp.array([2.0]), jnp.zeros(2)], [jnp.ones(1), jnp.zeros(2)]))
    0.0
    """
    size = jnp.sqrt((_dot(one, one) + _TINY) * (_dot(other, other) + _TINY))
    return 1.0 - _dot(one, other) / size


@checks.checked(target=checks.anything)
def gradient_mismatch(
    key: Array,
    images: Array,
    labels: Array,
    target: Any,
    params: Any,
    learning: Learning,
    *,
    transform: Transform = Partial(jitter),
) -> Array:
    """How far the step that poisons cause is from the step that is wanted, [].

    An objective for `descend` once all but key and images are bound by name. Several
    networks: `mean_objective` of one for each.

    Args:
        images: the poisoned ones, float [P, H, W, C] in [0, 1].
        labels: int [P], their own.
        target: from `target_gradient`, of the same parameters.
        transform: `(key, x) -> x`; `jitter` by up to 8 pixels of 32 is published, so
            bind `largest` to a quarter of the side of other images.

    >>> square = lambda params, key, x, label: (params - jnp.sum(x)) ** 2
    >>> still = lambda key, x: x
    >>> args = jnp.array([[3.0], [5.0]]), jnp.array([0, 1]), jnp.array(-7.0)
    >>> key, more = jax.random.key(0), (jnp.array(1.0), square)
    >>> float(gradient_mismatch(key, *args, *more, transform=still))
    0.0
    """
    k_transform, k_loss = jax.random.split(key)

    def seen(i: Array, x: Array) -> Array:
        return transform(jax.random.fold_in(k_transform, i), x)

    shown = jax.vmap(seen)(jnp.arange(images.shape[0]), images)
    return mismatch(target, target_gradient(k_loss, shown, labels, params, learning))


@checks.checked(target=checks.anything)
def match_gradients(
    key: Array,
    images: Array,
    labels: Array,
    target: Any,
    params: Any,
    learning: Learning,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
    *,
    transform: Transform = Partial(jitter),
) -> tuple[Array, Array]:
    """Perturbations of some images of the adversarial class that match a gradient.

    Signed Adam from normal noise, and the lowest of several restarts.

    Args:
        images: float [P, H, W, C] in [0, 1]; published are 500 of 50,000, of the class
            that the target is to get, all in one batch.
        threat: `Linf(8 / 255)`, or 16/255.
        step_sizes: [T], published are 250 of 0.1 in units of a standard deviation of
            the data (some 0.025 on CIFAR-10), times 0.1 from steps 93, 156 and 218.
        restarts: int [R], published are 8.

    Returns:
        delta, like images, and the mismatch at the end of every restart, [R].

    >>> from purifax.threat import Linf
    >>> square = lambda params, key, x, label: (params - jnp.sum(x)) ** 2
    >>> args = jnp.full((1, 1, 1, 1), 0.6), jnp.array([0]), jnp.array(1.0), 0.5, square
    >>> key, more = jax.random.key(0), (Linf(0.25), jnp.full(9, 0.1), jnp.arange(2))
    >>> delta, ends = match_gradients(key, *args, *more, transform=lambda key, x: x)
    >>> bool(ends.min() < 1e-6)
    True
    """
    objective = Partial(
        gradient_mismatch,
        labels=labels,
        target=target,
        params=params,
        learning=learning,
        transform=transform,
    )
    return _best(key, images, objective, threat, step_sizes, restarts)


def _best(
    key: Array,
    images: Array,
    objective: Objective,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
) -> tuple[Array, Array]:
    """The best of several descents, each from normal noise."""
    crafting = Partial(
        descend,
        objective=objective,
        threat=threat,
        step_sizes=step_sizes,
        rule=Partial(signed_adam),
        start=Partial(at_normal),
    )
    return best_of_starts(key, images, crafting, objective, restarts)


def _dot(one: Any, other: Any) -> Array:
    products = jax.tree.map(lambda a, b: jnp.sum(a * b), one, other)
    return sum(jax.tree.leaves(products), start=jnp.zeros(()))


@dataclass(frozen=True)
@typed
class GradientMatching(Targeted):
    """Gradient matching (Witches' Brew): training steps that help the attacker.

    Source: Geiping et al. 2021, arXiv 2009.02276.

    Attributes:
        rate: share of the images of the target class that are poisoned, in (0, 1].
        steps: steps of signed Adam.
        step_size: size of a step, in [0, 1] pixel units; a tenth of it after 3/8, 5/8
            and 7/8 of the steps.
        restarts: starts, of which the best is kept.
        jitter: pixels by which images are moved, and mirrored or not, before every
            step; 0: neither.
    """

    name: ClassVar[str] = "gradient_matching"

    rate: float = 0.1
    steps: int = 250
    step_size: float = 0.025
    restarts: int = 8
    jitter: float = 8.0

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, "rate")
        recipe.at_least(self, "steps", 1)
        recipe.above(self, "step_size", 0)
        recipe.at_least(self, "restarts", 1)
        recipe.at_least(self, "jitter", 0)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        aim = self.aim(context)
        index = chosen(context, of_class(context, self.target), self.rate)
        x, labels = (jnp.asarray(one) for one in rows(context, index))
        transform = Partial(_still)
        if self.jitter:
            transform = Partial(jitter, largest=jnp.float32(self.jitter))
        shown = jnp.asarray(unit(aim.image))[None], jnp.array([aim.wanted])
        key, slope = context.key("aims"), context.compiled(target_gradient)
        objectives = []
        for network in self.networks(context):
            params, learning = context.learning(network)
            objective = Partial(
                gradient_mismatch,
                labels=labels,
                target=slope(key, *shown, params, learning),
                params=params,
                learning=learning,
                transform=transform,
            )
            objectives.append(objective)
        objective = Partial(mean_objective, objectives=tuple(objectives))
        args = context.key("matching"), x, objective, self.threat, self.step_sizes
        delta, _ = context.compiled(_best)(*args, jnp.arange(self.restarts))
        return Poison(index, delta, self.threat, name=self.name)

    @property
    def step_sizes(self) -> Array:
        """Sizes of the steps, [T]."""
        passed = [
            sum(i >= round(part * self.steps) for part in (3 / 8, 5 / 8, 7 / 8))
            for i in range(self.steps)
        ]
        return jnp.array([self.step_size * 0.1**n for n in passed], jnp.float32)

    def calls(self) -> int:
        """Second gradients of a network for one image."""
        return self.steps * self.restarts * self.ensemble


def _still(key: Array, x: Array) -> Array:
    del key
    return x
