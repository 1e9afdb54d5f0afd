"""SEP: self-ensemble protection, noise against the checkpoints of one training run.

    SEP      min_delta  mean_m L(f_m(x + delta), y + 5)
    SEP-FA   min_delta  mean_m |h_m(x + delta) - c_m[y + 5]|^2 / D

with h_m the features of checkpoint m before its last layer and c_m their means over
classes. Checkpoints from the course of a training see an image differently, as an
ensemble of networks does, at the price of one. Variance reduction (VR) visits them one
by one within a step:

    G <- G + g_m(v) - g_m(x) + mean_k g_k(x),   v <- project(v + step sign G)

Source: Chen et al. 2023, arXiv 2211.12005: 30 steps of 1/255, Linf 2/255 (8/255 where
it is compared with other poisons), 30 checkpoints, labels shifted by 5 of 10 classes or
50 of 100; with variance reduction 15 checkpoints and as many visits. The released code
then takes the class means of the last checkpoint whichever it visits; here each has its
own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.attack import at_image, pgd
from purifax.attack.pgd_attack import gradient
from purifax.poison.building import crafted, everywhere, model_of, surrogates
from purifax.poison.context import Context
from purifax.poison.entf import class_means
from purifax.poison.fields import Descended, Share
from purifax.poison.hypo import mislead
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.types import Loss, Model

__all__ = [
    "SEP",
    "SEPFA",
    "SEPFAVR",
    "self_ensemble",
    "self_ensemble_features",
    "self_ensemble_reduced",
    "together",
]


def together(key: Array, x: Array, models: Sequence[Model]) -> Array:
    """The logits of several models, [S, K], whose loss is the mean of theirs.

    >>> double = lambda key, x: 2 * x
    >>> key = jax.random.key(0)
    >>> together(key, jnp.ones(2), (double, double)).tolist()
    [[2.0, 2.0], [2.0, 2.0]]
    """
    draws = enumerate(models)
    return jnp.stack([model(jax.random.fold_in(key, i), x) for i, model in draws])


@checks.checked()
def self_ensemble(
    key: Array,
    x: Array,
    label: Array,
    models: Sequence[Model],
    threat: Threat,
    step_sizes: Array,
    *,
    shift: Array | int = 5,
) -> Array:
    """Noise that makes all checkpoints see another class; a maker.

    Args:
        models: one for each checkpoint, each `(key, x) -> logits`, a pytree.
        threat: `Linf(2 / 255)` is published.
        step_sizes: [T], published are 30 of 1/255.
        shift: of the label; half the number of classes is published.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> models = [Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))] * 2
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), models
    >>> self_ensemble(*args, Linf(0.25), jnp.full(4, 0.25), shift=1).tolist()
    [[[-0.25]]]
    """
    model = Partial(together, models=tuple(models))
    return mislead(key, x, label, model, threat, step_sizes, shift=shift)


@checks.checked()
def self_ensemble_features(
    key: Array,
    x: Array,
    label: Array,
    extractors: Sequence[Model],
    centroids: Array,
    threat: Threat,
    step_sizes: Array,
    *,
    shift: Array | int = 5,
) -> Array:
    """SEP-FA: noise that takes features to those of another class; a maker.

    Args:
        extractors: `(key, x) -> features [D]`, one for each checkpoint.
        centroids: [M, K, D], `entangle`'s `centroids` under each checkpoint.
        threat, step_sizes, shift: as for `self_ensemble`.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> extractors = [Partial(lambda key, x: x.ravel())] * 2
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), extractors
    >>> means = jnp.array([[[0.5], [0.0]], [[0.5], [0.0]]])
    >>> more = Linf(0.25), jnp.full(4, 0.25)
    >>> self_ensemble_features(*args, means, *more, shift=1).tolist()
    [[[-0.25]]]
    """
    model = Partial(together, models=tuple(extractors))
    loss = Partial(_nearness, centroids=centroids, shift=shift)
    more = {"loss": loss, "start": Partial(at_image)}
    return pgd(key, x, label, model, threat, step_sizes, **more) - x


@checks.checked()
def self_ensemble_reduced(
    key: Array,
    x: Array,
    label: Array,
    extractors: Sequence[Model],
    centroids: Array,
    threat: Threat,
    step_sizes: Array,
    visits: Array,
    *,
    shift: Array | int = 5,
) -> Array:
    """SEP-FA-VR: each step goes along visits to checkpoints drawn at random.

    Otherwise as `self_ensemble_features`.

    Args:
        visits: [V], step sizes within a step, one for each checkpoint visited;
            published are as many as there are checkpoints, each as large as the step.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> extractors = [Partial(lambda key, x: x.ravel())] * 2
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), extractors
    >>> means = jnp.array([[[0.5], [0.0]], [[0.5], [0.0]]])
    >>> more = Linf(0.25), jnp.full(4, 0.25), jnp.full(2, 0.25)
    >>> self_ensemble_reduced(*args, means, *more, shift=1).tolist()
    [[[-0.25]]]
    """
    number = jnp.arange(len(extractors), dtype=jnp.int32)
    slopes = [
        _slope(fn, label, Partial(_nearness, centroids=means[None], shift=shift))
        for fn, means in zip(extractors, centroids, strict=True)
    ]

    def at(k: Array, m: Array, y: Array) -> Array:
        """Of one checkpoint; images differ in which, so that all are computed."""
        every = jnp.stack([slope(k, y) for slope in slopes])
        own = (number == m).reshape(-1, *(1,) * y.ndim)
        return jnp.sum(jnp.where(own, every, 0.0), axis=0)

    def step(x_now: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        i, size = row
        k_mean, k_order, k_visit = jax.random.split(jax.random.fold_in(key, i), 3)
        each = [fn(jax.random.fold_in(k_mean, m), x_now) for m, fn in enumerate(slopes)]
        mean = jnp.mean(jnp.stack(each), axis=0)
        order = jax.random.randint(k_order, visits.shape, 0, len(extractors), jnp.int32)

        def visit(state: tuple[Array, Array], row: tuple) -> tuple[tuple, None]:
            (v, total), (j, m, size) = state, row
            k = jax.random.fold_in(k_visit, j)
            total = total + at(k, m, v) - at(k, m, x_now) + mean
            return (threat.project(threat.ascend(v, total, size), x), total), None

        rows = jnp.arange(visits.shape[0]), order, visits
        (_, total), _ = jax.lax.scan(visit, (x_now, 0 * x_now), rows)
        return threat.project(threat.ascend(x_now, total, size), x), None

    steps = jnp.arange(step_sizes.shape[0]), step_sizes
    return jax.lax.scan(step, threat.project(x, x), steps)[0] - x


def _nearness(
    features: Array, label: Array, centroids: Array, shift: Array | int
) -> Array:
    """Minus the mean square between features [M, D] and the shifted class's means."""
    centroids, classes = centroids.astype(features.dtype), centroids.shape[1]
    valid = checks.among("`label`", label, classes)
    wanted = jnp.arange(classes) == (label + shift) % classes
    aims = jnp.sum(jnp.where(wanted[None, :, None], centroids, 0.0), axis=1)
    far = jnp.mean(jnp.square(features - aims.reshape(features.shape)))
    return checks.where(valid, -far)


def _slope(
    extractor: Model, label: Array, loss: Loss
) -> Callable[[Array, Array], Array]:
    """The gradient of the loss under one checkpoint."""
    return lambda k, y: gradient(k, y, label, extractor, loss)


@dataclass(frozen=True)
@typed
class SEP(Share, Descended):
    """Self-ensemble protection: noise against checkpoints of one training (SEP).

    Source: Chen et al. 2023, arXiv 2211.12005.

    Attributes:
        checkpoints: networks at even distances of the training.
    """

    name: ClassVar[str] = "sep"

    checkpoints: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "checkpoints", 1)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        networks = surrogates(context, self.checkpoints, self.white_box)
        verb, bound = self._against(context, networks)
        bound |= {"threat": self.threat, "step_sizes": self.step_sizes}
        maker = Partial(verb, shift=context.classes // 2, **bound)
        index = everywhere(context, self.rate)
        return crafted(context, index, maker, self.threat, self.name)

    def calls(self) -> int:
        """Gradients of a network for one image."""
        return self.steps * self.checkpoints

    def _against(self, context: Context, networks: Sequence[Any]) -> tuple:
        """The maker, and what it knows of the networks."""
        del context
        return self_ensemble, {"models": tuple(map(model_of, networks))}


@dataclass(frozen=True)
@typed
class SEPFA(SEP):
    """SEP by feature alignment with another class (SEP-FA).

    Source: Chen et al. 2023, arXiv 2211.12005.
    """

    name: ClassVar[str] = "sep_fa"

    def _against(self, context: Context, networks: Sequence[Any]) -> tuple:
        extractors = tuple(context.features(one) for one in networks)
        means = jnp.stack([class_means(context, one) for one in networks])
        return self_ensemble_features, {"extractors": extractors, "centroids": means}


@dataclass(frozen=True)
@typed
class SEPFAVR(SEPFA):
    """SEP-FA with variance-reduced gradients (SEP-FA-VR).

    A step visits as many checkpoints as there are.

    Source: Chen et al. 2023, arXiv 2211.12005.
    """

    name: ClassVar[str] = "sep_fa_vr"

    def calls(self) -> int:
        """Gradients of a network for one image."""
        return self.steps * self.checkpoints * (1 + 2 * self.checkpoints)

    def _against(self, context: Context, networks: Sequence[Any]) -> tuple:
        bound = super()._against(context, networks)[1]
        visits = jnp.full(len(networks), self.step_sizes[0])
        return self_ensemble_reduced, {"visits": visits, **bound}
