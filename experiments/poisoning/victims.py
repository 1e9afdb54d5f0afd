"""Classifiers trained, from scratch or from another, again and again.

One compiled step serves all of them.

A defence at training time is a `Change`: what it makes of a batch before the step. The
step itself sees floats and rows of probabilities, whatever the defence, so that a grid
of hundreds of trainings compiles it once. On a CPU the steps are calls and not a scan,
in which gradients of convolutions are slow.
"""

import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.tree_util import Partial

from experiments.poisoning import features
from experiments.poisoning.config import Victim
from experiments.training import fitting, networks, optimisers
from experiments.training.config import Data
from experiments.training.health import Diverged
from experiments.training.state import finite
from purifax import data, nets, weights
from purifax.evaluation.batches import Batches, padded
from purifax.run import devices
from purifax.run.progress import each

__all__ = ["Change", "Revise", "Trainer", "trainer", "unchanged"]

Change = Callable[[Array, nets.Network, Array, Array], tuple[Array, Array]]
"""`change(key, network, images [N, H, W, C] in [0, 1], targets [N, K])`, like both."""


_LOOK = 50
"""Steps after which weights are looked at."""

_SOURCE = 104_729
"""The seed of the network that victims start from, used for nothing else."""


@dataclass(frozen=True)
class _State:
    """What a step starts from; see `Trainer.start`."""

    variables: Any
    moments: Any


jax.tree_util.register_dataclass(_State, ["variables", "moments"], [])


Revise = Callable[[int, nets.Network, data.Images, Change], tuple[data.Images, Change]]
"""`revise(steps done, network, images, change)`: what to go on with, both or as is."""


def unchanged(
    key: Array, network: nets.Network, images: Array, targets: Array
) -> tuple[Array, Array]:
    """No defence at all."""
    del key, network
    return images, targets


class Trainer:
    """Trains and tests one kind of classifier on images of one shape.

    Args:
        source: the network that every training starts from, with a new last layer; see
            `Transfer`. Every training starts from scratch if None.
    """

    def __init__(
        self,
        victim: Victim,
        shape: tuple[int, ...],
        names: Sequence[str],
        source: nets.Network | None = None,
    ) -> None:
        self.victim, self.classes, self.source = victim, len(names), source
        self.mesh = devices.mesh(victim.batch)
        self.image = jnp.zeros(shape)
        self._module = networks.network(victim.net, shape[-1], self.classes)
        how = victim if source is None else victim.transfer
        optim, self.steps = how.optim, how.steps
        self._optimiser = optimisers.optimiser(optim, self.steps)
        self._head = features.head(self._module, self.image)
        given = Data("", flip=victim.flip, crop=victim.crop)
        self.augment = Partial(networks.augmentation(given))
        one, split = devices.replicated(self.mesh), devices.sharded(self.mesh)
        self._step = jax.jit(
            self._stepped, in_shardings=(one, one, split, split), out_shardings=one
        )
        self._prepare = jax.jit(
            self._prepared,
            in_shardings=(one, one, split, split, one),
            out_shardings=split,
        )
        self._logits = jax.jit(
            lambda network, x: jax.vmap(network)(data.augment.to_float(x)),
            in_shardings=(one, split),
            out_shardings=split,
        )

    @property
    def batch(self) -> int:
        """Images of a step."""
        return self.victim.batch

    def start(self, seed: int, begun: nets.Network | None = None) -> _State:
        """The state before the first step.

        Args:
            begun: a network to go on from, its last layer too.
        """
        key = jax.random.fold_in(jax.random.key(seed), 0)
        variables = nets.init(key, self._module, self.image)
        if begun is not None:
            variables = begun.variables
        elif self.source is not None:
            variables = _with_head(self.source.variables, variables, self._head)
        state = _State(variables, self._optimiser.init(variables["params"]))
        return jax.device_put(state, devices.replicated(self.mesh))

    def step(self, seed: int, number: int, state: _State, x: Any, targets: Any) -> Any:
        """The state after one step on images in [0, 1] and shares of classes."""
        return self._step(_key(seed, 1, number), state, x, targets)

    def network(self, state: _State) -> nets.Network:
        """What has been learned, as a function of one image."""
        return nets.Network(self._module, state.variables)

    def fit(
        self,
        images: data.Images,
        seed: int,
        change: Change = Partial(unchanged),
        snapshots: int = 0,
        *,
        revise: Revise | None = None,
        begun: nets.Network | None = None,
        steps: int | None = None,
    ) -> list[nets.Network]:
        """The network after its steps, after those at even distances before it.

        Args:
            images: of any number; epochs follow one another without a break.
            change: a defence, a pytree: one with other numbers in it compiles nothing.
            snapshots: how many networks of the course to give, the last included.
            revise: a defence that looks at the set before every step.
            begun: a network to go on from, its last layer too.
            steps: fewer than the victim's.

        Raises:
            Diverged: a weight is not finite.
        """
        state, steps = self.start(seed, begun), steps or self.steps
        batches = Batches(images, self.victim.batch, seed)
        marks = np.linspace(0, steps, max(snapshots, 1) + 1)[1:].round()
        found = []
        for done in each("training a classifier", range(1, steps + 1)):
            key, network = _key(seed, 2, done), self.network(state)
            if revise is not None:
                now, change = revise(done - 1, network, images, change)
                if now is not images:
                    images, batches = now, Batches(now, self.victim.batch, seed)
            x, targets = self._prepare(key, network, *batches(done - 1), change)
            state = self.step(seed, done, state, x, targets)
            if done % _LOOK == 0 or done == steps:
                _check_finite(state, done, steps)
            found += [self.network(state)] * int(np.sum(marks == done))
        return found

    def predictions(self, network: nets.Network, images: np.ndarray) -> np.ndarray:
        """The classes answered for uint8 images, [N]."""
        return self.logits(network, images).argmax(-1)

    def logits(self, network: nets.Network, images: np.ndarray) -> np.ndarray:
        """What a network says of uint8 images, [N, K]."""
        size, count = self.victim.batch, len(images)
        rows = [
            np.asarray(self._logits(network, padded(images, start, size)))
            for start in range(0, count, size)
        ]
        return np.concatenate(rows)[:count]

    def _prepared(
        self, key: Array, network: nets.Network, x: Array, labels: Array, change: Change
    ) -> tuple[Array, Array]:
        k_augment, k_change = jax.random.split(key)
        x = jax.vmap(self.augment)(
            jax.random.split(k_augment, len(x)), data.augment.to_float(x)
        )
        return change(k_change, network, x, jax.nn.one_hot(labels, self.classes))

    def _stepped(self, key: Array, state: _State, x: Array, targets: Array) -> _State:
        def loss_of(params: Any) -> tuple[Array, Any]:
            logits, changed = self._module.apply(
                {**state.variables, "params": params},
                x,
                train=self.source is None,
                mutable=["batch_stats"],
                rngs={"dropout": key},
            )
            return jnp.mean(optax.softmax_cross_entropy(logits, targets)), changed

        params = state.variables["params"]
        grads, changed = jax.grad(loss_of, has_aux=True)(params)
        updates, moments = self._optimiser.update(grads, state.moments, params)
        if self.source is not None and self.victim.transfer.how == "linear":
            still = jax.tree.map(jnp.zeros_like, updates)
            updates = _with_head(still, updates, self._head)
        params = optax.apply_updates(params, updates)
        return _State({**state.variables, **changed, "params": params}, moments)


def trainer(
    victim: Victim,
    shape: tuple[int, ...],
    names: Sequence[str],
    other: data.Images,
    place: pathlib.Path,
) -> Trainer:
    """The trainer of a victim; what it starts from is trained now, and stored.

    Args:
        other: what a network to start from is trained on.
        place: its work directory, where it may be already.

    Raises:
        ValueError: no images to train a network on, or a crop wider than they are.
    """
    how = victim.transfer.how
    fitting.check_crop(victim.crop, shape)
    fresh = Trainer(victim, shape, names)
    if how == "scratch":
        return fresh
    if not (place / "network.json").is_file():
        if not len(other):
            raise ValueError(
                f"victim.transfer.how={how} starts from a network of clean images of "
                "others, of which there are none: set images.other."
            )
        network = fresh.fit(other, _SOURCE)[-1]
        weights.save(place, network, shape, "classifier")
    return Trainer(victim, shape, names, weights.load(place))


def _check_finite(state: _State, done: int, steps: int) -> None:
    if not finite(state.variables):
        raise Diverged(
            f"a weight of the classifier is not finite after step {done} of {steps}. "
            "Try a smaller victim.optim.learning_rate or victim.optim.clip=1."
        )


def _with_head(variables: Any, other: Any, head: tuple[str, ...]) -> Any:
    """A tree of parameters, or of variables, with the last layer of another."""

    def chosen(path: Any, mine: Array, its: Array) -> Array:
        names = tuple(str(entry.key) for entry in path)
        inside = names[names[0] == "params" :][: len(head)] == head
        return its if inside else mine

    return jax.tree_util.tree_map_with_path(chosen, variables, other)


def _key(seed: int, role: int, number: int) -> Array:
    """The key of one step, for one of its roles."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), role), number)
