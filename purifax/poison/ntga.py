"""NTGA: training images that make a network wrong about others, by its tangent kernel.

A wide network trained on (X, Y) for a time t by gradient descent on squared errors says
of an image x, with Theta its neural tangent kernel,

    f(x; t) = Theta(x, X) Theta(X, X)^-1 (I - exp(-t Theta(X, X))) Y

so that its errors on held-out images have a gradient in X. Kernels are in `kernels`.
The subject is a block of images.

Source: Yuan and Wu 2021, "Neural Tangent Generalization Attacks", International
Conference on Machine Learning, and its released code, in double precision.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.classify import cross_entropy
from purifax.poison.building import everywhere, public, unit
from purifax.poison.context import Context, Images
from purifax.poison.fields import Bounded, Share
from purifax.poison.injection import Poison
from purifax.poison.kernels import Kernel, ntk, ntk_erf
from purifax.poison.spectrum import relaxation
from purifax.recipe import typed
from purifax.threat import Threat

__all__ = ["NTGA", "generalization_attack", "ntga_loss", "tangent_fit"]

_LAYERS = ((1.76, 0.18),) * 5
"""Variances of weights and biases of the published dense network."""
_SEEN = 10_000
_AT_ONCE = 30
"""Public images whose errors are raised, and how many of them at once."""


def tangent_fit(
    within: Array,
    targets: Array,
    time: Array | float,
    *,
    ridge: Array | float = 1e-4,
) -> Array:
    """What training for a time makes of the labels, [N, K].

    A kernel of other images with these, [M, N], times this, is what the network then
    says of them.

    Args:
        within: kernel of the training images, [N, N].
        targets: [N, K], one-hot labels or any others.
        time: learning rate times number of steps, for the sum of squared errors / 2.
            The released code divides its t by N K before: its 64 is 64 / (512 * 10).
        ridge: added to the diagonal, relative to its mean.

    >>> tangent_fit(2 * jnp.eye(1), jnp.ones((1, 1)), 1e3, ridge=1.0).tolist()
    [[0.25]]
    """
    size = within.shape[0]
    more = ridge * jnp.trace(within) / size
    regular = within + more * jnp.eye(size, dtype=within.dtype)
    return jnp.matmul(relaxation(regular, time), targets, precision="highest")


@checks.checked(labels=checks.listed)
def ntga_loss(
    images: Array,
    targets: Array,
    seen: Array,
    labels: Array,
    kernel: Kernel,
    time: Array | float,
    *,
    ridge: Array | float = 1e-4,
) -> Array:
    """The cross-entropy on held-out images of a network trained on some, [].

    Args:
        images: the training images, float [N, ...] in [0, 1].
        targets: their labels, one-hot [N, K].
        seen: held-out images, [V, B, ...], in V parts that are done one by one.
        labels: int [V, B].
        kernel: as a `Partial`.
        time, ridge: as in `tangent_fit`.

    >>> kernel = lambda xs, ys: xs @ ys.T
    >>> args = jnp.eye(2), jnp.eye(2), 3 * jnp.eye(2)[None], jnp.arange(2)[None]
    >>> round(float(ntga_loss(*args, kernel, 99.0)), 4)
    0.0486
    """
    fit = tangent_fit(kernel(images, images), targets, time, ridge=ridge)

    @jax.checkpoint
    def part(row: tuple[Array, Array]) -> Array:
        said = jnp.matmul(kernel(row[0], images), fit, precision="highest")
        return jnp.mean(jax.vmap(cross_entropy)(said, row[1]))

    return jnp.mean(jax.lax.map(part, (seen, labels)))


@checks.checked(labels=checks.listed)
def generalization_attack(
    images: Array,
    targets: Array,
    seen: Array,
    labels: Array,
    kernel: Kernel,
    time: Array | float,
    threat: Threat,
    step_sizes: Array,
    *,
    ridge: Array | float = 1e-4,
) -> tuple[Array, Array]:
    """Perturbations of a block that raise the errors of a network trained on it.

    The released code begins every step anew at the clean images with the whole radius,
    and so repeats one step: that is `step_sizes=jnp.array([radius])`.

    Args:
        images: float [N, H, W, C] in [0, 1], one block; published are 512.
        seen, labels: [V, B, ...] and [V, B]; published are 10,000 images that are not
            poisoned.
        time: published are t = 64, or 4,096 for dense and 8 for convolutional layers on
            CIFAR-10, each divided by N K here.
        threat: `Linf(8 / 255)` is published.
        step_sizes: [T], published are 10 of 1.1 radius / 10.

    Returns:
        delta, like images, and the loss before each step, [T].

    >>> from purifax.threat import Linf
    >>> kernel = lambda xs, ys: jnp.sum(xs, (1, 2, 3))[:, None] * jnp.sum(ys, (1, 2, 3))
    >>> x, targets = jnp.full((1, 1, 1, 1), 0.5), jnp.array([[1.0, 0.0]])
    >>> args = x, targets, x[None], jnp.array([[0]]), kernel, 1.0
    >>> generalization_attack(*args, Linf(0.25), jnp.full(4, 0.1))[0].tolist()
    [[[[-0.25]]]]
    """

    def loss(x: Array) -> Array:
        return ntga_loss(x, targets, seen, labels, kernel, time, ridge=ridge)

    def step(x: Array, size: Array) -> tuple[Array, Array]:
        before, g = jax.value_and_grad(loss)(x)
        g = jnp.where(jnp.isfinite(g), g, 0.0)
        moved = jax.vmap(lambda y, way: threat.ascend(y, way, size))(x, g)
        return jax.vmap(threat.project)(moved, images), before

    x, losses = jax.lax.scan(step, images, step_sizes)
    return x - images, losses


@dataclass(frozen=True)
@typed
class NTGA(Share, Bounded):
    """Neural tangent generalisation attack on blocks of images (NTGA).

    It raises the loss on public images of a network trained on the block.

    Source: Yuan and Wu 2021, "Neural Tangent Generalization Attacks".

    Attributes:
        block: images of a block.
        kernel: of an infinitely wide network (erf), or of the victim's as it starts
            (network).
        time: of the training, divided by images times classes of a block.
        steps: gradient steps, each of 1.1 radius over their number.
    """

    name: ClassVar[str] = "ntga"

    block: int = 512
    kernel: str = "erf"
    time: float = 64.0
    steps: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "block", 1)
        recipe.one_of(self, "kernel", ("erf", "network"))
        recipe.above(self, "time", 0)
        recipe.at_least(self, "steps", 1)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        index = everywhere(context, self.rate)
        seen, labels = _held_out(public(context, self.name))
        kernel, classes = self._kernel(context), context.classes
        sizes = jnp.full(self.steps, 1.1 * self.radius / self.steps)
        attack, deltas = context.compiled(generalization_attack), []
        places = jax.device_get(index)
        for start in range(0, len(places), self.block):
            block = context.images.take(places[start : start + self.block])
            targets = jax.nn.one_hot(block.labels, classes)
            time = jnp.float32(self.time / (len(block) * classes))
            args = unit(block.images), targets, seen, labels, kernel, time
            deltas.append(attack(*args, self.threat, sizes)[0])
        return Poison(index, jnp.concatenate(deltas), self.threat, name=self.name)

    def calls(self) -> int:
        """Gradients of the kernel for one image."""
        return self.steps

    def _kernel(self, context: Context) -> Partial:
        if self.kernel == "erf":
            return Partial(ntk_erf, variances=jnp.array(_LAYERS))
        trainer = context.trainer()
        network = trainer.network(trainer.start(context.surrogate_seed))
        params, outputs = context.outputs(network)
        return Partial(_finite, params=params, outputs=outputs)


def _finite(xs: Array, ys: Array, params: Any, outputs: Any) -> Array:
    return ntk(xs, ys, outputs, params)


def _held_out(other: Images) -> tuple[Array, Array]:
    """Public images in parts, [V, B, H, W, C] and [V, B]; no part is half full."""
    size = min(_AT_ONCE, len(other))
    count = min(_SEEN, len(other)) // size
    some = other.take(jax.device_get(jnp.arange(count * size)))
    x = unit(some.images).reshape(count, size, *some.images.shape[1:])
    return jnp.asarray(x), jnp.asarray(some.labels.reshape(count, size))
