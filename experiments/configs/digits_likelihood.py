"""Likelihood maximisation (LM) on digits (8x8) at Linf 0.15, from one CPU.

    python -m experiments.evaluate --config=digits_likelihood

after `digits_ddpm` and `digits_classifier`. The published numbers, with 5 runs.

On 130 validation images one run answers 96.9% clean and 81.5% under blind PGD; the bare
classifier 98.5% and 20.0%. Not run on test images.
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
        images=Subjects(name="digits", count=300),
        score="runs/digits_ddpm",
        classifier="runs/digits_classifier",
        defence=Defence(
            method="likelihood", sigma=0.25, steps=5, step_size=0.05, runs=5
        ),
        radius=0.15,
        attacks=("blind", "bpda", "exact"),
        keys=3,
        chunk=50,
        blind=Attack(steps=40),
        bpda=Attack(steps=15, eot=4),
        exact=Attack(steps=15, eot=4),
        probed=8,
    )
