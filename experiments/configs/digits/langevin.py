"""Evaluations of purifiers of digits (8x8) that take Langevin steps of an energy.

They need the networks of `digits_ebm` and `digits_classifier`; those of PureGen need
`digits_ddpm` as well, take the images and attacks of `ebm_mala`, and give every answer
by five purification samples. No setting was tuned.
"""

from dataclasses import replace

from experiments.configs.digits.purifiers import diffpure
from purifax.attack import PGD
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import MALA, Langevin, PureGen


def ebm_langevin() -> Evaluation:
    """Langevin purification of digits (8x8) by an energy at Linf 0.15: a hundred steps.

        python -m experiments.evaluate --config=digits_ebm_langevin

    With the energy of `digits_ebm_dsm`, add `--config.score=runs/digits_ebm_dsm`.
    Images and attacks are those of `digits_diffpure`.

    Measured on all 500 test images (seed 0, 3 keys; 300 of them take three minutes on
    two CPU cores): bare 98.8% clean and 19.6% [16.4, 23.3] under its own PGD; defended
    98.8% [97.4, 99.4] clean, 77.9% [74.1, 81.3] blind, 74.7% [70.7, 78.3] BPDA+EOT and
    66.7% [62.4, 70.7] under the exact gradient, which BPDA overestimates by 8.1 points
    [6.4, 10.0].
    """
    return replace(
        diffpure(),
        score="runs/digits_ebm",
        purifier=Langevin(steps=100, epsilon=0.02),
        pooling="logits",
    )


def ebm_mala() -> Evaluation:
    """Purification of digits (8x8) by an energy, each step tested by Metropolis's rule.

        python -m experiments.evaluate --config=digits_ebm_mala

    All is as in `ebm_langevin` but for 128 images, five purification samples an answer
    and short attacks. It asks how much of that defence is the bias of its steps.

    Measured on 128 test images (seed 0, 2 keys) in 4 minutes of two busy CPU cores:
    98.4% [94.5, 99.6] clean, 79.7% [71.9, 85.7] blind, 77.7% [69.8, 84.1] BPDA+EOT and
    71.5% [63.1, 78.6] under the exact gradient, which BPDA overestimates by 6.2 points
    [3.5, 9.8]. `ebm_langevin` leaves 66.7% [62.4, 70.7] (500 images, ten samples an
    answer, longer attacks), so there is no sign that the bias of its steps is what
    defends.
    """
    return replace(
        diffpure(),
        images=Subjects(name="digits", count=128),
        score="runs/digits_ebm",
        purifier=MALA(steps=100, epsilon=0.02),
        samples=5,
        pooling="logits",
        sweep=(),
        keys=2,
        chunk=32,
        attacks={
            **diffpure().attacks,
            "bpda": PGD(steps=10, eot=3, gradient="bpda"),
            "exact": PGD(steps=10, eot=3),
        },
    )


def ebm_longrun() -> Evaluation:
    """Long-run Langevin purification of digits (8x8): 1,500 steps at Linf 0.15.

        python -m experiments.evaluate --config=digits_ebm_longrun

    The number of steps is that of Stochastic Security. The exact gradient goes through
    all of them, recomputed. Images and attacks are those of `ebm_mala`.

    Measured on 64 of the 128 test images (`--config.images.count=64`, seed 0, 2 keys)
    in 71 minutes of a third of two CPU cores: 92.2% [83.0, 96.6] clean, 81.2% [70.0,
    88.9] blind, 79.7% [68.3, 87.7] BPDA+EOT and 75.0% [63.2, 84.0] under the exact
    gradient, whose proof holds through 1,500 steps; the worst of the three leaves 71.9%
    [59.9, 81.4]. BPDA above exact: 4.7 points [-0.8, 10.2]. Ten attack steps with three
    EOT samples do not reach the end of the ascent.
    """
    return replace(ebm_mala(), purifier=Langevin(steps=1500, epsilon=0.02))


def puregen_naive() -> Evaluation:
    """PureGen's Naive on digits (8x8) at Linf 0.15: first energy, then diffusion.

        python -m experiments.evaluate --config=digits_puregen_naive

    100 Langevin steps of `digits_ebm` are followed by `digits_ddpm` from label 75; in
    PureGen's terms T = [100, 75, 1].

    Measured on 128 test images (seed 0, 2 keys) in 13 minutes of two busy CPU cores:
    97.7% [93.3, 99.2] clean, 83.6% [76.2, 89.0] blind, 84.4% [77.1, 89.7] BPDA+EOT and
    75.4% [67.3, 82.0] under the exact gradient, which BPDA overestimates by 9.0 points
    [4.7, 13.7].
    """
    return replace(
        ebm_mala(),
        score="runs/digits_ddpm",
        energy="runs/digits_ebm",
        purifier=PureGen(steps=100, epsilon=0.02),
        pooling="probabilities",
    )


def puregen_reps() -> Evaluation:
    """PureGen's Reps on digits (8x8) at Linf 0.15: both in five short rounds.

        python -m experiments.evaluate --config=digits_puregen_reps

    10 Langevin steps of `digits_ebm`, then `digits_ddpm` from label 50, five times; in
    PureGen's terms T = [10, 50, 5].

    Measured on 128 test images (seed 0, 2 keys) in 21 minutes of two busy CPU cores:
    97.3% [92.8, 99.0] clean, 80.5% [72.8, 86.4] blind, 80.5% [72.8, 86.4] BPDA+EOT and
    69.5% [61.1, 76.8] under the exact gradient, which BPDA overestimates by 10.9 points
    [6.6, 15.6].
    """
    return replace(puregen_naive(), purifier=PureGen(epsilon=0.02, time=50, repeats=5))


def puregen_filt() -> Evaluation:
    """PureGen's Filt on digits (8x8) at Linf 0.15: diffusion where the energy is high.

        python -m experiments.evaluate --config=digits_puregen_filt

    `digits_ddpm` from label 125 where the energy of `digits_ebm` is above the median of
    validation images; in PureGen's terms T = [0, 125, 1], k = 0.5.

    Measured on 128 test images (seed 0, 2 keys) in six minutes on two busy CPU cores:
    bare 99.2% clean and 20.3% [14.3, 28.1] under its own PGD; defended 97.3% [92.8,
    99.0] clean, 75.8% [67.7, 82.4] blind, 75.0% [66.8, 81.7] BPDA+EOT and 68.0% [59.5,
    75.4] under the exact gradient, which does not see the border of the filter.
    """
    return replace(
        puregen_naive(), purifier=PureGen(steps=0, epsilon=0.02, time=125, fraction=0.5)
    )
