"""Attacks: `(key, x, label) -> x_adv` for one image. An attack sees only a model.

Which gradient it sees is chosen by `purifax.backward` on the purifier, how many EOT
samples it averages by `purifax.classify` on the model.

Each file holds one attack: the function, and beside it the recipe that builds it from
plain numbers against a `Target`, `attack.PGD(eot=20).build(target, threat)`. A recipe
has

    build(target, threat) -> attack
    calls(one, answers) -> int      forward passes on one image, None if not counted
    title, reported                 its name and its gradient in a report

and where they apply `requires` (see `target.REQUIRED`), `threats` (names of those it
takes), `least_classes`, `shared(samples)` (EOT samples that devices may share) and
`budget()` (the fields as a report shows them).

Recipes: `PGD`, `SurrogatePGD`, `APGD`, `SignVote`, `Joint`, `SPSA`, `Square`,
`RandomSearch`, `DiffAttack`, `DiffHammer`, `FixedKey` and `AutoAttack`.
"""

from purifax.attack.apgd_attack import APGD, apgd, apgd_path, apgd_trace
from purifax.attack.apgd_l1_attack import (
    apgd_l1,
    apgd_l1_path,
    apgd_l1_shrinking,
    apgd_l1_trace,
)
from purifax.attack.autoattack import AutoAttack, components
from purifax.attack.diffattack import (
    DiffAttack,
    along_clean,
    deviate,
    deviated,
    deviation,
    followed,
)
from purifax.attack.diffhammer import DiffHammer, graft, hammer, hammer_path, shared
from purifax.attack.fab_attack import fab, fab_limits, fab_targeted
from purifax.attack.fixed_key_attack import FixedKey, fixed_key, known
from purifax.attack.joint_attack import Joint, joint, pull, scaled_direction
from purifax.attack.pgd_attack import PGD, SurrogatePGD, pgd, pgd_path
from purifax.attack.random_search_attack import RandomSearch, random_search
from purifax.attack.selection import best_iterate, best_of_restarts, choose
from purifax.attack.sign_vote_attack import SignVote, sign_vote
from purifax.attack.spsa_attack import SPSA, spsa
from purifax.attack.square_attack import Square, square, square_shares
from purifax.attack.starts import at_image, at_random, at_surface
from purifax.attack.target import Target
from purifax.attack.targeted import apgd_targeted
from purifax.attack.windows import (
    apgd_checkpoints,
    apgd_l1_checkpoints,
    shrinking_radii,
)

__all__ = [
    "APGD",
    "AutoAttack",
    "DiffAttack",
    "DiffHammer",
    "FixedKey",
    "Joint",
    "PGD",
    "RandomSearch",
    "SPSA",
    "SignVote",
    "Square",
    "SurrogatePGD",
    "Target",
    "along_clean",
    "apgd",
    "apgd_checkpoints",
    "apgd_l1",
    "apgd_l1_checkpoints",
    "apgd_l1_path",
    "apgd_l1_shrinking",
    "apgd_l1_trace",
    "apgd_path",
    "apgd_targeted",
    "apgd_trace",
    "at_image",
    "at_random",
    "at_surface",
    "best_iterate",
    "best_of_restarts",
    "choose",
    "components",
    "deviate",
    "deviated",
    "deviation",
    "fab",
    "fab_limits",
    "fab_targeted",
    "fixed_key",
    "followed",
    "graft",
    "hammer",
    "hammer_path",
    "joint",
    "known",
    "pgd",
    "pgd_path",
    "pull",
    "random_search",
    "scaled_direction",
    "shared",
    "shrinking_radii",
    "sign_vote",
    "spsa",
    "square",
    "square_shares",
]
