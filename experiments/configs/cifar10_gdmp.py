"""GDMP on CIFAR-10 as published: 4 rounds of 36 guided steps, 10 runs averaged.

    python -m experiments.evaluate --config=cifar10_gdmp --data_dir=DIR

after `cifar10_ddpm` and `cifar10_classifier`. For a GPU; not run here: 1,440 passes of
the network for one answer. SSIM is `--config.defence.distance=ssim`. Published at Linf
8/255 (Wang et al. 2022): 93.5% clean, 90.1% blind, 79.8% under BPDA. By others, under
gradients of the purifier itself: 24.5% (surrogate PGD+EOT), 19.5% (DiffGrad).
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
        score="runs/cifar10_ddpm",
        classifier="runs/cifar10_classifier",
        defence=Defence(
            method="gdmp",
            time=35,
            steps=36,
            repeats=(4,),
            variance="large",
            runs=10,
            rule="logits",
        ),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact"),
        keys=5,
        chunk=8,
        blind=Attack(steps=40),
        bpda=Attack(steps=40, eot=15, start="image"),
        exact=Attack(steps=200, step_size=0.007 * 255 / 8, eot=20, start="image"),
    )
