"""Poisons and defences on MNIST (28x28)."""

from dataclasses import replace

from experiments.configs.mnist import training
from experiments.poisoning.config import (
    Crafting,
    Eclipse,
    PoisonGrid,
    PureGen,
    Shares,
    Victim,
)
from experiments.training.config import (
    ClassifierNet,
    Data,
    DiffusionTraining,
    Drawing,
    Optim,
)
from experiments.training.config_energy import EnergyTraining, Strip
from purifax.evaluation.settings import Defence

__all__ = ["poison_grid"]


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
    return PoisonGrid(
        images=Shares(name="mnist", train=4000, sparse=160, other=6000, test=2000),
        victim=Victim(
            net=ClassifierNet(name="SmallCNN", widths=(32, 64), hidden=128, fold=2),
            optim=Optim(learning_rate=2e-3, schedule="cosine"),
            steps=250,
        ),
        poisons=("lsp", "ar", "ops", "cuda", "urp", "tap", "em", "badnets"),
        defences=(
            "none",
            "jpeg:10",
            "jpeg:75",
            "bit_depth:2",
            "gaussian_noise:0.2",
            "cutout:10",
            "mixup",
            "ueraser",
            "adversarial:25",
            "orthogonal",
            "eclipse",
            "puregen_ebm",
            "puregen_ddpm",
        ),
        crafting=Crafting(
            radius=0.3,
            steps=20,
            step_size=0.1,
            restarts=1,
            jitter=0.0,
            checkpoints=1,
            lsp_level=0.25,
            lsp_patch=4,
            ar_length=8.0,
            ar_response=1.0,
            ar_candidates=3000,
            em_rounds=6,
            em_stop=0.0,
        ),
        eclipse=Eclipse(
            training=ddpm,
            purifier=Defence(method="diffuse", time=150, steps=20, sampler="ancestral"),
        ),
        puregen=PureGen(
            energy_training=energy,
            ddpm_training=ddpm,
            energy=Defence(method="langevin", epsilon=0.03, steps=100),
            ddpm=Defence(method="diffuse", time=200, steps=20, sampler="ancestral"),
            round_time=100,
            filter_time=200,
        ),
        adversarial_steps=5,
        projection_steps=500,
    )
