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

from purifax.attack import (
    APGD,
    PGD,
    DiffAttack,
    DiffHammer,
    FixedKey,
    RandomSearch,
    Square,
)
from purifax.evaluation.attacks import fits
from purifax.evaluation.settings import Evaluation, Surface

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring.

    Attacks that do not fit the threat or the purifier are left out; the report names
    them.
    """
    attacks = {
        "random": RandomSearch(),
        "blind": PGD(gradient="blind", steps=200),
        "bpda": PGD(gradient="bpda", steps=200, eot=20),
        "square": Square(),
        "exact": PGD(steps=200, eot=20, candidates=10),
        "deviate": DiffAttack(steps=200, eot=20),
        "apgd": APGD(steps=100, eot=20, loss="margin", restarts=2, candidates=10),
        "hammer": DiffHammer(),
        "fixed_key": FixedKey(),
    }
    fitting = {name: made for name, made in attacks.items() if fits(name, made, config)}
    return replace(
        config,
        attacks=fitting,
        omitted=tuple(name for name in attacks if name not in fitting),
        keys=20,
        sweep=(0.5 * config.radius, 2.0 * config.radius, 0.5),
        swept=("bpda", "exact"),
        surface=Surface(steps=(1, 5, 20, 80, 200), eot=(1, 5, 20), restarts=(1, 2, 4)),
    )
