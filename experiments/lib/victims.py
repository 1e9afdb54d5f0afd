"""Classifiers trained from scratch, again and again, by one compiled step.

A defence at training time is a `Change`: what it makes of a batch before the step. The
step itself sees floats and rows of probabilities, whatever the defence, so that a grid
of hundreds of trainings compiles it once. On a CPU the steps are calls and not a scan,
in which gradients of convolutions are slow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.tree_util import Partial

from experiments.lib import build, devices, optimisers
from experiments.lib.batches import Batches, padded
from experiments.lib.config_poison import Victim
from experiments.lib.config_training import Data
from purifax import data, nets

__all__ = ["Change", "Trainer", "bare", "unchanged"]

Change = Callable[[Array, nets.Network, Array, Array], tuple[Array, Array]]
"""`change(key, network, images [N, H, W, C] in [0, 1], targets [N, K])`, like both."""


@dataclass(frozen=True)
class _State:
    """What a step starts from; see `Trainer.start`."""

    variables: Any
    moments: Any


jax.tree_util.register_dataclass(_State, ["variables", "moments"], [])


def unchanged(
    key: Array, network: nets.Network, images: Array, targets: Array
) -> tuple[Array, Array]:
    """No defence at all."""
    del key, network
    return images, targets


def bare(key: Array, x: Array, network: nets.Network) -> Array:
    """A network as a model that ignores its key; bind `network`."""
    del key
    return network(x)


class Trainer:
    """Trains and tests one kind of classifier on images of one shape."""

    def __init__(
        self, victim: Victim, shape: tuple[int, ...], names: Sequence[str]
    ) -> None:
        self.victim, self.classes = victim, len(names)
        self.mesh = devices.mesh(victim.batch)
        self._image = jnp.zeros(shape)
        self._module = build.network(victim.net, shape[-1], self.classes)
        self._optimiser = optimisers.optimiser(victim.optim, victim.steps)
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

    def start(self, seed: int) -> _State:
        """The state before the first step."""
        key = jax.random.fold_in(jax.random.key(seed), 0)
        variables = nets.init(key, self._module, self._image)
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
    ) -> list[nets.Network]:
        """The network after `steps` steps, after those at even distances before it.

        Args:
            images: of any number; epochs follow one another without a break.
            change: a defence, a pytree: one with other numbers in it compiles nothing.
            snapshots: how many networks of the course to give, the last included.
        """
        victim, state = self.victim, self.start(seed)
        batches = Batches(images, victim.batch, seed)
        marks = np.linspace(0, victim.steps, max(snapshots, 1) + 1)[1:].round()
        found = []
        for done in range(1, victim.steps + 1):
            key, network = _key(seed, 2, done), self.network(state)
            x, targets = self._prepare(key, network, *batches(done - 1), change)
            state = self.step(seed, done, state, x, targets)
            found += [self.network(state)] * int(np.sum(marks == done))
        return found

    def predictions(self, network: nets.Network, images: np.ndarray) -> np.ndarray:
        """The classes answered for uint8 images, [N]."""
        size, count = self.victim.batch, len(images)
        rows = [
            np.asarray(self._logits(network, padded(images, start, size)).argmax(-1))
            for start in range(0, count, size)
        ]
        return np.concatenate(rows)[:count]

    def _prepared(
        self, key: Array, network: nets.Network, x: Array, labels: Array, change: Change
    ) -> tuple[Array, Array]:
        k_augment, k_change = jax.random.split(key)
        augment = build.augmentation(
            Data("", flip=self.victim.flip, crop=self.victim.crop)
        )
        x = jax.vmap(augment)(
            jax.random.split(k_augment, len(x)), data.augment.to_float(x)
        )
        return change(k_change, network, x, jax.nn.one_hot(labels, self.classes))

    def _stepped(self, key: Array, state: _State, x: Array, targets: Array) -> _State:
        def loss_of(params: Any) -> tuple[Array, Any]:
            logits, changed = self._module.apply(
                {**state.variables, "params": params},
                x,
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": key},
            )
            return jnp.mean(optax.softmax_cross_entropy(logits, targets)), changed

        params = state.variables["params"]
        grads, changed = jax.grad(loss_of, has_aux=True)(params)
        updates, moments = self._optimiser.update(grads, state.moments, params)
        params = optax.apply_updates(params, updates)
        return _State({**state.variables, **changed, "params": params}, moments)


def _key(seed: int, role: int, number: int) -> Array:
    """The key of one step, for one of its roles."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), role), number)
