"""Config types of the networks that purify training sets."""

from dataclasses import dataclass, replace
from typing import Any

from experiments.training import published
from experiments.training.config import (
    Data,
    DiffusionTraining,
    Drawing,
    Optim,
    ScoreNet,
    Train,
)
from experiments.training.config_energy import EnergyTraining, Strip
from purifax.recipe import at_least, one_of, typed

__all__ = ["Avatar", "Eclipse", "PureGen", "generators"]

_GIVEN = Data(name="npz", validation=0.0)
_EVERY = {"validate_every": 5000, "save_every": 1000}


@dataclass(frozen=True)
@typed
class Eclipse:
    """The network of ECLIPSE's diffusion, which learns from a few clean images.

    Attributes:
        training: of the diffusion, on the images `sparse` of `Shares`; its `data` is
            replaced.
        copies: of every image, beside itself.
        enlarge: how a copy is changed: duplicate (not at all), flip, crop, rotation or
            mixup.
    """

    training: DiffusionTraining = published.eclipse_ddpm(
        _GIVEN, validate_every=50_000, save_every=5000
    )
    copies: int = 4
    enlarge: str = "duplicate"

    def __post_init__(self) -> None:
        at_least(self, "copies", 0)
        one_of(self, "enlarge", ("duplicate", "flip", "crop", "rotation", "mixup"))


@dataclass(frozen=True)
@typed
class Avatar:
    """The network of AVATAR's diffusion, of as many images as the victim has.

    Attributes:
        training: of the diffusion; its `data` is replaced.
        learns: clean (the victim's images before they were poisoned, as published: the
            maker of the model had them) or found (the images that it is to purify).
    """

    training: DiffusionTraining = DiffusionTraining(
        data=_GIVEN,
        net=ScoreNet(name="OpenAIUNet", dropout=0.1),
        optim=Optim(learning_rate=1e-4, ema=0.9999),
        train=Train(steps=250_000, validate_every=50_000, save_every=5000),
    )
    learns: str = "clean"

    def __post_init__(self) -> None:
        one_of(self, "learns", ("clean", "found"))


@dataclass(frozen=True)
@typed
class PureGen:
    """The networks of PureGen: an energy, and a diffusion.

    Attributes:
        energy_training: of the energy; its `data` is replaced.
        ddpm_training: of the diffusion; its `data` is replaced.
        energy_from: work directory or name of an energy in place of a training.
        ddpm_from: work directory or name of a diffusion in place of a training.
        learns: other (the images `other` of `Shares`) or found (the images that they
            are to purify).
    """

    energy_training: EnergyTraining = published.puregen_ebm(_GIVEN, **_EVERY)
    ddpm_training: DiffusionTraining = published.puregen_ddpm(_GIVEN, **_EVERY)
    energy_from: str = ""
    ddpm_from: str = ""
    learns: str = "other"

    def __post_init__(self) -> None:
        one_of(self, "learns", ("other", "found"))


def generators(
    ddpm: DiffusionTraining, energy: EnergyTraining, *, steps: tuple[int, int]
) -> dict[str, Any]:
    """The fields `eclipse` and `puregen` of a small grid, trained without pictures.

    Args:
        ddpm: the training of both diffusions, but for its images and length.
        energy: that of the energy.
        steps: of the diffusions and of the energy.
    """
    diffused = replace(ddpm.train, steps=steps[0])
    walked = replace(energy.train, steps=steps[1])
    ddpm = replace(ddpm, data=_GIVEN, train=diffused, drawing=Drawing(images=0))
    energy = replace(energy, data=_GIVEN, train=walked, strip=Strip(images=0))
    puregen = PureGen(energy_training=energy, ddpm_training=ddpm)
    return {"eclipse": Eclipse(training=ddpm), "puregen": puregen}
