"""ADP on digits (8x8) at Linf 0.15: blind, BPDA and exact attacks.

    python -m experiments.quickstart

trains what it needs first; or, after `experiments.train` of `digits_dsm` and
`digits_classifier`:

    python -m experiments.evaluate --config=digits_adp

Noise, level and rate were chosen on the 130 validation images
(`--config.images.split=validation --config.images.count=130`) among fourteen settings;
those with 3 or 5 steps and noise near 0.25 do not differ within the error there.

Measured on 300 test images with quickstart's networks (seed 0, 3 keys): 96.1% [93.3,
97.8] clean, 80.2% blind, 78.3% BPDA+EOT, 67.9% [62.4, 72.9] exact; 65.1% [59.6, 70.3]
exact with --config.exact.steps=50 --config.exact.eot=20.
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
        score="runs/digits_dsm",
        classifier="runs/digits_classifier",
        defence=Defence(
            sigma=0.25, level=0.25, rate=0.8, largest=0.25, steps=3, runs=10
        ),
        radius=0.15,
        attacks=("blind", "bpda", "exact"),
        sweep=(0.3,),
        swept=("blind", "bpda", "exact"),
        sweep_images=50,
        keys=3,
        chunk=50,
        blind=Attack(steps=40),
        bpda=Attack(steps=15, eot=4),
        exact=Attack(steps=15, eot=4),
        probed=8,
    )
