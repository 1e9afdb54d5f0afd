"""Poisons and defences on MNIST (28x28): 3,840 images, a small network, three seeds.

    python -m experiments.evaluate_poison --config=mnist_poison_grid --data_dir=DIR

Eight poisons and fifteen rows, 375 trainings of 250 steps. 3,840 images are the
victim's, 160 clean ones the defender's, 6,000 others PureGen's. Perturbations are large
(Linf 0.3), as those of NTGA are on MNIST: its black background cuts half of them.
Nothing was tuned.

103 minutes of CPU time (seed by seed, beside other work). Undefended: 95.7% clean,
59.8% under LSP, 86.6% AR, 94.0% OPS, 91.5% CUDA, 89.7% URP, 34.0% TAP and 63.8% EM;
ECLIPSE leaves 90.7% to 95.2% under all of them, PureGen's diffusion 89.3% to 95.4%.
`--config.images.name=fashion_mnist` takes Fashion-MNIST instead.
"""

from dataclasses import replace
from typing import Any

from experiments.configs import mnist_ddpm, mnist_ebm
from experiments.poisoning.config import (
    Eclipse,
    PoisonGrid,
    PureGen,
    Shares,
    Victim,
    defences,
)
from experiments.poisoning.defences.adversarial import Adversarial
from experiments.poisoning.defences.eclipse import Eclipse as EclipseDefence
from experiments.poisoning.defences.orthogonal import Orthogonal
from experiments.poisoning.defences.puregen import PureGenDDPM, PureGenEBM
from experiments.training.config import (
    ClassifierNet,
    Data,
    DiffusionTraining,
    Drawing,
    Optim,
)
from experiments.training.config_energy import (
    EnergyTraining,
    Strip,
)
from purifax import poison
from purifax.purify import DiffPure, Langevin

__all__ = ["config"]


def _generators() -> tuple[DiffusionTraining, EnergyTraining]:
    """Trainings of the purifiers' networks, short and without pictures."""
    ddpm, energy = mnist_ddpm.config(), mnist_ebm.config()
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


def _purifiers() -> dict[str, Any]:
    descent = DiffPure(steps=20, sampler="ancestral")
    return {
        "adversarial:25": Adversarial(levels=25.0, steps=5),
        "orthogonal": Orthogonal(steps=500),
        "eclipse": EclipseDefence(replace(descent, time=150)),
        "puregen_ebm": PureGenEBM(Langevin(epsilon=0.03, steps=100)),
        "puregen_ddpm": PureGenDDPM(replace(descent, time=200)),
    }


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    ddpm, energy = _generators()
    return PoisonGrid(
        images=Shares(name="mnist", train=4000, sparse=160, other=6000, test=2000),
        victim=Victim(
            net=ClassifierNet(name="SmallCNN", widths=(32, 64), hidden=128, fold=2),
            optim=Optim(learning_rate=2e-3, schedule="cosine"),
            steps=250,
        ),
        poisons=_poisons(),
        defences=defences(
            "none",
            "jpeg:10",
            "jpeg:75",
            "bit_depth:2",
            "gaussian_noise:0.2",
            "cutout:10",
            "mixup",
            "ueraser",
        )
        | _purifiers(),
        eclipse=Eclipse(training=ddpm),
        puregen=PureGen(energy_training=energy, ddpm_training=ddpm),
    )
