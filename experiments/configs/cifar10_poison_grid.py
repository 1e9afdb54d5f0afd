"""Poisons and defences on CIFAR-10 at the papers' size: ResNet-18, 80 epochs, 3 seeds.

    python -m experiments.evaluate_poison --config=cifar10_poison_grid --data_dir=DIR

14 poisons at 8/255 and 27 rows, the seven of ECLIPSE's ablation among them. The
38,000 images that are poisoned, the 2,000 of ECLIPSE's sparse set and the 10,000 that
PureGen's models learn from are disjoint parts of the training set; ECLIPSE takes its
2,000 from the test set and PureGen its 70,000 from CINIC-10. The victim is trained with
weight decay 5e-4 and a cosine schedule (ECLIPSE: neither), the last step counts, and
batch normalisation is updated once a step.

For an accelerator; not run here. Counted in floating point operations: a training of
38,000 images for 80 epochs is 10 PFLOP (adversarial training, ten steps: 110; the worst
of five of UEraser: 27), 1,212 of them 17 EFLOP; the diffusions on the sparse set and of
AVATAR 1.6 EFLOP each and that of PureGen 0.3; ECLIPSE's and AVATAR's 100 evaluations 64
PFLOP for a set, PureGen's diffusions 50, 165 and 40 and its energy 6, for 45 sets
together 18 EFLOP; TAP's 8 restarts of 250 steps 250 PFLOP, SEP 110, EM at most 130, REM
1,250, TUE 270, EntF 140 and DUNE 20 for each seed, 6.5 EFLOP. Together some 45 EFLOP:
104 hours of a device that keeps up 120 TFLOP/s. Seeds may be run one at a time:
`--config.seeds=0`, then `--config.seeds=0,1` in the same work directory.
"""

from experiments.poisoning.config import (
    PoisonGrid,
    Shares,
    Victim,
    defences,
    poisons,
)
from experiments.training.config import (
    ClassifierNet,
    Optim,
)
from purifax.poison import AR

__all__ = ["config"]

_POISONS = (
    "lsp",
    "ar",
    "ops",
    "cuda",
    "urp",
    "tap",
    "hypo",
    "sep",
    "em",
    "rem",
    "entf",
    "tue",
    "dune",
    "label_consistent",
)

_DEFENCES = (
    "none",
    "jpeg:10",
    "jpeg:75",
    "grayscale",
    "bit_depth:2",
    "gaussian_noise:0.05",
    "cutout",
    "mixup",
    "cutmix",
    "ueraser",
    "ueraser_max",
    "adversarial:4",
    "orthogonal",
    "grayscale:0.4",
    "compensation",
    "eclipse_ddpm",
    "eclipse_grayscale",
    "eclipse_noise",
    "eclipse",
    "eclipse_once",
    "avatar",
    "puregen_ebm",
    "puregen_ddpm",
    "puregen_naive",
    "puregen_reps",
    "puregen_filt",
)


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    return PoisonGrid(
        images=Shares(name="cifar10", train=40_000, sparse=2000, other=10_000),
        victim=Victim(
            net=ClassifierNet(
                name="ResNet18",
                mean=(0.4914, 0.4822, 0.4465),
                std=(0.2023, 0.1994, 0.2010),
            ),
            optim=Optim(
                name="sgd",
                learning_rate=0.1,
                weight_decay=5e-4,
                schedule="cosine",
            ),
            steps=80 * 38_000 // 128,
            flip=True,
            crop=4,
        ),
        poisons=poisons(*_POISONS) | {"ar": AR(response=3.0)},
        defences=defences(*_DEFENCES),
    )
