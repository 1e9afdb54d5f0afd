"""Every availability poison on 3,800 images of CIFAR-10 (32x32), undefended.

    python -m experiments.evaluate_poison --config=cifar10_poison_small --data_dir=DIR

A small network, 400 steps, one seed. Nothing was tuned but the strength: at the
published 8/255 (AR: L2 1) so few images and steps hardly learn what a poison offers.

Measured on 2,000 test images, in lists of a few poisons: 53.0% after clean training;
32.2% LSP, 36.7% AR, 27.5% OPS, 15.4% CUDA, 30.5% TAP, 43.5% HYPO, 30.6% SEP, 32.8% EM,
35.4% REM, 37.2% TUE, 28.5% NTGA, 13.5% DUNE, 50.3% EntF; 49.4% URP at 8/255. EntF is
made against adversarial training, which learns nothing here in 400 steps; on digits
(`digits_poison_grid`, three seeds) it leaves 15.5% where clean images leave 86.1%:

    --config.poisons=entf --config.defences=none,adversarial:38
    --config.crafting.adversary_radius=0.15 --config.crafting.adversary_steps=5
"""

from dataclasses import replace

from experiments.configs import cifar10_poison_grid
from experiments.poisoning.config import (
    Crafting,
    PoisonGrid,
    Shares,
    Victim,
)
from experiments.training.config import (
    Optim,
)

__all__ = ["config"]


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    full = cifar10_poison_grid.config()
    return PoisonGrid(
        images=Shares(name="cifar10", train=4000, sparse=200, other=1000, test=2000),
        victim=Victim(
            net=replace(
                full.victim.net, name="SmallCNN", widths=(32, 64), hidden=128, fold=2
            ),
            optim=Optim(learning_rate=2e-3, schedule="cosine"),
            steps=400,
        ),
        poisons=(*full.poisons[:-1], "ntga"),
        defences=("none",),
        seeds=(0,),
        crafting=Crafting(
            radius=16 / 255,
            adversary_radius=8 / 255,
            ar_length=3.0,
            ar_response=3.0,
            ar_candidates=10_000,
            steps=30,
            step_size=0.1,
            restarts=1,
            jitter=0.0,
            checkpoints=1,
            em_rounds=10,
            em_stop=0.0,
            rem_rounds=300,
            rem_steps=5,
            rem_draws=1,
            adversary_steps=5,
            tue_rounds=300,
            tue_steps=5,
            ntga_block=256,
            dune_checkpoints=1,
        ),
    )
