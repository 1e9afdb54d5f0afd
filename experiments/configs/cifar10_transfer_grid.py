"""Bullseye Polytope on CIFAR-10 at PureGen's size: a new last layer, 48 targets.

    python -m experiments.evaluate_poison --config=cifar10_transfer_grid --data_dir=DIR

A ResNet-18 learns 48,000 images; the victim trains a new last layer on 500 others, all
fifty ships of which are perturbed at Linf 0.1, so that a frog is answered as a ship.
The attacker knows the network: the white box. For the black one, against networks of
the attacker's own, set `white_box=False` and `ensemble=6` of each poison.

For an accelerator; not run here. The network is 32 PFLOP, each of 293 trainings of the
last layer 0.1 (features are computed anew in every epoch), 800 steps for a target 0.2
PFLOP; PureGen's energy of 500 steps and its diffusions of 125 steps are under 1 PFLOP
for a set of 500, 49 sets 50 PFLOP. Together 0.2 EFLOP and PureGen's training, 0.3: an
hour of a device that keeps up 120 TFLOP/s.
"""

from dataclasses import replace

from experiments.configs import cifar10_target_grid
from experiments.poisoning.config import (
    PoisonGrid,
    Shares,
    Transfer,
    defences,
)
from experiments.poisoning.defences.puregen import PureGenDDPM, PureGenEBM
from experiments.training.config import (
    Optim,
)
from purifax.poison import Bullseye
from purifax.purify import DiffPure, Langevin

__all__ = ["config"]


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    grid = cifar10_target_grid.config()
    optim = Optim(
        learning_rate=0.1, schedule="drops", drops=(0.375, 0.625, 0.875), factor=0.1
    )
    transfer = Transfer(how="linear", steps=40 * 500 // 64, optim=optim)
    far = Bullseye(radius=0.1, bases=50, target=8, target_class=6)
    diffusion = DiffPure(time=125, steps=126, sampler="ancestral")
    energy = Langevin(epsilon=0.00625, steps=500)
    return replace(
        grid,
        images=Shares(name="cifar10", train=500, other=48_000),
        victim=replace(grid.victim, transfer=transfer, flip=False, crop=0, batch=64),
        poisons={f"bullseye:{n}": replace(far, target_image=n) for n in range(48)},
        defences=defences(
            "none",
            "jpeg:25",
            "jpeg:75",
            puregen_ebm=PureGenEBM(energy),
            puregen_ddpm=PureGenDDPM(diffusion),
        ),
    )
