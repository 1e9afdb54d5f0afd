"""An energy of points in the plane by maximum likelihood, where the truth is known.

Points are images [1, 2, 1], so that everything runs that runs on images. The network is
small and plain, on a bowl that keeps the density normalisable. Its divergence from the
truth is a sum over a grid, which no training of images can have.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.examples import plane
from experiments.examples.config_density import (
    Density,
)
from experiments.training.health import Diverged
from purifax import loss, sample, score
from purifax.energy import Mixture
from purifax.run.config import (
    encode,
)
from purifax.run.progress import each
from purifax.run.workdir import versions
from purifax.types import Energy

__all__ = [
    "HIGH",
    "LOW",
    "SIDE",
    "Learnt",
    "learn",
    "maps",
    "summary",
    "text",
    "truth",
]

Parameters = dict[str, Array]

LOW, HIGH, SIDE = -0.5, 1.5, 120
"""The ends of the grid, and its points along each side."""

PARTS = 20
"""Of the training, each one program, between which progress is told."""


@dataclass(frozen=True)
class Learnt:
    """What was given and what was learnt; points [N, 2].

    Attributes:
        before: the untrained network.
        chains: ends of long chains of the energy, from uniform noise.
    """

    data: np.ndarray
    before: Energy
    energy: Energy
    chains: np.ndarray


def truth(config: Density) -> Mixture:
    """The energy that is to be found, up to a constant."""
    known = plane.mixture(config)
    return Mixture(known.means, known.variances, known.log_weights)


def network(x: Array, parameters: Parameters) -> Array:
    """The energy of a point [1, 2, 1], []."""
    h = 4 * x.ravel() - 2
    bowl = 0.25 * jnp.sum(jnp.square(h))
    for i in range(2):
        h = jax.nn.silu(parameters[f"w{i}"] @ h + parameters[f"b{i}"])
    return bowl + parameters["w2"] @ h


def _start(key: Array, width: int) -> Parameters:
    sizes = {"w0": (width, 2), "w1": (width, width), "w2": (width,)}
    keys = jax.random.split(key, 3)
    drawn = {
        name: jax.random.normal(k, size) / math.sqrt(size[-1])
        for k, (name, size) in zip(keys, sizes.items(), strict=True)
    }
    return drawn | {"b0": jnp.zeros(width), "b1": jnp.zeros(width)}


def _energy(parameters: Parameters) -> Partial:
    return Partial(network, parameters=parameters)


def learn(config: Density) -> Learnt:
    """Draws the points, learns from them, and runs long chains of what was learnt."""
    key = jax.random.key(config.seed)
    k_start, k_train, k_data, k_chains = jax.random.split(key, 4)
    data = jnp.asarray(plane.draws(k_data, config, config.points)).reshape(-1, 1, 2, 1)
    before = _start(k_start, config.width)
    after = _trained(k_train, data, before, config)
    begun = jax.random.uniform(jax.random.fold_in(k_chains, 0), (config.drawn, 1, 2, 1))
    run = Partial(_walked, parameters=after, sizes=_sizes(config, config.long))
    keys = jax.random.split(jax.random.fold_in(k_chains, 1), config.drawn)
    ends = jax.jit(jax.vmap(run))(keys, begun)
    given, found = (np.asarray(x).reshape(-1, 2) for x in (data, ends))
    return Learnt(given, _energy(before), _energy(after), found)


def _sizes(config: Density, count: int) -> Array:
    return jnp.full(count, config.step_size)


def _walked(key: Array, x: Array, parameters: Parameters, sizes: Array) -> Array:
    fn = score.from_energy(_energy(parameters))
    return sample.langevin(key, x, fn, sizes, sizes)[0]


def _trained(
    key: Array, data: Array, parameters: Parameters, config: Density
) -> Parameters:
    """All updates, in scans of a part each: the network has no convolution."""
    rate = optax.cosine_decay_schedule(config.learning_rate, config.updates)
    optimiser, sizes = optax.adam(rate), _sizes(config, config.steps)

    def update(state: Any, i: Array) -> tuple[Any, None]:
        parameters, memory, bank = state
        keys = jax.random.split(jax.random.fold_in(key, i), 4)
        positives = data[sample.bank.draw(keys[0], len(data), config.batch)]
        places = sample.bank.draw(keys[1], config.bank, config.batch)
        run = jax.vmap(Partial(_walked, parameters=parameters, sizes=sizes))
        negatives = run(jax.random.split(keys[2], config.batch), bank[places])

        slope = jax.grad(_gap)(parameters, positives, negatives)
        change, memory = optimiser.update(slope, memory)
        parameters = optax.apply_updates(parameters, change)

        renew = jax.vmap(sample.bank.rejuvenate, (0, 0, 0, None))
        starts = jax.random.split(keys[3], config.batch)
        kept = renew(starts, negatives, positives, config.fresh)
        return (parameters, memory, sample.bank.write(bank, places, kept)), None

    @jax.jit
    def several(state: Any, numbers: Array) -> Any:
        return jax.lax.scan(update, state, numbers)[0]

    state = parameters, optimiser.init(parameters), data[: config.bank]
    parts = np.array_split(np.arange(config.updates), min(PARTS, config.updates))
    for numbers in each("parts of the training", parts, unit="part"):
        state = jax.block_until_ready(several(state, jnp.asarray(numbers)))
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state)):
            raise Diverged(
                f"a number of the training is not finite by update {numbers[-1] + 1} "
                f"of {config.updates}; set a smaller learning_rate or step_size."
            )
    return state[0]


def _gap(parameters: Parameters, positives: Array, negatives: Array) -> Array:
    of = Partial(loss.contrastive, energy=_energy(parameters))
    return jnp.mean(jax.vmap(of)(positives, negatives))


def maps(energies: dict[str, Energy]) -> dict[str, np.ndarray]:
    """log p of each energy at the points of the grid, [SIDE, SIDE], from the lowest."""
    side = jnp.linspace(LOW, HIGH, SIDE)
    grid = jnp.stack(jnp.meshgrid(side, side), -1).reshape(-1, 1, 2, 1)
    found = {}
    for name, energy in energies.items():
        raw = jax.jit(jax.vmap(energy))(grid)
        found[name] = np.asarray(jax.nn.log_softmax(-raw)).reshape(SIDE, SIDE)
    return found


def summary(config: Density, found: Learnt, command: str) -> dict[str, Any]:
    """The divergences from the truth, in nats, and what they depend on."""
    energies = {"truth": truth(config), "before": found.before, "after": found.energy}
    logs = maps(energies | {"normal": _normal(found.data)})
    p = np.exp(logs["truth"])
    apart = {
        name: float(np.sum(p * (logs["truth"] - logs[name])))
        for name in ("before", "normal", "after")
    }
    return {
        "config": encode(config),
        "divergence": apart,
        "chains": max(
            plane.distance(found.chains, found.data, angle) for angle in plane.ANGLES
        ),
        "command": command,
        "versions": versions(),
    }


def _normal(data: np.ndarray) -> Energy:
    """The energy of the normal law with the mean and covariance of the points."""
    centre, inverse = data.mean(0), np.linalg.inv(np.cov(data.T))

    def energy(x: Array) -> Array:
        away = x.ravel() - centre
        return 0.5 * away @ inverse @ away

    return energy


def text(summary: dict[str, Any]) -> str:
    """The divergences in words."""
    apart, points = summary["divergence"], summary["config"]["points"]
    return (
        f"Learnt from {points:,} points. Divergence of the truth from the model: "
        f"{apart['after']:.3f} nats; {apart['before']:.2f} before training, "
        f"{apart['normal']:.2f} for the best normal law.\nLong chains from noise are "
        f"{summary['chains']:.3f} from the points, as the largest gap of distribution "
        "functions along four lines."
    )
