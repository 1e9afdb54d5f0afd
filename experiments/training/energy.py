"""The training step of an energy, and the bank of Langevin chains that it keeps.

    loss = (mean E(x+) - mean E(x-)) / T

x+ are noised training images, x- states of chains of p ~ exp(-E / T), held constant.
The bank is part of the training state: its leading axis is spread over the devices, and
the random numbers of a chain depend on the seed, the step and its place in the batch.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.tree_util import Partial

from experiments.training import optimisers
from experiments.training.config_energy import EnergyTraining
from experiments.training.energy_recipes import Recipe, recipe
from experiments.training.state import State
from purifax import loss, nets, sample, score
from purifax.data.augment import to_float
from purifax.energy import Tempered
from purifax.sample.mala_chain import MALAState
from purifax.types import Energy

__all__ = ["first_bank", "make_step", "run", "seen"]

Seen = dict[str, Array]


def seen(given: Recipe) -> tuple[str, ...]:
    """The names of what is seen in each step.

    "loss" is the energy gap, "swing" its size whatever its sign, "gradient" the mean
    norm of grad E / T along the chains, "drift" how far they moved (Euclidean),
    "outside" and "far" the shares of their pixel values outside [0, 1] and [-0.5, 1.5],
    and "accepted" that of Metropolis's proposals.
    """
    names = ("loss", "swing", "gradient", "drift", "outside", "far")
    return (*names, "accepted") if given.sampler == "mala" else names


def first_bank(key: Array, images: np.ndarray, given: Recipe) -> Array:
    """The bank before the first step, [bank, H, W, C].

    Args:
        images: uint8 [N, H, W, C], those trained on.
    """
    k_choice, k_noise = jax.random.split(key)
    size = given.size(len(images))
    if given.start == "noise":
        return sample.bank.from_noise(k_noise, jnp.arange(size), images.shape[1:])
    chosen = np.asarray(jax.random.permutation(k_choice, len(images))[:size])
    return sample.bank.from_images(k_noise, to_float(images[chosen]), given.data_noise)


def make_step(
    config: EnergyTraining,
    module: nn.Module,
    optimiser: optax.GradientTransformation,
    augment: Callable[[Array, Array], Array],
    spread: Callable[[Array], Array],
) -> Callable[[State, Array, Array, Array], tuple[State, Seen]]:
    """The step `(state, seed key, images uint8 [N, H, W, C], labels [N])`.

    It returns the new state and what was seen, the scalars named by `seen`; `total`
    adds them up since the last line of the log. `spread` gives each device its share of
    the chains that were drawn, wherever they lay in the bank.
    """
    given = recipe(config.chains)
    decay = optimisers.decay(config.optim, config.train.steps)
    names = seen(given)

    def step(
        state: State, key: Array, images: Array, labels: Array
    ) -> tuple[State, Seen]:
        del labels
        key = jax.random.fold_in(key, state.step)
        k_augment, k_noise, k_draw, k_chains, k_fresh = jax.random.split(key, 5)
        x = to_float(images)
        x = jax.vmap(augment)(jax.random.split(k_augment, len(x)), x)
        positive = sample.bank.from_images(k_noise, x, given.data_noise)

        energy, fresh = nets.Network(module, state.variables), (x, positive, given)
        if given.banked:
            places = sample.bank.draw(k_draw, len(state.bank), len(x))
            begun = state.bank[places]
            if given.when == "before":
                begun = _afresh(k_fresh, begun, *fresh)
        else:
            begun = sample.bank.from_noise(k_fresh, jnp.arange(len(x)), x.shape[1:])
        negative, found = run(k_chains, spread(begun), energy, given)

        params = state.variables["params"]
        gap, grads = jax.value_and_grad(_gap)(params, module, positive, negative, given)
        updates, moments = optimiser.update(grads, state.moments, params)
        variables = {"params": optax.apply_updates(params, updates)}
        average = optax.incremental_update(variables, state.ema, 1 - decay(state.step))

        bank = state.bank
        if given.banked:
            after = given.when == "after"
            kept = _afresh(k_fresh, negative, *fresh) if after else negative
            bank = sample.bank.write(bank, places, kept)
        found = {"loss": gap, "swing": jnp.abs(gap), **found}
        begins = state.step % config.train.log_every == 0
        total = {n: jnp.where(begins, 0, state.total[n]) + found[n] for n in names}
        return State(state.step + 1, variables, average, moments, total, bank), found

    return step


def run(key: Array, begun: Array, energy: Energy, given: Recipe) -> tuple[Array, Seen]:
    """Chains from `begun`, [N, H, W, C]: their last states, and means of what was seen.

    The chain in place i draws its noise from `fold_in(key, i)`.
    """
    tempered = Tempered(energy, given.temperature)
    sizes = jnp.full(given.steps, given.epsilon**2 / 2)
    one = _tested if given.sampler == "mala" else _chain
    chain = jax.vmap(one, in_axes=(0, 0, None, None))
    ended, found = chain(_keys(key, len(begun)), begun, tempered, sizes)
    moved = jnp.sqrt(jnp.sum(jnp.square(ended - begun), axis=(1, 2, 3)))
    beyond = jnp.abs(ended - 0.5)
    return ended, {
        **{name: jnp.mean(values) for name, values in found.items()},
        "drift": jnp.mean(moved),
        "outside": jnp.mean(beyond > 0.5, dtype=jnp.float32),
        "far": jnp.mean(beyond > 1.0, dtype=jnp.float32),
    }


def _chain(key: Array, x: Array, energy: Tempered, sizes: Array) -> tuple[Array, Seen]:
    """One Langevin chain: its last state, and the mean norm of the force along it."""
    pull = score.from_energy(energy)

    def step(x: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
        i, size = at
        force = pull(x, 0.0)
        held = Partial(_held, force=force)
        x = sample.langevin_step(jax.random.fold_in(key, i), x, held, 0.0, size)
        return x, jnp.sqrt(jnp.sum(jnp.square(force)))

    ended, norms = jax.lax.scan(step, x, (jnp.arange(len(sizes)), sizes))
    return ended, {"gradient": jnp.mean(norms)}


def _held(x: Array, sigma: Array, force: Array) -> Array:
    del x, sigma
    return force


def _tested(key: Array, x: Array, energy: Tempered, sizes: Array) -> tuple[Array, Seen]:
    """One chain with Metropolis's test; also the share of proposals accepted."""

    def step(
        state: MALAState, at: tuple[Array, Array]
    ) -> tuple[MALAState, tuple[Array, Array]]:
        i, size = at
        norm = jnp.sqrt(jnp.sum(jnp.square(state.force)))
        key_i = jax.random.fold_in(key, i)
        state, accepted = sample.mala_step(key_i, state, energy, size)
        return state, (norm, accepted)

    steps = (jnp.arange(len(sizes)), sizes)
    ended, (norms, accepted) = jax.lax.scan(step, MALAState.at(x, energy), steps)
    return ended.x, {"gradient": jnp.mean(norms), "accepted": jnp.mean(accepted)}


def _gap(
    params: Any, module: nn.Module, positive: Array, negative: Array, given: Recipe
) -> Array:
    """The loss of a batch: contrastive divergence, averaged over pairs."""
    energy = nets.Network(module, {"params": params})
    pair = Partial(loss.contrastive, energy=energy, temperature=given.temperature)
    return jnp.mean(jax.vmap(pair)(positive, negative))


def _keys(key: Array, count: int) -> Array:
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(count))


def _afresh(key: Array, old: Array, x: Array, positive: Array, given: Recipe) -> Array:
    """Chains of which some begin again: from images x, these with noise, or noise."""
    k_some, k_fresh = jax.random.split(key)
    if given.source == "noise":
        fresh = sample.bank.from_noise(k_fresh, jnp.arange(len(x)), x.shape[1:])
    else:
        begun = positive if given.source == "noised data" else x
        fresh = sample.bank.from_images(k_fresh, begun, given.data_noise)
    some = jax.vmap(sample.bank.rejuvenate, in_axes=(0, 0, 0, None))
    return some(_keys(k_some, len(x)), old, fresh, given.rejuvenation)
