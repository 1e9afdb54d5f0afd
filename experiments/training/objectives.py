"""The losses that training lowers, and what validation reports of an image."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.tree_util import Partial

from experiments.training import energy_recipes, networks
from experiments.training.config import (
    ClassifierTraining,
    DiffusionTraining,
    Noise,
    ScoreTraining,
)
from experiments.training.config_energy import (
    EnergyTraining,
    Training,
)
from purifax import loss, nets, schedule, score

__all__ = ["Match", "Measure", "Objective", "match", "measure", "objective"]

Objective = Callable[[Any, Array, Array, Array], tuple[Array, Any]]
"""(variables, key, images [N, H, W, C], labels [N]) -> (mean loss, running averages)"""

Measure = Callable[[Any, Array, Array, Array], dict[str, Array]]
"""(variables, key, image [H, W, C], label []) -> {name: []}"""

Match = Callable[[Array, Array, Any], Array]
"""(key, image [H, W, C], network) -> [], the loss of a score network on one image"""


def objective(
    config: ScoreTraining | DiffusionTraining | ClassifierTraining, module: nn.Module
) -> Objective:
    """The loss that training lowers, averaged over a batch.

    That of an energy needs chains, and is in `experiments.training.energy`.
    """
    if isinstance(config, ClassifierTraining):
        return _cross_entropy(config, module)
    return _matching(match(config), module)


def measure(config: Training, module: nn.Module) -> Measure:
    """What validation reports of one image: "loss", and "accuracy" of a classifier.

    Of an energy it is "energy", E / T of the image with the noise of training.
    """
    if isinstance(config, EnergyTraining):
        return _tempered(config, module)
    if not isinstance(config, ClassifierTraining):
        of_image = match(config)

        def of_score(
            variables: Any,
            key: Array,
            x: Array,
            label: Array,
        ) -> dict[str, Array]:
            del label
            return {"loss": of_image(key, x, nets.Network(module, variables))}

        return of_score

    def of_classifier(
        variables: Any,
        key: Array,
        x: Array,
        label: Array,
    ) -> dict[str, Array]:
        del key
        logits = nets.Network(module, variables)(x)
        ranks = optax.softmax_cross_entropy_with_integer_labels(logits, label)
        return {"loss": ranks, "accuracy": (jnp.argmax(logits) == label) + 0.0}

    return of_classifier


def _tempered(config: EnergyTraining, module: nn.Module) -> Measure:
    given = energy_recipes.recipe(config.chains)

    def of_energy(variables: Any, key: Array, x: Array, label: Array) -> dict:
        del label
        noised = x + given.data_noise * jax.random.normal(key, x.shape)
        energy = nets.Network(module, variables)(noised)
        return {"energy": energy / given.temperature}

    return of_energy


def match(config: ScoreTraining | DiffusionTraining) -> Match:
    """The loss of one image, `(key, x, network) -> []`, of any callable network."""
    if isinstance(config, DiffusionTraining):
        return _by_process(config)
    of = _by_level(config.noise)
    if networks.knows_noise(config):
        return of
    return lambda key, x, energy: of(
        key, x, Partial(score.scaled, score=score.from_scaled_energy(energy))
    )


def _by_level(noise: Noise) -> Match:
    """Denoising score matching of a network that gives the scaled score."""
    if noise.law == "single":
        return lambda key, x, f: loss.dsm_single(key, x, f, noise.largest)
    if noise.law == "continuous":
        low, high = noise.smallest, noise.largest
        return lambda key, x, f: loss.dsm_continuous(key, x, f, low, high)
    sigmas = schedule.geometric(noise.largest, noise.smallest, noise.levels)
    return lambda key, x, f: loss.dsm_ladder(key, x, f, sigmas)


def _by_process(config: DiffusionTraining) -> Match:
    """Noise prediction under a process, whatever the network predicts of it."""
    given, predicted = config.diffusion, networks.prediction(config)
    noise: Any = predicted.noise()
    if given.objective == "edm":
        numbers = {n: getattr(given, n) for n in ("mean", "deviation", "spread")}
        of = Partial(loss.edm, **numbers)
    elif given.objective == "continuous":
        of = Partial(loss.continuous, noise=noise)
    else:
        labels = given.labels or noise.betas.shape[0]
        times = {"noise": noise, "times": jnp.arange(labels)}
        of = {
            "simple": Partial(loss.simple, **times),
            "min_snr": Partial(loss.min_snr, cap=given.cap, **times),
            "hybrid": Partial(loss.hybrid, weight=given.weight, **times),
        }[given.objective]
    if given.objective == "hybrid":
        return lambda key, x, network: of(key, x, predicted.parts(network))
    return lambda key, x, network: of(
        key, x, Partial(score.scaled, score=predicted.score(network))
    )


def _matching(of_image: Match, module: nn.Module) -> Objective:
    """The loss of a score network, averaged over the batch."""

    def of(
        variables: Any,
        key: Array,
        images: Array,
        labels: Array,
    ) -> tuple[Array, Any]:
        del labels
        keys = jax.random.split(key, len(images))

        def one(key: Array, x: Array) -> Array:
            network, key = _learning(module, variables, key)
            return of_image(key, x, network)

        return jnp.mean(jax.vmap(one)(keys, images)), {}

    return of


def _learning(module: nn.Module, variables: Any, key: Array) -> tuple[Any, Array]:
    """The network of one image, with its own dropout if it has one; a key for more."""
    if not getattr(module, "dropout", 0.0):
        return nets.Network(module, variables), key
    k_dropout, key = jax.random.split(key)
    return Partial(_dropping, module.apply, variables, k_dropout), key


def _dropping(
    apply: Callable[..., Any], variables: Any, key: Array, x: Array, *told: Array
) -> Array:
    batched = (argument[None] for argument in (x, *told))
    return apply(variables, *batched, train=True, rngs={"dropout": key})[0]


def _cross_entropy(config: ClassifierTraining, module: nn.Module) -> Objective:
    """Cross-entropy with smoothed labels, averaged over the batch.

    Batch normalisation sees the whole batch, over all devices.
    """

    def of(
        variables: Any,
        key: Array,
        images: Array,
        labels: Array,
    ) -> tuple[Array, Any]:
        logits, changed = module.apply(
            variables,
            images,
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": key},
        )
        targets = jax.nn.one_hot(labels, logits.shape[-1])
        targets = optax.smooth_labels(targets, config.smoothing)
        return jnp.mean(optax.softmax_cross_entropy(logits, targets)), changed

    return of
