"""From the names in a config to networks, and what they predict."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from experiments.training import energy_recipes
from experiments.training.config import (
    ClassifierNet,
    ClassifierTraining,
    Data,
    Diffusion,
    DiffusionTraining,
    EnergyNet,
    ScoreNet,
    ScoreTraining,
)
from experiments.training.config_energy import (
    EnergyTraining,
    Training,
)
from purifax import nets, noise, weights
from purifax.data import augment
from purifax.recipe.spelling import nearest

__all__ = [
    "augmentation",
    "check",
    "knows_noise",
    "learns_variance",
    "network",
    "one_of",
    "predicted",
    "prediction",
]

_DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
_SCORES = {
    "NCSNv2": "scaled_score",
    "NCSNpp": "scaled_score",
    "SmallScore": "scaled_score",
    "UNet2D": "noise",
    "OpenAIUNet": "noise",
    "DDPMpp": "noise",
    "SongUNet": "denoised",
    "SNGANEnergy": "scaled_energy",
    "LightEnergy": "scaled_energy",
    "SmallEnergy": "scaled_energy",
}
_LEARNING = ("UNet2D", "OpenAIUNet")
_ENERGIES = tuple(name for name, told in _SCORES.items() if told == "scaled_energy")
_CLASSIFIERS = ("WideResNet", "ResNet18", "ResNet", "SmallCNN", "MLP")
_OBJECTIVES = {
    "simple": noise.VPDiscrete,
    "min_snr": noise.VPDiscrete,
    "hybrid": noise.VPDiscrete,
    "continuous": (noise.VP, noise.SubVP, noise.VE),
    "edm": object,
}


def check(config: Training) -> None:
    """Refuses parts of a config that do not go together.

    Raises:
        ValueError: such parts, or an unknown name.
    """
    if isinstance(config, DiffusionTraining):
        _check_diffusion(config)
    if isinstance(config, EnergyTraining):
        energy_recipes.check(config)
    if isinstance(config, ScoreTraining):
        told = _SCORES.get(config.net.name, "scaled_score")
        if told == "scaled_energy":
            _check_smooth(config.net)
        elif told != "scaled_score":
            raise ValueError(
                f"net.name={config.net.name} predicts {told} under a process, not the "
                "scaled score: it needs a config of type DiffusionTraining."
            )


def _check_smooth(net: ScoreNet) -> None:
    """The loss is the gradient's, so an energy needs a second derivative."""
    bend = net.activation or getattr(nets, net.name).activation
    if bend != "swish":
        raise ValueError(
            f"net.name={net.name} has the activation {bend}, whose second derivative "
            "is 0: score matching learns nothing. Set --config.net.activation=swish."
        )


def _check_diffusion(config: DiffusionTraining) -> None:
    """The process exists, the objective knows its times, the sampler its name."""
    given = config.diffusion
    name = given.objective
    known = tuple(name for name in _SCORES if name not in _ENERGIES)
    one_of("net.name", config.net.name, known)
    if name == "hybrid" and config.net.name not in _LEARNING:
        raise ValueError(
            f"diffusion.objective=hybrid needs a network that can learn variances: "
            f"{' or '.join(_LEARNING)}; got {config.net.name}."
        )
    process = prediction(config).noise()
    if not isinstance(process, _OBJECTIVES[name]):
        raise ValueError(
            f"diffusion.objective={name} does not go with the times of "
            f"diffusion.process={given.process}; "
            + (
                "it needs VP, SubVP or VE."
                if name == "continuous"
                else "it needs linear or cosine."
            )
        )
    if given.labels is not None:
        _check_labels(given, process)
    if config.net.name == "SongUNet" and not isinstance(process, noise.EDM):
        raise ValueError(
            "net.name=SongUNet is told sigma: diffusion.process must be EDM; got "
            f"{given.process}."
        )


def _check_labels(given: Diffusion, process: noise.Process) -> None:
    """A loss of fewer labels than the chain has."""
    if given.objective not in ("simple", "min_snr", "hybrid"):
        raise ValueError(
            f"diffusion.labels is for losses over the labels of a chain; "
            f"diffusion.objective={given.objective} is none."
        )
    whole = len(process.betas) if isinstance(process, noise.VPDiscrete) else 0
    if not 1 <= given.labels <= whole:
        raise ValueError(
            f"diffusion.labels must be from 1 to the {whole} of the chain; got "
            f"{given.labels}."
        )


def prediction(config: Training) -> weights.Prediction | None:
    """What the score network of a config predicts; None if it is no score network.

    Raises:
        ValueError: an unknown process, or numbers that it does not have.
    """
    if isinstance(config, ClassifierTraining | EnergyTraining):
        return None
    if isinstance(config, ScoreTraining):
        return weights.Prediction(_SCORES.get(config.net.name, "scaled_score"))
    given = config.diffusion
    numbers = {n: getattr(given, n) for n in ("length", "first", "last")}
    process = {n: value for n, value in numbers.items() if value is not None}
    learned = "_and_variance" if learns_variance(config) else ""
    return weights.Prediction(
        _SCORES[config.net.name] + learned,
        {"name": given.process, **process},
        label_scale=given.label_scale,
    )


def predicted(name: str) -> str:
    """What the score network of this name predicts, in a word of `weights.Prediction`.

    Raises:
        ValueError: an unknown name.
    """
    return _SCORES[one_of("net.name", name, tuple(_SCORES))]


def knows_noise(config: Training) -> bool:
    """Whether the network is told the noise level or time, and not the image alone."""
    return (
        isinstance(config, ScoreTraining | DiffusionTraining)
        and config.net.name not in _ENERGIES
    )


def learns_variance(config: Training) -> bool:
    """Whether the network has a second half of channels, for the variances."""
    return (
        isinstance(config, DiffusionTraining) and config.diffusion.objective == "hybrid"
    )


def network(
    net: ScoreNet | ClassifierNet | EnergyNet,
    channels: int,
    classes: int,
    *,
    variance: bool = False,
) -> nn.Module:
    """Builds the network that a config names.

    Args:
        variance: whether it has a second half of channels, for variances.

    Raises:
        ValueError: an unknown name, or a field that this network does not have.
    """
    given = {k: v for k, v in dataclasses.asdict(net).items() if v is not None}
    name = one_of("net.name", given.pop("name"), _known(net))
    given["dtype"] = _DTYPES[given.pop("dtype")]
    cls = getattr(nets, name)
    has = [f.name for f in dataclasses.fields(cls) if f.name not in ("parent", "name")]
    for extra in (key for key in given if key not in has):
        raise ValueError(f"net.{extra} is set, but {name} has no such field.")
    for field in ("mean", "std"):
        if len(given.get(field, ())) not in (0, 1, channels):
            raise ValueError(
                f"net.{field} has {len(given[field])} numbers, but the images have "
                f"{channels} channel(s)."
            )
    found: dict[str, Any] = {"channels": channels, "learned_variance": variance}
    if isinstance(net, ClassifierNet):
        found["num_classes"] = classes
    if variance:
        found["out_channels"] = 2 * channels
    return cls(**given, **{k: v for k, v in found.items() if k in has})


def _known(net: ScoreNet | ClassifierNet | EnergyNet) -> tuple[str, ...]:
    if isinstance(net, EnergyNet):
        return _ENERGIES
    return tuple(_SCORES) if isinstance(net, ScoreNet) else _CLASSIFIERS


def one_of(field: str, value: str, known: tuple[str, ...]) -> str:
    """The value, if it is one of the known names."""
    if value not in known:
        raise ValueError(
            f"{field} is {value!r}, which is unknown{nearest(value, known)}"
        )
    return value


def augmentation(data: Data) -> Callable[[Array, Array], Array]:
    """The random change of one training image, `(key, x [H, W, C]) -> x`."""

    def change(key: Array, x: Array) -> Array:
        k_flip, k_crop = jax.random.split(key)
        if data.crop:
            x = augment.pad_and_crop(k_crop, x, data.crop)
        return augment.flip(k_flip, x) if data.flip else x

    return change
