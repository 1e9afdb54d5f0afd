"""From the names in a config to networks, losses and optimisers."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

from experiments.lib.config import (
    ClassifierNet,
    ClassifierTraining,
    Data,
    Noise,
    Optim,
    ScoreNet,
    ScoreTraining,
    Training,
)
from experiments.lib.overrides import nearest
from purifax import loss, nets, schedule
from purifax.data import augment

__all__ = [
    "Measure",
    "Objective",
    "augmentation",
    "check",
    "learning_rate",
    "measure",
    "network",
    "objective",
    "optimiser",
]

# (variables, key, images [N, H, W, C], labels [N]) -> (mean loss, new running averages)
Objective = Callable[[Any, Array, Array, Array], tuple[Array, Any]]
# (variables, key, image [H, W, C], label []) -> {name: []}
Measure = Callable[[Any, Array, Array, Array], dict[str, Array]]

_DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
_SCORES = ("NCSNv2", "SmallScore")
_CLASSIFIERS = ("WideResNet", "ResNet18", "ResNet", "SmallCNN", "MLP")
_LAWS = ("single", "ladder", "continuous")


def check(config: Training) -> None:
    """Refuses values that make no run.

    Raises:
        ValueError: a number out of its range, or an unknown name.
    """
    whole = ("steps", "batch", "log_every", "validate_every", "save_every", "keep")
    for name in (name for name in whole if getattr(config.train, name) < 1):
        value = getattr(config.train, name)
        raise ValueError(f"train.{name} must be 1 or more; got {value}.")
    if not 0 <= config.optim.ema < 1:
        raise ValueError(f"optim.ema must be in [0, 1); got {config.optim.ema}.")
    if isinstance(config, ScoreTraining):
        noise = config.noise
        _one_of("noise.law", noise.law, _LAWS)
        if not (0 < noise.smallest <= noise.largest and noise.levels > 0):
            raise ValueError(
                "noise must have 0 < smallest <= largest and levels of 1 or more; got "
                f"{noise.smallest}, {noise.largest} and {noise.levels}."
            )


def network(net: ScoreNet | ClassifierNet, channels: int, classes: int) -> nn.Module:
    """Builds the network that a config names.

    Raises:
        ValueError: an unknown name, or a field that this network does not have.
    """
    given = {k: v for k, v in dataclasses.asdict(net).items() if v is not None}
    name = _one_of("net.name", given.pop("name"), _known(net))
    given["dtype"] = _DTYPES[_one_of("net.dtype", given.pop("dtype"), tuple(_DTYPES))]
    cls = getattr(nets, name)
    has = [f.name for f in dataclasses.fields(cls) if f.name not in ("parent", "name")]
    for extra in (key for key in given if key not in has):
        raise ValueError(f"net.{extra} is set, but {name} has no such field.")
    found = {"channels": channels, "num_classes": classes}
    return cls(**given, **{k: v for k, v in found.items() if k in has})


def _known(net: ScoreNet | ClassifierNet) -> tuple[str, ...]:
    return _SCORES if isinstance(net, ScoreNet) else _CLASSIFIERS


def _one_of(field: str, value: str, known: tuple[str, ...]) -> str:
    """The value, if it is one of the known names."""
    if value not in known:
        raise ValueError(
            f"{field} is {value!r}, which is unknown{nearest(value, known)}"
        )
    return value


def learning_rate(optim: Optim, steps: int) -> optax.Schedule:
    """The learning rate as a function of the step, over a run of `steps`."""
    known = ("constant", "cosine", "drops")
    name = _one_of("optim.schedule", optim.schedule, known)
    peak, warmup = optim.learning_rate, optim.warmup
    if name == "cosine":
        after = optax.cosine_decay_schedule(peak, max(1, steps - warmup))
    elif name == "drops":
        at = {round(part * steps) - warmup: optim.factor for part in optim.drops}
        after = optax.piecewise_constant_schedule(peak, at)
    else:
        after = optax.constant_schedule(peak)
    if not warmup:
        return after
    rise = optax.linear_schedule(0.0, peak, warmup)
    return optax.join_schedules([rise, after], [warmup])


def optimiser(optim: Optim, steps: int) -> optax.GradientTransformation:
    """Adam or SGD with momentum; weight decay is added to the gradient, as in torch."""
    name = _one_of("optim.name", optim.name, ("adam", "sgd"))
    parts = []
    if optim.clip is not None:
        parts.append(optax.clip_by_global_norm(optim.clip))
    if optim.weight_decay:
        parts.append(optax.add_decayed_weights(optim.weight_decay))
    if name == "adam":
        parts.append(optax.scale_by_adam(optim.beta1, optim.beta2, optim.eps))
    else:
        parts.append(optax.trace(optim.momentum, optim.nesterov))
    parts.append(optax.scale_by_learning_rate(learning_rate(optim, steps)))
    return optax.chain(*parts)


def augmentation(data: Data) -> Callable[[Array, Array], Array]:
    """The random change of one training image, `(key, x [H, W, C]) -> x`."""

    def change(key: Array, x: Array) -> Array:
        k_flip, k_crop = jax.random.split(key)
        if data.crop:
            x = augment.pad_and_crop(k_crop, x, data.crop)
        return augment.flip(k_flip, x) if data.flip else x

    return change


def objective(config: Training, module: nn.Module) -> Objective:
    """The loss that training lowers, averaged over a batch."""
    if isinstance(config, ScoreTraining):
        return _matching(config.noise, module)
    return _cross_entropy(config, module)


def measure(config: Training, module: nn.Module) -> Measure:
    """What validation reports of one image: "loss", and "accuracy" of a classifier."""
    if isinstance(config, ScoreTraining):
        match = _match(config.noise)

        def of_score(
            variables: Any,
            key: Array,
            x: Array,
            label: Array,
        ) -> dict[str, Array]:
            del label
            return {"loss": match(key, x, nets.Network(module, variables))}

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


def _match(noise: Noise) -> Callable[[Array, Array, Any], Array]:
    """Denoising score matching of one image, `(key, x, f) -> []`."""
    if noise.law == "single":
        return lambda key, x, f: loss.dsm_single(key, x, f, noise.largest)
    if noise.law == "continuous":
        low, high = noise.smallest, noise.largest
        return lambda key, x, f: loss.dsm_continuous(key, x, f, low, high)
    sigmas = schedule.geometric(noise.largest, noise.smallest, noise.levels)
    return lambda key, x, f: loss.dsm_ladder(key, x, f, sigmas)


def _matching(noise: Noise, module: nn.Module) -> Objective:
    """Denoising score matching, averaged over the batch."""
    match = _match(noise)

    def of(
        variables: Any,
        key: Array,
        images: Array,
        labels: Array,
    ) -> tuple[Array, Any]:
        del labels
        f = nets.Network(module, variables)
        keys = jax.random.split(key, len(images))
        losses = jax.vmap(lambda k, x: match(k, x, f))(keys, images)
        return jnp.mean(losses), {}

    return of


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
