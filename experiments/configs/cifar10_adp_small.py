"""ADP on CIFAR-10 with networks that train on a CPU in about an hour.

    python -m experiments.evaluate --config=cifar10_adp_small --data_dir=DIR

after `cifar10_dsm_small` and `cifar10_classifier_small`.

Noise, levels, rate and cap were chosen on 100 validation images by their clean and
blind accuracy. Measured on 512 test images (seed 0, 3 keys): undefended 85.4% clean and
0.0% under its own PGD; defended 76.3% clean, 47.7% under blind PGD, 7.4% under BPDA+EOT
and 1.6% under the exact gradient: what looks like a defence to a blind attacker is
hardly one.
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
        score="runs/cifar10_dsm_small",
        classifier="runs/cifar10_classifier_small",
        defence=Defence(
            sigma=0.1,
            level=0.1,
            last_level=0.03,
            rate=0.4,
            largest=0.04,
            steps=4,
            runs=8,
        ),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact"),
        keys=3,
        chunk=32,
        blind=Attack(steps=40),
        bpda=Attack(steps=15, step_size=0.25, eot=6, start="image"),
        exact=Attack(steps=8, step_size=0.35, eot=8, start="image"),
    )
