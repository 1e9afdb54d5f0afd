"""Poisons and defences on scikit-learn's digits (8x8): four poisons, ten rows.

    python -m experiments.evaluate_poison --config=digits_poison_grid

860 images of 8 x 8 pixels are the victim's, 40 clean ones the defender's, 397 others
PureGen's. Perturbations are large (Linf 0.3): digits are nearly separable by a line, as
the shortcuts are, and nothing smaller harms a classifier of them.

132 trainings in 3.6 minutes of CPU time (seeds 0 to 2, jax 0.10.2). Nothing was tuned.
The README has the table, `experiments/results/digits_poison_grid.json` all numbers.
"""

from dataclasses import replace
from typing import Any

from experiments.configs import digits_ddpm, digits_ebm
from experiments.poisoning.config import (
    Eclipse,
    PoisonGrid,
    PureGen,
    Shares,
    Victim,
    defences,
)
from experiments.poisoning.defences.eclipse import Eclipse as EclipseDefence
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

__all__ = ["DigitsGrid", "config", "recipes"]


def recipes() -> dict[str, Any]:
    """All poisons with numbers for images and networks this small."""
    far = {"radius": 0.3}
    few = far | {"steps": 20, "step_size": 0.1}
    still = {"restarts": 1, "jitter": 0.0}
    adversary = {"adversary_radius": 0.15, "adversary_steps": 5}
    em = far | {"rounds": 10, "stop": 0.0}
    polytope = far | {"steps": 200, "step_size": 0.02}
    found = [
        poison.LSP(level=0.2, patch=2),
        poison.URP(**far),
        poison.TAP(**few, **still),
        poison.TAPUntargeted(**few, **still),
        poison.HYPO(**few),
        poison.Mislead(**few),
        poison.SEP(**few, checkpoints=1),
        poison.SEPFA(**few, checkpoints=1),
        poison.SEPFAVR(**few, checkpoints=1),
        poison.EM(**em),
        poison.Adaptive(**em),
        poison.AdaptiveBPDA(**em),
        poison.AdaptiveExact(**em),
        poison.REM(**far, **adversary, rounds=150, steps=5, draws=1),
        poison.EntF(**few, **adversary, jitter=0.0),
        poison.TUE(**far, rounds=150, steps=5, width=32),
        poison.DeepConfuse(**far, rounds=5, updates=40),
        poison.NTGA(**far, block=256),
        poison.DUNE(**far, checkpoints=1),
        poison.BadNets(),
        poison.LabelConsistent(**few),
        poison.Narcissus(**far, passes=100, step_size=0.02, times=1.0),
        poison.GradientMatching(**far, **still, steps=100, step_size=0.05),
        poison.Bullseye(**polytope),
        poison.ConvexPolytope(**polytope),
        poison.File(**far),
    ]
    return {one.name: one for one in found}


class DigitsGrid(PoisonGrid):
    """A grid whose poisons have the numbers of `recipes` where they are named."""

    default_poisons = staticmethod(recipes)


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
    known, descent = recipes(), DiffPure(steps=10, sampler="ancestral")
    purifiers = {
        "eclipse": EclipseDefence(replace(descent, time=150)),
        "puregen_ddpm": PureGenDDPM(replace(descent, time=200)),
        "puregen_ebm": PureGenEBM(Langevin(epsilon=0.02, steps=100)),
    }
    return DigitsGrid(
        images=Shares(name="digits", train=900, sparse=40, other=397),
        victim=Victim(
            net=ClassifierNet(name="SmallCNN", widths=(16, 32), hidden=64),
            optim=Optim(learning_rate=2e-3, schedule="cosine"),
            steps=200,
            batch=64,
        ),
        poisons={name: known[name] for name in ("lsp", "tap", "em", "badnets")},
        defences=defences(
            "none",
            "jpeg:50",
            "bit_depth:1",
            "gaussian_noise:0.2",
            "cutout:3",
            **purifiers,
        ),
        eclipse=Eclipse(training=ddpm),
        puregen=PureGen(energy_training=energy, ddpm_training=ddpm),
    )
