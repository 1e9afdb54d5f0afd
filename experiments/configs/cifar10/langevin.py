"""Evaluations of purifiers of CIFAR-10 that take Langevin steps of an energy.

Not run here; for GPUs. PureGen purifies training sets, once an image; here its
purifiers stand before a classifier under attack, of which nothing is published.
"""

from dataclasses import replace

from experiments.configs.cifar10 import purifiers
from purifax.attack import PGD
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import Langevin, PureGen


def ebm_langevin() -> Evaluation:
    """Langevin purification of CIFAR-10 by PureGen's energy: 150 steps, mid-run.
    python -m experiments.evaluate --config=cifar10_ebm_langevin
    The noise of a step, 0.00625, is published as 0.0125 in [-1, 1]; the temperature is
    that of training, 1e-4. PureGen takes 150 steps where a classifier is trained from
    scratch, 500 at temperature 7.5e-5 for linear transfer and 1,000 for fine-tuning.
    Source: Bhat et al. 2024, arXiv 2405.18627, appendix D.2."""
    bpda = PGD(steps=50, eot=15, gradient="bpda")
    exact = replace(bpda, gradient="exact", at_once=5)
    return replace(
        purifiers.adp(),
        score="runs/cifar10_ebm",
        purifier=Langevin(steps=150),
        samples=1,
        pooling="logits",
        attacks={"blind": PGD(gradient="blind"), "bpda": bpda, "exact": exact},
        keys=10,
        chunk=4,
    )


def ebm_longrun_langevin() -> Evaluation:
    """Stochastic Security's defence of CIFAR-10: 1,500 Langevin steps, 150 chains.
    python -m experiments.evaluate --config=cifar10_ebm_longrun_langevin
    The noise of a step is published as 0.01 in [-1, 1]. The exact gradient keeps three
    chains in memory at a time. The published attack stops at the first image that 150
    fresh chains get wrong; here all 50 steps are taken and the last image is answered
    under each key: 1.2 million Langevin steps an image and attack. From memory and not
    checked against the paper, published at Linf 8/255 on 500 images: 84.1 clean, 78.9
    blind, 54.9 under BPDA+EOT. `digits_ebm_longrun` shows both gradients on digits.
    Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525, and its code."""
    attacks = ebm_langevin().attacks
    return replace(
        ebm_langevin(),
        images=Subjects("cifar10", count=500),
        score="runs/cifar10_ebm_longrun",
        purifier=Langevin(steps=1500, epsilon=0.005),
        samples=150,
        keys=1,
        chunk=1,
        attacks={**attacks, "exact": replace(attacks["exact"], at_once=3)},
    )


def puregen_naive() -> Evaluation:
    """PureGen's Naive on CIFAR-10 at test time, with its published T = [150, 75, 1].
    python -m experiments.evaluate --config=cifar10_puregen_naive
    The diffusion of the released program is `--config.purifier=puregencode`.
    Source: Bhat et al. 2024, arXiv 2405.18627, table 10 and appendix D.2."""
    return replace(
        ebm_langevin(),
        score="runs/cifar10_puregen_ddpm",
        energy="runs/cifar10_ebm",
        purifier=PureGen(steps=150),
        pooling="probabilities",
    )


def puregen_reps() -> Evaluation:
    """PureGen's Reps on CIFAR-10 at test time, with its published T = [10, 50, 5].
    python -m experiments.evaluate --config=cifar10_puregen_reps
    The appendix says 7 rounds. Source as of `puregen_naive`."""
    return replace(puregen_naive(), purifier=PureGen(time=50, repeats=5))


def puregen_filt() -> Evaluation:
    """PureGen's Filt on CIFAR-10 at test time, with its published T = [0, 125, 1].
    python -m experiments.evaluate --config=cifar10_puregen_filt
    It has the published k = 0.5. Source as of `puregen_naive`."""
    return replace(puregen_naive(), purifier=PureGen(steps=0, time=125, fraction=0.5))
