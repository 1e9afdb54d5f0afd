"""JPEG of quality 25 on digits (8x8) at Linf 0.15, from one CPU.

    python -m experiments.evaluate --config=digits_jpeg

after `digits_classifier`. No network: a baseline. Fewer grey levels are
`--config.defence.method=bit_depth`. Only `bpda` has a gradient to follow.

On 130 validation images 98.5% clean and 36.9% under blind PGD; with 2 bits a value
98.5% and 64.6%; bare 98.5% and 20.0%. Not run on test images.
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
        score="",
        classifier="runs/digits_classifier",
        defence=Defence(method="jpeg", quality=25, runs=1),
        radius=0.15,
        attacks=("blind", "bpda", "exact"),
        keys=3,
        chunk=50,
        blind=Attack(steps=40),
        bpda=Attack(steps=15, eot=4),
        exact=Attack(steps=15, eot=4),
        probed=8,
    )
