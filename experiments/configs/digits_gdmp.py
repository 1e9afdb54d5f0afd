"""GDMP on digits (8x8) at Linf 0.15, from one CPU.

    python -m experiments.evaluate --config=digits_gdmp

after `digits_ddpm` and `digits_classifier`. The published strength, in proportion to
the size of the images, and one round from label 150 in 30 steps, for more noise goes
with the larger radius; four times the strength diverges.

On 130 validation images one run answers 98.5% clean and 66.2% under blind PGD; without
guidance 86.9% and 60.0%; the bare classifier 98.5% and 20.0%. Not run on test images.
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
            method="gdmp",
            time=150,
            steps=30,
            variance="large",
            strength=1250.0,
            against=0.15,
            runs=5,
            rule="logits",
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
