"""The end of an energy's training: its bank, long chains, and their energies.

A convergent energy keeps its chains where data are: started from data or from noise,
their mean energy stays near that of data however many steps they take.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.training import energy as chains
from experiments.training import multiprocess
from experiments.training.energy_recipes import Recipe
from experiments.training.run import Run
from experiments.training.state import State
from purifax import sample, score
from purifax.data.augment import to_float
from purifax.energy import Tempered
from purifax.nets import Network
from purifax.run import devices, pictures
from purifax.run.extras import extra
from purifax.run.progress import say

__all__ = ["finish_energy", "long_chains", "measured"]

_SHOWN = 64


def measured(run: Run, state: State, most: int | None = None) -> dict[str, float]:
    """What validation reports of the averaged weights, on at most so many images.

    Of an energy with a bank also "gap": the mean energy of held-out images, with the
    noise of training, less that of as many chains, over the temperature.
    """
    found = run.validation(run.k_validate, state.ema, run.held, most)
    if state.bank is None or not found:
        return found
    kept = devices.here(state.bank[:most], run.mesh)
    chained = _energies(_tempered(run, state), kept)
    return {**found, "gap": found["energy"] - float(jnp.mean(chained))}


def finish_energy(run: Run, state: State) -> dict[str, Any]:
    """Writes ``bank.png`` and ``long_chains_from_data.png`` and ``..._noise.png``.

    All processes measure, and the first one draws.

    Returns:
        For the summary, to the first process: "train_energy" of as many training
        images as are held out, "outside" and "far", the shares of the chains' pixels
        as in `chains.seen`, and the mean energies of long chains by their start and
        number of steps.
    """
    given, tempered = run.recipe(), _tempered(run, state)
    k_short, k_noise, k_long = jax.random.split(run.k_pictures, 3)
    trained = run.validation(run.k_validate, state.ema, run.train, len(run.held))
    shown = _samples(k_short, run, state, given)
    if not multiprocess.first():
        return {}
    side = int(min(len(shown), _SHOWN) ** 0.5)
    grid = shown[: side * side].reshape(side, side, *shown.shape[1:])
    with extra("bank.png"):
        pictures.grid(run.folder / "bank.png", grid)
    found: dict[str, Any] = {
        **({"train_energy": trained["energy"]} if trained else {}),
        "outside": float(np.mean(np.abs(shown - 0.5) > 0.5)),
        "far": float(np.mean(np.abs(shown - 0.5) > 1.0)),
    }
    asked = run.config.strip
    if not asked.images:
        return found
    say(f"drawing {2 * asked.images} chains of {asked.at[-1]} steps")
    data = to_float((run.held if len(run.held) else run.train).images[: asked.images])
    starts = {"data": data, "noise": jax.random.uniform(k_noise, data.shape)}
    for name, begun in starts.items():
        states, heights = long_chains(k_long, begun, tempered, given.epsilon, asked.at)
        path = run.folder / f"long_chains_from_{name}.png"
        means = [float(height) for height in np.mean(heights, axis=1)]
        words = [f"{n}: {e:.4g}" for n, e in zip(asked.at, means, strict=True)]
        with extra(path.name):
            pictures.strip(path, states, words)
        found[f"from_{name}"] = dict(zip(map(str, asked.at), means, strict=True))
    return found


def long_chains(
    key: Array, begun: Array, energy: Tempered, epsilon: float, at: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """States of Langevin chains after each of the numbers of steps in `at`, rising.

    Args:
        begun: [N, H, W, C].
        energy: over its temperature.

    Returns:
        States [R, N, H, W, C] and their energies [R, N].
    """
    states, done, x = [], 0, begun
    for count in at:
        x, done = _advance(key, x, energy, epsilon, done, count), count
        states.append(x)
    heights = [_energies(energy, x) for x in states]
    return np.asarray(jnp.stack(states)), np.asarray(jnp.stack(heights))


@jax.jit
def _advance(
    key: Array, x: Array, energy: Tempered, epsilon: float, done: int, count: int
) -> Array:
    """All chains from step `done` to step `count`."""
    pull = score.from_energy(energy)
    steps = jax.vmap(sample.langevin_step, in_axes=(0, 0, None, None, None))

    def step(i: Array, x: Array) -> Array:
        keys = jax.random.split(jax.random.fold_in(key, i), len(x))
        return steps(keys, x, pull, 0.0, jnp.square(epsilon) / 2)

    return jax.lax.fori_loop(done, count, step, x)


@jax.jit
def _energies(energy: Tempered, images: Array) -> Array:
    return jax.lax.map(energy, images, batch_size=_SHOWN)


def _tempered(run: Run, state: State) -> Tempered:
    """The averaged energy over its temperature, on one device."""
    network = Network(run.module, devices.here(state.ema, run.mesh))
    return Tempered(network, run.recipe().temperature)


def _samples(key: Array, run: Run, state: State, given: Recipe) -> np.ndarray:
    """The bank; where none is kept, chains as long as those of training."""
    if state.bank is not None:
        return np.asarray(devices.here(state.bank, run.mesh))
    k_start, k_chains = jax.random.split(key)
    begun = jax.random.uniform(k_start, (_SHOWN, *run.train.images.shape[1:]))
    energy = _tempered(run, state).energy
    ended, _ = jax.jit(chains.run, static_argnums=3)(k_chains, begun, energy, given)
    return np.asarray(ended)
