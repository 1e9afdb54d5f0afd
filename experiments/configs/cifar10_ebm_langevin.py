"""Langevin purification of CIFAR-10 by PureGen's energy: 150 steps, mid-run.

    python -m experiments.evaluate --config=cifar10_ebm_langevin --data_dir=DIR

after `cifar10_ebm` and `cifar10_classifier`. The noise of a step is 0.00625 in [0, 1],
published as 0.0125 in [-1, 1], the temperature that of training, 1e-4; PureGen takes
150 steps where a classifier is trained from scratch, 500 at temperature 7.5e-5 for
linear transfer and 1,000 for fine-tuning. One run an answer. It purifies training sets;
here it stands before a classifier under attack, of which nothing is published.

For GPUs; not run here.

Source: Bhat et al. 2024, arXiv 2405.18627, appendix D.2.
"""

from purifax.evaluation.settings import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_ebm",
        classifier="runs/cifar10_classifier",
        defence=Defence(
            method="langevin", epsilon=0.00625, steps=150, runs=1, rule="logits"
        ),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact"),
        keys=10,
        chunk=4,
        blind=Attack(steps=40),
        bpda=Attack(steps=50, step_size=0.25, eot=15),
        exact=Attack(steps=50, step_size=0.25, eot=15, at_once=5),
    )
