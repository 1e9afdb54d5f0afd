"""Attacks: `(key, x, label) -> x_adv` for one image. An attack sees only a model.

Which gradient it sees is chosen by `purifax.backward` on the purifier, how many draws
it averages by `purifax.classify` on the model.
"""

from purifax.attack.apgd import apgd, apgd_path, apgd_trace
from purifax.attack.apgd_l1 import (
    apgd_l1,
    apgd_l1_path,
    apgd_l1_shrinking,
    apgd_l1_trace,
)
from purifax.attack.auto import components
from purifax.attack.choose import best_iterate, best_of_restarts, choose
from purifax.attack.diffattack import (
    along_clean,
    deviate,
    deviated,
    deviation,
    followed,
)
from purifax.attack.diffhammer import graft, hammer, hammer_path, shared
from purifax.attack.fab import fab, fab_limits, fab_targeted
from purifax.attack.fixed_key import fixed_key, known
from purifax.attack.joint import joint, pull, scaled_direction
from purifax.attack.pgd import at_image, at_random, at_surface, pgd, pgd_path
from purifax.attack.random_search import random_search
from purifax.attack.sign_vote import sign_vote
from purifax.attack.spsa import spsa
from purifax.attack.square import square, square_shares
from purifax.attack.targeted import apgd_targeted
from purifax.attack.windows import (
    apgd_checkpoints,
    apgd_l1_checkpoints,
    shrinking_radii,
)

__all__ = [
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
