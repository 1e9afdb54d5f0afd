"""DiffPure on MNIST at Linf 0.2: the diffusion model's chain, five steps.

    python -m experiments.evaluate --config=mnist_diffpure --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. The noise was chosen on 64 validation
images among 0.3, 0.4, 0.5 and 0.65, with a network before the end of its training: 0.3
and 0.4 do alike (96.9% clean, 68.8% under 10 steps of the exact gradient, 3 runs, EOT
3), 0.65 does worse (89.1% and 59.4%).
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
        images=Subjects(name="mnist", count=512),
        score="runs/mnist_ddpm",
        classifier="runs/mnist_classifier",
        defence=Defence(
            method="diffuse", sampler="ancestral", sigma=0.3, steps=5, runs=5
        ),
        radius=0.2,
        attacks=("blind", "bpda", "exact"),
        keys=3,
        chunk=32,
        blind=Attack(steps=40),
        bpda=Attack(steps=20, eot=5),
        exact=Attack(steps=20, eot=5),
    )
