"""DeepConfuse: a generator of noise, and a network that is trained on it, in turns.

In a round the network is trained from scratch on the generator's noise, and its
parameters before every update are kept; then the generator goes through them again and
climbs the loss on clean images after one more step on its noise.

Source: Feng et al. 2019, arXiv 1905.09027, algorithm 1: Adam at 1e-4 for the generator.
"""

from typing import Any

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.context import Method, Setting, by_maker, unit
from experiments.poisoning.features import learning
from experiments.training import networks
from purifax import nets, poison
from purifax.poison import Poison
from purifax.threat import Linf

__all__ = ["METHODS"]

_GENERATOR = optax.adam(1e-4)


def _deepconfuse(method: str, setting: Setting) -> Poison:
    given, trainer = setting.crafting, setting.attacker
    x, labels = unit(setting.images.images), setting.images.labels
    targets = np.eye(trainer.classes, dtype=np.float32)[labels]
    network = _start(setting)
    moments, ball = _GENERATOR.init(network.variables), setting.ball
    key = setting.key("confusing")
    rate, size = jnp.full(1, given.confuse_rate), min(trainer.victim.batch, len(x))
    rng = np.random.default_rng(setting.seed)
    for number in range(given.confuse_rounds):
        state, past = trainer.start(setting.hidden_seed), []
        for step in range(given.confuse_updates):
            chosen = rng.choice(len(x), size, replace=False)
            past.append((chosen, trainer.network(state)))
            # As numbers: the generator lies whole on every device, a batch in parts.
            seen = np.asarray(_noised(x[chosen], network, ball))
            state = trainer.step(
                setting.hidden_seed + number, step, state, seen, targets[chosen]
            )
        k_round = jax.random.fold_in(key, number)
        for step, (chosen, then) in enumerate(past):
            k_step = jax.random.fold_in(k_round, step)
            args = x[chosen], labels[chosen], then, ball, rate
            network, moments = _climbed(k_step, network, moments, *args)
    maker = Partial(
        poison.generated, generator=Partial(_bounded, network=network), threat=ball
    )
    return by_maker(method, setting, maker, setting.ball)


def _start(setting: Setting) -> nets.Network:
    """A network of images; it is told a noise level of 1, which means nothing here."""
    module = networks.network(setting.crafting.confuse_net, setting.shape[-1], 0)
    key = setting.key("generator")
    variables = nets.init(key, module, jnp.zeros(setting.shape), 1.0)
    return nets.Network(module, variables)


def _bounded(x: Array, network: nets.Network) -> Array:
    return jnp.tanh(network(x, 1.0))


@jax.jit
def _noised(x: Array, network: nets.Network, ball: Linf) -> Array:
    maker = Partial(
        poison.generated, generator=Partial(_bounded, network=network), threat=ball
    )
    return x + jax.vmap(lambda x: maker(None, x, None))(x)


@jax.jit
def _climbed(
    key: Array,
    network: nets.Network,
    moments: Any,
    x: Array,
    labels: Array,
    then: nets.Network,
    ball: Linf,
    rate: Array,
) -> tuple[nets.Network, Any]:
    """The generator after one step against the network as it was then."""
    fn = Partial(learning, network=then)

    def loss(variables: Any) -> Array:
        noised = _noised(x, nets.Network(network.module, variables), ball)
        args = noised, x, labels, then.variables["params"], fn, rate
        return -poison.damage(key, *args)

    grads = jax.grad(loss)(network.variables)
    updates, moments = _GENERATOR.update(grads, moments)
    variables = optax.apply_updates(network.variables, updates)
    return nets.Network(network.module, variables), moments


METHODS: dict[str, Method] = {"deepconfuse": _deepconfuse}
