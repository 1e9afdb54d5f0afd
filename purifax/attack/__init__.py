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
`RandomSearch`, `RayS`, `HopSkipJump`, `DiffAttack`, `DiffHammer`, `FixedKey` and
`AutoAttack`.
"""

from purifax.attack.apgd_attack import APGD, apgd
from purifax.attack.apgd_l1_attack import apgd_l1
from purifax.attack.autoattack import AutoAttack
from purifax.attack.diffattack import DiffAttack, deviate
from purifax.attack.diffhammer import DiffHammer, hammer
from purifax.attack.fab_attack import fab, fab_targeted
from purifax.attack.fixed_key_attack import FixedKey, fixed_key
from purifax.attack.hopskipjump_attack import HopSkipJump, hopskipjump
from purifax.attack.joint_attack import Joint, joint
from purifax.attack.pgd_attack import PGD, SurrogatePGD, pgd
from purifax.attack.random_search_attack import RandomSearch, random_search
from purifax.attack.rays_attack import RayS, rays, rays_distance
from purifax.attack.selection import best_of_restarts
from purifax.attack.sign_vote_attack import SignVote, sign_vote
from purifax.attack.spsa_attack import SPSA, spsa
from purifax.attack.square_attack import Square, square
from purifax.attack.starts import at_image, at_random, at_surface
from purifax.attack.target import Target
from purifax.attack.targeted import apgd_targeted

__all__ = [
    "APGD",
    "AutoAttack",
    "DiffAttack",
    "DiffHammer",
    "FixedKey",
    "HopSkipJump",
    "Joint",
    "PGD",
    "RandomSearch",
    "RayS",
    "SPSA",
    "SignVote",
    "Square",
    "SurrogatePGD",
    "Target",
    "apgd",
    "apgd_l1",
    "apgd_targeted",
    "at_image",
    "at_random",
    "at_surface",
    "best_of_restarts",
    "deviate",
    "fab",
    "fab_targeted",
    "fixed_key",
    "hammer",
    "hopskipjump",
    "joint",
    "pgd",
    "random_search",
    "rays",
    "rays_distance",
    "sign_vote",
    "spsa",
    "square",
]
