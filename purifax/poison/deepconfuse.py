"""DeepConfuse: a generator of noise judged by what one training step on it does.

    delta = radius xi(x),   xi in [-1, 1]
    theta' = theta - rate  d/dtheta  mean L(f_theta(x + delta), y)
    max over xi of   mean L(f_theta'(x), y)

at the parameters theta that a network passes through while it is trained on the noise
of the generator as it was. One gradient is taken through another, and with more rates
through as many steps.

Source: Feng et al. 2019, arXiv 1905.09027 ("Learning to Confuse"): a U-Net that ends in
a tanh, noise of at most 0.032 on CIFAR-10; a round trains the network on its noise and
records the parameters, then goes through them again with the generator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.poison.building import crafted, everywhere, unit
from purifax.poison.context import Context, Optimiser
from purifax.poison.fields import Share, Surrogate
from purifax.poison.gradient_matching import Learning, target_gradient
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.threat import Linf

__all__ = ["DeepConfuse", "after_steps", "damage", "generated"]


@checks.checked()
def generated(
    key: Array,
    x: Array,
    label: Array,
    generator: Callable[[Array], Array],
    threat: Linf,
) -> Array:
    """The noise of a generator for an image; a maker.

    Args:
        key, label: not used.
        generator: `x -> like x`, in [-1, 1], such as a U-Net that ends in a tanh.
        threat: `Linf(0.032)` is published.

    Returns:
        delta, like x, with x + delta in [0, 1].

    >>> args = None, jnp.full((1, 1, 1), 0.5), None, jnp.sign
    >>> generated(*args, Linf(0.25)).tolist()
    [[[0.25]]]
    """
    del key, label
    return threat.project(x + threat.radius * generator(x), x) - x


@checks.checked()
def after_steps(
    key: Array,
    images: Array,
    labels: Array,
    params: Any,
    learning: Learning,
    rates: Array,
) -> Any:
    """Parameters after steps of plain gradient descent on a batch, like params.

    Args:
        images: float [B, ...]; labels: int [B].
        learning: `(params, key, x, label) -> []`.
        rates: [T], one for each step.

    >>> square = lambda w, key, x, label: (w - jnp.sum(x)) ** 2
    >>> args = jnp.ones((1, 1)), jnp.array([0]), jnp.array(0.0), square
    >>> float(after_steps(jax.random.key(0), *args, jnp.array([0.25, 0.25])))
    0.75
    """

    def step(params: Any, at: tuple[Array, Array]) -> tuple[Any, None]:
        i, rate = at
        k_step = jax.random.fold_in(key, i)
        g = target_gradient(k_step, images, labels, params, learning)
        return jax.tree.map(lambda p, slope: p - rate * slope, params, g), None

    return jax.lax.scan(step, params, (jnp.arange(rates.shape[0]), rates))[0]


@checks.checked()
def damage(
    key: Array,
    poisoned: Array,
    images: Array,
    labels: Array,
    params: Any,
    learning: Learning,
    rates: Array,
) -> Array:
    """The clean loss of a network that has just learnt from a poisoned batch, [].

    The generator climbs it: its gradient in `poisoned` is exact.

    Args:
        poisoned, images: float [B, ...] in [0, 1], the same images with and without.
        labels: int [B].
        params: of the network at one point of its training, which stay as they are.
        rates: [T], learning rates of the network; one step is published.

    >>> square = lambda w, key, x, label: (w - jnp.sum(x)) ** 2
    >>> x, labels = jnp.ones((1, 1)), jnp.array([0])
    >>> args = x, labels, jnp.array(0.0), square, jnp.array([0.5])
    >>> float(damage(jax.random.key(0), x, *args))
    0.0
    >>> float(damage(jax.random.key(0), 3 * x, *args))
    4.0
    """
    k_steps, k_loss = jax.random.split(key)
    learnt = after_steps(k_steps, poisoned, labels, params, learning, rates)

    def one(i: Array, x: Array, label: Array) -> Array:
        return learning(learnt, jax.random.fold_in(k_loss, i), x, label)

    return jnp.mean(jax.vmap(one)(jnp.arange(images.shape[0]), images, labels))


@dataclass(frozen=True)
@typed
class DeepConfuse(Share, Surrogate):
    """Noise of a generator, trained alternately with a network (DeepConfuse).

    In a round the network is trained from scratch on the generator's noise, and its
    parameters before every update are kept; then the generator goes through them again
    and climbs the loss on clean images after one more step on its noise, by Adam.

    Source: Feng et al. 2019, arXiv 1905.09027, algorithm 1.

    Attributes:
        rounds: rounds of both.
        updates: updates of the network in a round, and of the generator.
        learning_rate: of the network in the step that the generator looks ahead.
        net: a network of images of `purifax.nets`, the generator.
        widths: its channels at every resolution (default: its own).
        blocks: its blocks at every resolution (default: its own).
        fold: side of the patches it folds into channels (default: its own).
    """

    name: ClassVar[str] = "deepconfuse"

    rounds: int = 500
    updates: int = 390
    learning_rate: float = 0.01
    net: str = "SmallScore"
    widths: tuple[int, ...] | None = None
    blocks: int | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "rounds", 0)
        recipe.at_least(self, "updates", 1)
        recipe.above(self, "learning_rate", 0)
        for field in ("widths", "blocks", "fold"):
            recipe.at_least(self, field, 1)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        trainer, rng = context.trainer(self.white_box), context.rng()
        x, labels = unit(context.images.images), context.images.labels
        targets = jax.device_get(jax.nn.one_hot(labels, trainer.classes))
        fields = {"widths": self.widths, "blocks": self.blocks, "fold": self.fold}
        generator, adam = context.image_network(self.net, **fields), context.adam(1e-4)
        moments, rate = adam.init(generator), jnp.full(1, self.learning_rate)
        noised, climbed = context.compiled(_noised), context.compiled(_climbed(adam))
        key, seed = context.key("confusing"), context.surrogate_seed
        size = min(trainer.batch, len(x))
        for number in range(self.rounds):
            state, past = trainer.start(seed), []
            for step in range(self.updates):
                few = rng.choice(len(x), size, replace=False)
                past.append((few, trainer.network(state)))
                # Off the devices: the generator lies whole on each, a batch in parts.
                seen = jax.device_get(noised(x[few], generator, self.threat))
                state = trainer.step(seed + number, step, state, seen, targets[few])
            k_round = jax.random.fold_in(key, number)
            for step, (few, then) in enumerate(past):
                k_step = jax.random.fold_in(k_round, step)
                params, learning = context.learning(then)
                own = x[few], labels[few], params, learning
                args = k_step, generator, moments, *own, self.threat, rate
                generator, moments = climbed(*args)
        index = everywhere(context, self.rate)
        maker = _maker(generator, self.threat)
        return crafted(context, index, maker, self.threat, self.name)

    def calls(self) -> None:
        """Gradients for one image: not known, since batches are counted."""


def _maker(generator: Callable[..., Array], threat: Linf) -> Partial:
    """The noise of the generator, whose noise level of 1 means nothing."""
    squashed = Partial(_squashed, net=generator)
    return Partial(generated, generator=squashed, threat=threat)


def _squashed(x: Array, net: Callable[..., Array]) -> Array:
    return jnp.tanh(net(x, 1.0))


def _noised(x: Array, generator: Callable[..., Array], threat: Linf) -> Array:
    maker = _maker(generator, threat)
    return x + jax.vmap(lambda x: maker(None, x, None))(x)


def _climbed(adam: Optimiser) -> Callable[..., tuple[Any, Any]]:
    """The generator after one step against the network as it was then."""

    def climbed(
        key: Array,
        generator: Any,
        moments: Any,
        x: Array,
        labels: Array,
        params: Any,
        learning: Learning,
        threat: Linf,
        rate: Array,
    ) -> tuple[Any, Any]:
        def loss(generator: Any) -> Array:
            noised = _noised(x, generator, threat)
            return -damage(key, noised, x, labels, params, learning, rate)

        return adam.step(generator, jax.grad(loss)(generator), moments)

    return climbed
