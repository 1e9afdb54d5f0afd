"""TUE: noise that spoils self-supervised learning and supervised learning alike.

    min_delta  w_s L_ssl(x + delta) + w_c CSD(delta, y)
    CSD = mean over i != j of  (s_i + s_j) / d_ij

with s_i the mean distance of the noise of class i from its mean and d_ij the distance
of two means: small where a class's noise is one tight cluster far from others, which a
linear layer separates. The self-supervised loss has a network that is trained on x +
delta in alternation with this, as for EM. The subject is a batch, and classes are those
that it holds.

Source: Ren et al. 2023, arXiv 2210.10114 ("Transferable Unlearnable Examples"), and its
released code, which runs SimCLR with weights 0 and 0.1 (20 steps of 0.8/255, 40
epochs), MoCo with 1 and 1 (5 steps, 200 epochs) and SimSiam with 0 and 0.1 (50 epochs);
Chen et al. 2020, arXiv 2002.05709, equation 1 (the loss of SimCLR).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.poison.building import batch_order, everywhere, rows
from purifax.poison.context import Context
from purifax.poison.descent import Objective
from purifax.poison.fields import Bounded, Share
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.threat import Threat

__all__ = [
    "TUE",
    "agreement_loss",
    "separability",
    "separability_released",
    "tue_step",
]

_TINY = 1e-24
_OFFSET = 1e-5  # in distances, as in the released code


@checks.checked()
def separability(deltas: Array, labels: Array, classes: Array) -> Array:
    """CSD: how wide the noise of classes is, relative to how far apart they are, [].

    Its gradient is zero where all noise is zero: begin from random noise.

    Args:
        deltas: [B, ...].
        labels: int [B].
        classes: int [K], all there may be; those without noise are left out.

    >>> deltas = jnp.array([[0.0], [2.0], [7.0], [7.0]])
    >>> labels, classes = jnp.array([0, 0, 1, 1]), jnp.arange(3)
    >>> round(float(separability(deltas, labels, classes)), 4)
    0.1667
    """
    return _ratio(*_clusters(deltas, labels, classes))


@checks.checked()
def separability_released(deltas: Array, labels: Array, classes: Array) -> Array:
    """`separability` with the released code's gradient: none through the widths.

    >>> def slope(fn):
    ...     fixed = jnp.array([0, 0, 1, 1]), jnp.arange(2)
    ...     return jax.grad(lambda d: fn(d, *fixed))(jnp.array([0.0, 2.0, 7.0, 7.0]))
    >>> [round(float(g), 3) for g in slope(separability)]
    [-0.069, 0.097, -0.014, -0.014]
    >>> [round(float(g), 3) for g in slope(separability_released)]
    [0.014, 0.014, -0.014, -0.014]
    """
    width, apart, there = _clusters(deltas, labels, classes)
    return _ratio(jax.lax.stop_gradient(width), apart, there)


@checks.checked()
def tue_step(
    key: Array,
    images: Array,
    labels: Array,
    deltas: Array,
    agreement: Objective,
    classes: Array,
    threat: Threat,
    step_size: Array | float,
    *,
    weights: tuple[Array | float, Array | float] = (1.0, 1.0),
    clusters: Callable[[Array, Array, Array], Array] = separability,
) -> Array:
    """One step of the noise of a batch.

    Args:
        images: float [B, H, W, C] in [0, 1].
        labels: int [B].
        deltas: like images; random noise at first.
        agreement: `(key, images) -> []`, the self-supervised loss of the poisoned batch
            under two augmentations that it draws itself.
        classes: int [K].
        threat: `Linf(8 / 255)` is published.
        step_size: 0.8/255 is published.
        weights: of the self-supervised loss and of the separability.
        clusters: `separability` or `separability_released`.

    Returns:
        deltas, like images, each image with its own in the threat's set.

    >>> from purifax.threat import Linf
    >>> x, deltas = jnp.full((2, 1, 1), 0.5), jnp.array([[[0.125]], [[0.0]]])
    >>> total, key = lambda key, x: jnp.sum(x), jax.random.key(0)
    >>> args = jnp.arange(2), deltas, total, jnp.arange(2), Linf(0.25), 0.125
    >>> tue_step(key, x, *args).ravel().tolist()
    [0.0, -0.125]
    """

    def objective(deltas: Array) -> Array:
        learnt = agreement(key, images + deltas)
        return weights[0] * learnt + weights[1] * clusters(deltas, labels, classes)

    g = jax.grad(objective)(deltas)
    way = jnp.where(jnp.isfinite(g), -g, 0.0)

    def move(x: Array, delta: Array, way: Array) -> Array:
        return threat.project(threat.ascend(x + delta, way, step_size), x) - x

    return jax.vmap(move)(images, deltas, way)


def agreement_loss(
    one: Array, other: Array, *, temperature: Array | float = 0.5
) -> Array:
    """The loss of SimCLR for two views of a batch, [].

    Each of the 2 B views has to find its partner among all others by the cosine of
    their projections.

    Args:
        one, other: [B, D], projections of the two views; their lengths do not matter.

    >>> views = jnp.eye(2)
    >>> round(float(agreement_loss(views, views, temperature=1.0)), 4)
    0.5514
    """
    rows = jnp.concatenate([one, other])
    norms = jnp.sqrt(jnp.sum(jnp.square(rows), axis=1, keepdims=True) + _TINY)
    rows = rows / norms
    count = rows.shape[0]
    cosines = jnp.matmul(rows, rows.T, precision="highest") / temperature
    number = jnp.arange(count)
    itself = number[:, None] == number[None, :]
    partner = number[None, :] == ((number + one.shape[0]) % count)[:, None]
    total = jax.nn.logsumexp(jnp.where(itself, -jnp.inf, cosines), axis=1)
    return jnp.mean(total - jnp.sum(jnp.where(partner, cosines, 0.0), axis=1))


def _clusters(deltas: Array, labels: Array, classes: Array) -> tuple[Array, ...]:
    """Widths [K], distances of means [K, K], and which classes there are, [K]."""
    rows = deltas.reshape(deltas.shape[0], -1)
    member = (labels[None, :] == classes[:, None]).astype(rows.dtype)
    count = jnp.sum(member, axis=1)
    share = member / jnp.maximum(count, 1.0)[:, None]
    means = jnp.matmul(share, rows, precision="highest")
    own = jnp.matmul(member.T, means, precision="highest")
    width = jnp.sum(share * _length(rows - own)[None, :], axis=1)
    apart = _length(means[:, None, :] - means[None, :, :])
    return width, apart, count > 0


def _ratio(width: Array, apart: Array, there: Array) -> Array:
    number = jnp.arange(there.shape[0])
    pair = there[:, None] & there[None, :] & (number[:, None] != number[None, :])
    both = width[:, None] + width[None, :] + _OFFSET
    found = jnp.where(pair, both / (apart + _OFFSET), 0.0)
    return jnp.sum(found) / jnp.maximum(jnp.sum(pair.astype(width.dtype)), 1.0)


def _length(v: Array) -> Array:
    """Along the last axis; of gradient zero at zero."""
    return jnp.sqrt(jnp.sum(jnp.square(v), axis=-1) + _TINY)


@dataclass(frozen=True)
@typed
class TUE(Share, Bounded):
    """Transferable unlearnable examples, also for self-supervised learning (TUE).

    The noise alternates with the training of a network by SimCLR's loss.

    Source: Ren et al. 2023, arXiv 2210.10114.

    Attributes:
        rounds: batches, each with an update of the network and steps of the noise.
        steps: gradient steps on a batch, each a tenth of the radius.
        agreement: weight of SimCLR's loss; published are 1 (with MoCo) and 0 (SimCLR).
        separability: weight of how inseparable the noise is; published are 1 and 0.1.
        width: outputs of the network's last layer.
    """

    name: ClassVar[str] = "tue"

    rounds: int = 15_600
    steps: int = 20
    agreement: float = 1.0
    separability: float = 1.0
    width: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("rounds", "steps", "width"):
            recipe.at_least(self, field, 1)
        recipe.at_least(self, "agreement", 0)
        recipe.at_least(self, "separability", 0)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        index, key = everywhere(context, self.rate), context.key("tue")
        x, labels = rows(context, index)
        learner = context.contrastive(self.width, self.rounds)
        far, size = self.radius, context.trainer().batch
        delta = context.rng().uniform(-far, far, x.shape).astype("float32")
        delta = (x + delta).clip(0.0, 1.0) - x
        classes, sizes = jnp.arange(context.classes), jnp.full(self.steps, far / 10)
        weights = self.agreement, self.separability
        descended = context.compiled(_descended)
        for number in range(self.rounds):
            few = batch_order(context, number, len(x), size)
            k_learn, k_noise = jax.random.split(jax.random.fold_in(key, number))
            if self.agreement:
                learner.step(k_learn, x[few] + delta[few])
            objective = Partial(learner.agreement, network=learner.network)
            args = k_noise, x[few], labels[few], delta[few], objective, classes
            delta[few] = descended(*args, self.threat, sizes, weights)
        return Poison(index, jnp.asarray(delta), self.threat, name=self.name)

    def calls(self) -> None:
        """Gradients for one image: not known, since batches are counted."""


def _descended(
    key: Array,
    images: Array,
    labels: Array,
    deltas: Array,
    objective: Objective,
    classes: Array,
    threat: Threat,
    step_sizes: Array,
    weights: tuple,
) -> Array:
    """The noise of a batch after its steps."""

    def step(deltas: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, size = at
        args = images, labels, deltas, objective, classes, threat, size
        return tue_step(jax.random.fold_in(key, i), *args, weights=weights), None

    numbered = jnp.arange(step_sizes.shape[0]), step_sizes
    return jax.lax.scan(step, deltas, numbered)[0]
