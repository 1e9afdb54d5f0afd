"""Grids of poisons and defences on CIFAR-10.

The grids of the papers' size are not run here, and are for an accelerator; their costs
are counted in floating point operations.
"""

from dataclasses import replace
from typing import Any

from experiments.configs.cifar10.classifiers import MEAN, STD
from experiments.poisoning import config
from experiments.poisoning.defences.puregen import PureGenDDPM, PureGenEBM
from experiments.training.config import ClassifierNet, Optim
from purifax import poison
from purifax.purify import DiffPure, Langevin

_POISONS = """
    lsp ar ops cuda urp tap hypo sep em rem entf tue dune label_consistent
""".split()

_DEFENCES = """
    none jpeg:10 jpeg:75 grayscale bit_depth:2 gaussian_noise:0.05 cutout mixup
    cutmix ueraser ueraser_max adversarial:4 orthogonal grayscale:0.4 compensation
    eclipse_ddpm eclipse_grayscale eclipse_noise eclipse eclipse_once avatar
    puregen_ebm puregen_ddpm puregen_naive puregen_reps puregen_filt
""".split()


def _poisons() -> dict[str, Any]:
    """The availability poisons with numbers for a small network."""
    far = {"radius": 16 / 255}
    few = far | {"steps": 30, "step_size": 0.1}
    adversary = {"adversary_radius": 8 / 255, "adversary_steps": 5}
    found = [
        poison.LSP(),
        poison.AR(length=3.0, response=3.0, candidates=10_000),
        poison.OPS(),
        poison.CUDA(),
        poison.URP(**far),
        poison.TAP(**few, restarts=1, jitter=0.0),
        poison.HYPO(**few),
        poison.SEP(**few, checkpoints=1),
        poison.EM(**far, rounds=10, stop=0.0),
        poison.REM(**far, **adversary, rounds=300, steps=5, draws=1),
        poison.EntF(**few, **adversary, jitter=0.0),
        poison.TUE(**far, rounds=300, steps=5),
        poison.DUNE(**far, checkpoints=1),
        poison.NTGA(**far, block=256),
    ]
    return {one.name: one for one in found}


def poison_grid() -> config.PoisonGrid:
    """Poisons and defences on CIFAR-10 at the size of the papers: ResNet-18, 80 epochs.
    python -m experiments.evaluate_poison --config=cifar10_poison_grid
    14 poisons at 8/255, 27 rows (the seven of ECLIPSE's ablation among them) and three
    seeds. Differences: the 2,000 images of ECLIPSE's sparse set and the 10,000 of
    PureGen's models are parts of the training set, where ECLIPSE takes its 2,000 from
    the test set and PureGen its 70,000 from CINIC-10; weight decay 5e-4 and a cosine
    schedule (ECLIPSE: neither); the last step counts, and batch normalisation is
    updated once a step.
    A training of 38,000 images for 80 epochs is 10 PFLOP (adversarial training, ten
    steps: 110; the worst of five of UEraser: 27), 1,212 of them 17 EFLOP; the
    diffusions on the sparse set and of AVATAR 1.6 EFLOP each and that of PureGen 0.3;
    ECLIPSE's and AVATAR's 100 evaluations 64 PFLOP for a set, PureGen's diffusions 50,
    165 and 40 and its energy 6, for 45 sets together 18 EFLOP; TAP's 8 restarts of 250
    steps 250 PFLOP, SEP 110, EM at most 130, REM 1,250, TUE 270, EntF 140 and DUNE 20
    for each seed, 6.5 EFLOP. Together some 45 EFLOP: 104 hours of a device that keeps
    up 120 TFLOP/s. Seeds may be run one at a time: `--config.seeds=0`, then
    `--config.seeds=0,1` in the same work directory."""
    return config.PoisonGrid(
        images=config.Shares("cifar10", train=40_000, sparse=2000, other=10_000),
        victim=config.Victim(
            net=ClassifierNet("ResNet18", mean=MEAN, std=STD),
            optim=Optim("sgd", 0.1, weight_decay=5e-4, schedule="cosine"),
            steps=80 * 38_000 // 128,
            flip=True,
            crop=4,
        ),
        poisons=config.poisons(*_POISONS) | {"ar": poison.AR(response=3.0)},
        defences=config.defences(*_DEFENCES),
    )


def poison_small() -> config.PoisonGrid:
    """Every availability poison on 3,800 images of CIFAR-10 (32x32), undefended.
    python -m experiments.evaluate_poison --config=cifar10_poison_small
    Nothing was tuned but the strength: at the published 8/255 (AR: L2 1) so few images
    and steps hardly learn what a poison offers. Measured on 2,000 test images, in lists
    of a few poisons: 53.0 after clean training; 32.2 LSP, 36.7 AR, 27.5 OPS, 15.4 CUDA,
    30.5 TAP, 43.5 HYPO, 30.6 SEP, 32.8 EM, 35.4 REM, 37.2 TUE, 28.5 NTGA, 13.5 DUNE,
    50.3 EntF; 49.4 URP at 8/255. EntF is made against adversarial training
    (`--config.poisons=entf --config.defences=none,adversarial:38`), which learns
    nothing here in 400 steps; on digits (`digits_poison_grid`, three seeds) it leaves
    15.5 where clean images leave 86.1."""
    net = poison_grid().victim.net
    small = replace(net, name="SmallCNN", widths=(32, 64), hidden=128, fold=2)
    optim = Optim(learning_rate=2e-3, schedule="cosine")
    return config.PoisonGrid(
        images=config.Shares("cifar10", train=4000, sparse=200, other=1000, test=2000),
        victim=config.Victim(small, steps=400, optim=optim),
        poisons=_poisons(),
        defences=config.defences("none"),
        seeds=(0,),
    )


def target_grid() -> config.PoisonGrid:
    """Narcissus and gradient matching on CIFAR-10 at PureGen's size, 200 epochs.
    python -m experiments.evaluate_poison --config=cifar10_target_grid
    Linf 8/255 and thirteen rows. Ten classes have a trigger on a tenth of their images,
    tested as it is; a hundred frogs are to be classified as ships, by a tenth of the
    ships. Differences: PureGen takes its public images from CINIC-10, and 500 of 50,000
    images for poisons; here 10,000 training images are public, and 400 of 40,000
    poisoned. A training is 26 PFLOP, 1,442 of them 38 EFLOP; PureGen's energy and
    diffusion 6 and 50 PFLOP for a set, 110 sets 6 EFLOP; a network for each poison
    another 3 EFLOP. Together 47 EFLOP: 110 hours of a device that keeps up 120 TFLOP/s.
    One class or target at a time may be run, and more added at the end of the list:
    `--config.poisons=narcissus:0,narcissus:1`."""
    grid = poison_grid()
    drops = {"schedule": "drops", "drops": (0.5, 0.75), "factor": 0.1}
    optim = replace(grid.victim.optim, **drops)
    trigger = poison.Narcissus(times=1.0)
    frog = poison.GradientMatching(target=8, target_class=6)
    rows = """
        none jpeg:25 jpeg:50 jpeg:75 jpeg:85 epic:0.1 epic:0.2 epic:0.3 friendly
        friendly_gaussian puregen_ebm puregen_ddpm
    """
    return replace(
        grid,
        images=config.Shares("cifar10", train=40_000, other=10_000),
        victim=replace(grid.victim, optim=optim, steps=200 * 40_000 // 128),
        poisons={f"narcissus:{k}": replace(trigger, target=k) for k in range(10)}
        | {f"gradient_matching:{n}": replace(frog, target_image=n) for n in range(100)},
        defences=config.defences(*rows.split()),
        seeds=(0,),
    )


def transfer_grid() -> config.PoisonGrid:
    """Bullseye Polytope on CIFAR-10 at PureGen's size: a new last layer, 48 targets.
    python -m experiments.evaluate_poison --config=cifar10_transfer_grid
    A ResNet-18 learns 48,000 images; the victim trains a new last layer on 500 others,
    all fifty ships of which are perturbed at Linf 0.1, so that a frog is classified as
    a ship. The attacker knows the network: the white box. For the black box, against
    networks of the attacker's own, set `white_box=False` and `ensemble=6` of each
    poison. The network is 32 PFLOP, each of 293 trainings of the last layer 0.1
    (features are computed anew in every epoch), 800 steps for a target 0.2 PFLOP;
    PureGen's energy of 500 steps and its diffusions of 125 steps are under 1 PFLOP for
    a set of 500, 49 sets 50 PFLOP. Together with PureGen's training, 0.3 EFLOP: an hour
    of a device that keeps up 120 TFLOP/s."""
    grid = target_grid()
    drops = {"schedule": "drops", "drops": (0.375, 0.625, 0.875), "factor": 0.1}
    optim = Optim(learning_rate=0.1, weight_decay=5e-4, **drops)
    linear = config.Transfer("linear", steps=40 * 500 // 64, optim=optim)
    far = poison.Bullseye(radius=0.1, bases=50, target=8, target_class=6)
    energy = Langevin(epsilon=0.00625, steps=500, temperature=7.5e-5)
    diffusion = DiffPure(time=125, steps=126, sampler="ancestral")
    pure = {"puregen_ebm": PureGenEBM(energy), "puregen_ddpm": PureGenDDPM(diffusion)}
    return replace(
        grid,
        images=config.Shares("cifar10", train=500, other=48_000),
        victim=replace(grid.victim, transfer=linear, flip=False, crop=0, batch=64),
        poisons={f"bullseye:{n}": replace(far, target_image=n) for n in range(48)},
        defences=config.defences("none", "jpeg:25", "jpeg:75", **pure),
    )
