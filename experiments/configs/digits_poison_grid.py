"""Poisons and defences on scikit-learn's digits (8x8): four poisons, ten rows.

    python -m experiments.evaluate_poison --config=digits_poison_grid

860 images of 8 x 8 pixels are the victim's, 40 clean ones the defender's, 397 others
PureGen's. Perturbations are large (Linf 0.3): digits are nearly separable by a line, as
the shortcuts are, and nothing smaller harms a classifier of them.

132 trainings in 3.6 minutes of CPU time (seeds 0 to 2, jax 0.10.2). Nothing was tuned.
The README has the table, `experiments/results/digits_poison_grid.json` all numbers.
"""

from dataclasses import replace

from experiments.configs import digits_ddpm, digits_ebm
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
from experiments.training.config_energy import (
    EnergyTraining,
    Strip,
)
from purifax.evaluation.settings import (
    Defence,
)

__all__ = ["config"]


def _generators() -> tuple[DiffusionTraining, EnergyTraining]:
    """Trainings of the purifiers' networks, short and without pictures."""
    ddpm, energy = digits_ddpm.config(), digits_ebm.config()
    data = Data(name="npz", validation=0.0)
    ddpm = replace(
        ddpm,
        data=data,
        train=replace(ddpm.train, steps=300),
        drawing=Drawing(images=0),
    )
    energy = replace(
        energy,
        data=data,
        train=replace(energy.train, steps=300),
        chains=replace(energy.chains, bank=390, rejuvenation=0.25),
        strip=Strip(images=0),
    )
    return ddpm, energy


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    ddpm, energy = _generators()
    return PoisonGrid(
        images=Shares(name="digits", train=900, sparse=40, other=397),
        victim=Victim(
            net=ClassifierNet(name="SmallCNN", widths=(16, 32), hidden=64),
            optim=Optim(learning_rate=2e-3, schedule="cosine"),
            steps=200,
            batch=64,
        ),
        poisons=("lsp", "tap", "em", "badnets"),
        defences=(
            "none",
            "jpeg:50",
            "bit_depth:1",
            "gaussian_noise:0.2",
            "cutout:3",
            "eclipse",
            "puregen_ddpm",
            "puregen_ebm",
        ),
        crafting=Crafting(
            radius=0.3,
            steps=20,
            step_size=0.1,
            restarts=1,
            jitter=0.0,
            checkpoints=1,
            lsp_level=0.2,
            lsp_patch=2,
            em_rounds=10,
            em_stop=0.0,
        ),
        eclipse=Eclipse(
            training=ddpm,
            purifier=Defence(
                method="diffuse",
                time=150,
                steps=10,
                sampler="ancestral",
            ),
        ),
        puregen=PureGen(
            energy_training=energy,
            ddpm_training=ddpm,
            energy=Defence(method="langevin", epsilon=0.02, steps=100),
            ddpm=Defence(method="diffuse", time=200, steps=10, sampler="ancestral"),
        ),
    )
