"""Poisons and defences on MNIST (28x28)."""

from dataclasses import replace
from typing import Any

from experiments.configs.mnist import training
from experiments.poisoning import config
from experiments.poisoning.config_generators import generators
from experiments.poisoning.defences.adversarial import Adversarial
from experiments.poisoning.defences.eclipse import eclipses
from experiments.poisoning.defences.orthogonal import Orthogonal
from experiments.poisoning.defences.puregen import puregens
from experiments.training.config import ClassifierNet, Optim
from purifax import poison
from purifax.purify import DiffPure, Langevin


def _poisons() -> dict[str, Any]:
    far = {"radius": 0.3}
    few = far | {"steps": 20, "step_size": 0.1}
    found = [
        poison.LSP(level=0.25, patch=4),
        poison.AR(length=8.0, response=1.0, candidates=3000),
        poison.OPS(),
        poison.CUDA(),
        poison.URP(**far),
        poison.TAP(**few, restarts=1, jitter=0.0),
        poison.EM(**far, rounds=6, stop=0.0),
        poison.BadNets(),
    ]
    return {one.name: one for one in found}


def _known() -> dict[str, Any]:
    """The defences that have other numbers than the published ones."""
    chain = Langevin(epsilon=0.03, steps=100)
    descent = DiffPure(steps=20, sampler="ancestral", time=150)
    return {
        "adversarial": Adversarial(steps=5),
        "orthogonal": Orthogonal(steps=500),
        **eclipses(descent),
        **puregens(chain, replace(descent, time=200), rounds_from=100, filter_from=200),
    }


class MnistGrid(config.PoisonGrid):
    """A grid whose defences have numbers for MNIST where they are named."""

    default_defences = staticmethod(_known)


def poison_grid() -> config.PoisonGrid:
    """Poisons and defences on MNIST (28x28): 3,840 images, a small network, 3 seeds.
    python -m experiments.evaluate_poison --config=mnist_poison_grid
    Eight poisons and fifteen rows, 375 trainings of 250 steps, in 103 minutes of CPU
    time (seed by seed, beside other work). 3,840 images are the victim's, 160 clean
    ones the defender's, 6,000 others PureGen's. Linf 0.3 is as large as NTGA's on
    MNIST; the black background clips half of it away. Nothing was tuned. Undefended:
    95.7 clean, 59.8 LSP, 86.6 AR, 94.0 OPS, 91.5 CUDA, 89.7 URP, 34.0 TAP, 63.8 EM;
    ECLIPSE leaves 90.7 to 95.2 under all of them, PureGen's diffusion 89.3 to 95.4.
    `--config.images.name=fashion_mnist` takes Fashion-MNIST instead."""
    known = _known()
    net = ClassifierNet("SmallCNN", widths=(32, 64), hidden=128, fold=2)
    optim = Optim(learning_rate=2e-3, schedule="cosine")
    plain = "none jpeg:10 jpeg:75 bit_depth:2 gaussian_noise:0.2 cutout:10 mixup"
    names = "orthogonal", "eclipse", "puregen_ebm", "puregen_ddpm"
    others = {"adversarial:25": replace(known["adversarial"], levels=25.0)}
    others |= {name: known[name] for name in names}
    return MnistGrid(
        images=config.Shares("mnist", train=4000, sparse=160, other=6000, test=2000),
        victim=config.Victim(net, steps=250, optim=optim),
        poisons=_poisons(),
        defences=config.defences(*plain.split(), "ueraser", **others),
        **generators(training.ddpm(), training.ebm(), steps=(1500, 600)),
    )
