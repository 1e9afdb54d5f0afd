"""Poisons and defences on MNIST (28x28)."""

from dataclasses import replace
from typing import Any

from experiments.configs.mnist import training
from experiments.poisoning.config import (
    Eclipse,
    PoisonGrid,
    PureGen,
    Shares,
    Victim,
    defences,
)
from experiments.poisoning.defences.adversarial import Adversarial
from experiments.poisoning.defences.eclipse import eclipses
from experiments.poisoning.defences.orthogonal import Orthogonal
from experiments.poisoning.defences.puregen import puregens
from experiments.training.config import (
    ClassifierNet,
    Data,
    DiffusionTraining,
    Drawing,
    Optim,
)
from experiments.training.config_energy import EnergyTraining, Strip
from purifax import poison
from purifax.purify import DiffPure, Langevin


def _generators() -> tuple[DiffusionTraining, EnergyTraining]:
    """Trainings of the purifiers' networks, short and without pictures."""
    ddpm, energy = training.ddpm(), training.ebm()
    data = Data(name="npz", validation=0.0)
    ddpm = replace(
        ddpm,
        data=data,
        train=replace(ddpm.train, steps=1500),
        drawing=Drawing(images=0),
    )
    energy = replace(
        energy, data=data, train=replace(energy.train, steps=600), strip=Strip(images=0)
    )
    return ddpm, energy


def _poisons() -> dict[str, Any]:
    far = {"radius": 0.3}
    few = far | {"steps": 20, "step_size": 0.1}
    return {
        "lsp": poison.LSP(level=0.25, patch=4),
        "ar": poison.AR(length=8.0, response=1.0, candidates=3000),
        "ops": poison.OPS(),
        "cuda": poison.CUDA(),
        "urp": poison.URP(**far),
        "tap": poison.TAP(**few, restarts=1, jitter=0.0),
        "em": poison.EM(**far, rounds=6, stop=0.0),
        "badnets": poison.BadNets(),
    }


def _known() -> dict[str, Any]:
    """The defences that have other numbers than the published ones."""
    descent = DiffPure(steps=20, sampler="ancestral")
    energy, diffusion = Langevin(epsilon=0.03, steps=100), replace(descent, time=200)
    return {
        "adversarial": Adversarial(steps=5),
        "orthogonal": Orthogonal(steps=500),
        **eclipses(replace(descent, time=150)),
        **puregens(energy, diffusion, rounds_from=100, filter_from=200),
    }


class MnistGrid(PoisonGrid):
    """A grid whose defences have numbers for MNIST where they are named."""

    default_defences = staticmethod(_known)


def poison_grid() -> PoisonGrid:
    """Poisons and defences on MNIST (28x28): 3,840 images, a small network, 3 seeds.

        python -m experiments.evaluate_poison --config=mnist_poison_grid

    Eight poisons and fifteen rows, 375 trainings of 250 steps. 3,840 images are the
    victim's, 160 clean ones the defender's, 6,000 others PureGen's. Perturbations are
    large (Linf 0.3), as those of NTGA are on MNIST, where the black background clips
    half of them away. Nothing was tuned.

    103 minutes of CPU time (seed by seed, beside other work). Undefended: 95.7% clean,
    59.8% under LSP, 86.6% AR, 94.0% OPS, 91.5% CUDA, 89.7% URP, 34.0% TAP and 63.8% EM;
    ECLIPSE leaves 90.7% to 95.2% under all of them, PureGen's diffusion 89.3% to 95.4%.
    `--config.images.name=fashion_mnist` takes Fashion-MNIST instead.
    """
    ddpm, energy = _generators()
    known = _known()
    names = "orthogonal", "eclipse", "puregen_ebm", "puregen_ddpm"
    return MnistGrid(
        images=Shares(name="mnist", train=4000, sparse=160, other=6000, test=2000),
        victim=Victim(
            net=ClassifierNet(name="SmallCNN", widths=(32, 64), hidden=128, fold=2),
            optim=Optim(learning_rate=2e-3, schedule="cosine"),
            steps=250,
        ),
        poisons=_poisons(),
        defences=defences(
            *(
                "none jpeg:10 jpeg:75 bit_depth:2 gaussian_noise:0.2 "
                "cutout:10 mixup ueraser"
            ).split()
        )
        | {"adversarial:25": replace(known["adversarial"], levels=25.0)}
        | {name: known[name] for name in names},
        eclipse=Eclipse(training=ddpm),
        puregen=PureGen(energy_training=energy, ddpm_training=ddpm),
    )
