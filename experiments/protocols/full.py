"""Everything: the hardest number there is, its controls, and whether it has converged.

    python -m experiments.evaluate --config=cifar10_adp --protocol=full

Weak attacks for the order they must come in (random search, blind, BPDA, Square with
averaged draws), then PGD with 200 steps and 20 draws from a random start, chosen among
10 iterates, the same with DiffAttack's deviation, APGD on the margin with 2 starts,
DiffHammer, and the deterministic white box. Answers under 20 keys, for worst-of-20 and
vote-of-20; radii to 0.5; a surface of iterations, draws and restarts.

Source: the protocol this project recommends; each part has its own in `purifax.attack`.
Cost an image: about 16,000 gradients through the purifier and 50,000 answers; hours
of a GPU for 512 images and a small network.
"""

from dataclasses import replace

from purifax.evaluation.settings import (
    Attack,
    Evaluation,
    Surface,
)

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    long = Attack(steps=200, eot=20, candidates=10)
    return replace(
        config,
        attacks=(
            "random",
            "blind",
            "bpda",
            "square",
            "exact",
            "deviate",
            "apgd",
            "hammer",
            "fixed_key",
        ),
        keys=20,
        blind=Attack(steps=200),
        bpda=Attack(steps=200, eot=20),
        exact=long,
        deviate=Attack(steps=200, eot=20),
        apgd=Attack(
            steps=100,
            step_size=2.0,
            eot=20,
            start="surface",
            loss="margin",
            restarts=2,
            candidates=10,
        ),
        sweep=(0.5 * config.radius, 2.0 * config.radius, 0.5),
        swept=("bpda", "exact"),
        surface=Surface(steps=(1, 5, 20, 80, 200), eot=(1, 5, 20), restarts=(1, 2, 4)),
    )
