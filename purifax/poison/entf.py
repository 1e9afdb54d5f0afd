"""EntF: features of the classes entangled, against adversarial training.

    push   max_delta  |h(x + delta) - c_y|^2 / D
    pull   min_delta  min_{k != y} |h(x + delta) - c_k|^2 / D

with h the features before the last layer of a network that was trained adversarially,
c_k their mean over class k of the clean set, and D their number. Networks trained in
the plain way are not harmed.

Source: Wen et al. 2023, "Is adversarial training really a silver bullet for mitigating
data poisoning?", International Conference on Learning Representations, released code:
ResNet-18 trained at Linf 4/255; 300 steps of 0.4/255 within 8/255 from normal noise, a
crop and a flip before every one.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.poison.building import crafted, everywhere, unit
from purifax.poison.context import Context
from purifax.poison.fields import Descended, Share, moved
from purifax.poison.injection import Poison
from purifax.poison.tap import restarted
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.types import Loss, Model

__all__ = [
    "EntF",
    "centroids",
    "class_means",
    "entangle",
    "pull_loss",
    "pull_loss_released",
    "push_loss",
]


@checks.checked()
def centroids(features: Array, labels: Array, classes: Array) -> Array:
    """The mean features of every class, [K, D].

    Args:
        features: [N, D], of clean images.
        labels: int [N].
        classes: int [K], each of which occurs.

    >>> features = jnp.array([[0.0], [2.0], [5.0]])
    >>> centroids(features, jnp.array([1, 1, 0]), jnp.arange(2)).tolist()
    [[5.0], [1.0]]
    """
    member = (labels[None, :] == classes[:, None]).astype(features.dtype)
    total = jnp.matmul(member, features, precision="highest")
    return total / jnp.maximum(jnp.sum(member, axis=1, keepdims=True), 1.0)


@checks.checked()
def push_loss(features: Array, label: Array, centroids: Array) -> Array:
    """The distance from the own centroid, to be climbed; averaged over leading axes.

    Args:
        features: [D] or [S, D].
        centroids: [K, D].

    >>> float(push_loss(jnp.ones(2), jnp.array(1), jnp.array([[1.0, 1.0], [3.0, 1.0]])))
    2.0
    """
    own, valid = _own(label, centroids)
    far = jnp.sum(jnp.where(own, _distances(features, centroids), 0.0), -1)
    return checks.where(valid, jnp.mean(far))


@checks.checked()
def pull_loss(features: Array, label: Array, centroids: Array) -> Array:
    """Minus the distance to the nearest other centroid; averaged over leading axes.

    >>> near = jnp.array([[1.0, 1.0], [3.0, 1.0]])
    >>> float(pull_loss(jnp.ones(2), jnp.array(0), near))
    -2.0
    """
    own, valid = _own(label, centroids)
    far = jnp.where(own, jnp.inf, _distances(features, centroids))
    return checks.where(valid, -jnp.mean(jnp.min(far, axis=-1)))


@checks.checked()
def pull_loss_released(features: Array, label: Array, centroids: Array) -> Array:
    """`pull_loss` as the released code has it: the own class counts as at distance 1.

    Where all others are further than that, the image is pulled to its own class.

    >>> near = jnp.array([[1.0, 1.0], [3.0, 1.0]])
    >>> abs(float(pull_loss_released(jnp.ones(2), jnp.array(0), near)))
    0.0
    """
    own, valid = _own(label, centroids)
    distances = _distances(features, centroids)
    nearest = jnp.argmin(jnp.where(own, 1.0, distances), axis=-1)
    chosen = jax.nn.one_hot(nearest, centroids.shape[0], dtype=distances.dtype)
    return checks.where(valid, -jnp.mean(jnp.sum(chosen * distances, axis=-1)))


@checks.checked()
def entangle(
    key: Array,
    x: Array,
    label: Array,
    extractor: Model,
    centroids: Array,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
    *,
    loss: Loss = Partial(pull_loss),
) -> Array:
    """Noise that takes an image's features to those of another class; a maker.

    Args:
        extractor: `(key, x) -> features [D]` of a network trained adversarially;
            published with a crop and a flip before it (`jittered`).
        centroids: [K, D], from `centroids`.
        threat: `Linf(8 / 255)` is published.
        step_sizes: [T], published are 300 of 0.4/255.
        restarts: int [R]; the one of highest loss is kept, published is 1.
        loss: `pull_loss` or `push_loss`, as a `Partial`.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> extractor = Partial(lambda key, x: x.ravel())
    >>> means = jnp.array([[0.5], [0.0], [2.0]])
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), extractor
    >>> entangle(*args, means, Linf(0.25), jnp.full(4, 0.25), jnp.arange(1)).tolist()
    [[[-0.25]]]
    """
    climbed = Partial(loss, centroids=centroids)
    return restarted(key, x, label, extractor, threat, step_sizes, restarts, climbed)


def _own(label: Array, centroids: Array) -> tuple[Array, Array | None]:
    """Which centroid is the label's, [K], and whether there is one; see `among`."""
    classes = centroids.shape[0]
    return jnp.arange(classes) == label, checks.among("`label`", label, classes)


def _distances(features: Array, centroids: Array) -> Array:
    """Mean squares of the differences, [K] or [S, K]."""
    means = centroids.astype(features.dtype)
    means = means.reshape((1,) * (features.ndim - 1) + means.shape)
    apart = features[..., None, :] - means
    return jnp.mean(jnp.square(apart), axis=-1)


def class_means(context: Context, network: Any) -> Array:
    """The mean features of every class of the clean images, [K, D]."""
    images, key = context.images, context.key("means")
    extractor, index = context.features(network), list(range(len(images)))
    found = context.over(extractor, key, index, unit(images.images))
    labels, classes = jnp.asarray(images.labels), jnp.arange(context.classes)
    return centroids(jnp.asarray(found), labels, classes)


LOSSES = {"pull": pull_loss, "pull_released": pull_loss_released, "push": push_loss}


@dataclass(frozen=True)
@typed
class EntF(Share, Descended):
    """Features moved towards other classes, against adversarial training (EntF).

    Source: Wen et al. 2023, "Is adversarial training really a silver bullet for
    mitigating data poisoning?".

    Attributes:
        jitter: pixels by which the image is moved, and mirrored or not, before every
            step; 0: neither.
        adversary_radius: radius of the adversarial training of the network, Linf.
        adversary_steps: its gradient steps, each a fifth of that.
        loss: to the nearest other class (pull; pull_released: as in the released code)
            or away from the own one (push).
    """

    name: ClassVar[str] = "entf"

    jitter: float = 8.0
    adversary_radius: float = 4 / 255
    adversary_steps: int = 10
    loss: str = "pull"

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "jitter", 0)
        recipe.at_least(self, "adversary_radius", 0)
        recipe.at_least(self, "adversary_steps", 1)
        recipe.one_of(self, "loss", tuple(LOSSES))

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        sizes = jnp.full(self.adversary_steps, self.adversary_radius / 5)
        change = context.adversarial_training(self.adversary_radius, sizes)
        trainer = context.trainer(self.white_box)
        network = trainer.fit(context.images, context.surrogate_seed, change)[-1]
        maker = Partial(
            entangle,
            extractor=moved(context.features(network), self.jitter),
            centroids=class_means(context, network),
            threat=self.threat,
            step_sizes=self.step_sizes,
            restarts=jnp.arange(1),
            loss=Partial(LOSSES[self.loss]),
        )
        index = everywhere(context, self.rate)
        return crafted(context, index, maker, self.threat, self.name)
