"""ADP on CIFAR-10 as published: NCSNv2, WRN-28-10, noise 0.25, 10 steps, 10 runs.

    python -m experiments.evaluate --config=cifar10_adp --data_dir=DIR

after `cifar10_dsm` and `cifar10_classifier`. For a GPU; not run here. The paper's BPDA
protocol is `vote` (40 steps, EOT 15; also published with `--config.vote.steps=100`),
Lee and Kim's is `exact` (200 steps of 0.007, EOT 20, from the image). Published at Linf
8/255: 86.14% clean and 70.01% under BPDA+EOT (Yoon et al. 2021), about 33% under
exact-gradient attacks (Croce et al. 2022: 33.7 +- 0.5 on 1000 images).
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
        score="runs/cifar10_dsm",
        classifier="runs/cifar10_classifier",
        defence=Defence(),
        radius=8 / 255,
        attacks=("blind", "vote", "bpda", "joint_score", "joint_full", "exact"),
        keys=5,
        chunk=8,
        blind=Attack(steps=40),
        vote=Attack(steps=40, eot=15, start="image"),
        bpda=Attack(steps=40, eot=15, start="image"),
        joint_score=Attack(steps=40, eot=15, start="image"),
        joint_full=Attack(steps=40, eot=15, start="image"),
        exact=Attack(steps=200, step_size=0.007 * 255 / 8, eot=20, start="image"),
    )
