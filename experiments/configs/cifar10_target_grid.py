"""Narcissus and gradient matching on CIFAR-10 at PureGen's size: ResNet-18, 200 epochs.

    python -m experiments.evaluate_poison --config=cifar10_target_grid --data_dir=DIR

Ten classes have a trigger on a tenth of their images, tested as it is; a hundred frogs
are to be answered as ships, by a tenth of the ships; Linf 8/255, thirteen rows. PureGen
takes its public images from CINIC-10, and 500 of 50,000 images for poisons; here
10,000 training images are public, and 400 of 40,000 poisoned.

For an accelerator; not run here. Counted in floating point operations: a training is
26 PFLOP, 1,442 of them 38 EFLOP; PureGen's energy and diffusion 6 and 50 PFLOP for a
set, 110 sets 6 EFLOP; a network for each poison another 3 EFLOP. Together 47 EFLOP: 110
hours of a device that keeps up 120 TFLOP/s. One class or target at a time may be run,
and more added at the end of the list: `--config.poisons=narcissus:0,narcissus:1`.
"""

from dataclasses import replace

from experiments.configs import cifar10_poison_grid
from experiments.poisoning.config import (
    PoisonGrid,
    Shares,
    defences,
)
from experiments.training.config import (
    Optim,
)
from purifax.poison import GradientMatching, Narcissus

__all__ = ["config"]


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    grid = cifar10_poison_grid.config()
    optim = Optim(
        name="sgd",
        learning_rate=0.1,
        weight_decay=5e-4,
        schedule="drops",
        drops=(0.5, 0.75),
        factor=0.1,
    )
    return replace(
        grid,
        images=Shares(name="cifar10", train=40_000, other=10_000),
        victim=replace(grid.victim, optim=optim, steps=200 * 40_000 // 128),
        poisons={
            f"narcissus:{label}": Narcissus(target=label, times=1.0)
            for label in range(10)
        }
        | {
            f"gradient_matching:{number}": GradientMatching(
                target=8, target_class=6, target_image=number
            )
            for number in range(100)
        },
        defences=defences(
            "none",
            "jpeg:25",
            "jpeg:50",
            "jpeg:75",
            "jpeg:85",
            "epic:0.1",
            "epic:0.2",
            "epic:0.3",
            "friendly",
            "friendly_gaussian",
            "puregen_ebm",
            "puregen_ddpm",
        ),
        seeds=(0,),
    )
