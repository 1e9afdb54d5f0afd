"""Poisons of training sets.

Each file holds one method, named as the field names it: the function, and beside it the
recipe that builds it from plain numbers, `poison.LSP(patch=8).build(context)`. A recipe
has

    build(context) -> Poison        of the context's images; see `Context`
    calls() -> int                  gradients of a network for one image, if known

and, if a trigger sets the poison off or it is for one test image,

    trigger(context, delta)         a maker of what sets it off
    aim(context) -> Aim             the image, and what it is to be answered as

Recipes without a network: `AR`, `CUDA`, `LSP`, `OPS`, `URP`, and `File`, which reads a
poison of others. Against trained networks: `DUNE`, `EntF`, `HYPO`, `Mislead`, `NTGA`,
`SEP`, `SEPFA`, `SEPFAVR`, `TAP`, `TAPUntargeted`. In turns with a network: `EM`, `REM`,
`TUE`, `DeepConfuse`, and through a defence `Adaptive`, `AdaptiveBPDA`, `AdaptiveExact`.
With a trigger: `BadNets`, `LabelConsistent`, `Narcissus`. For one test image:
`Bullseye`, `ConvexPolytope`, `GradientMatching`.

A maker, `maker(key, x, label) -> delta` for one image, is one of the functions with
what it knows of the set bound to it. `craft` makes a `Poison` of it, `inject` puts that
on a set, `verify` measures its budget on what is stored. The steps of methods, and
helpers that others may want, are in their modules.
"""

from purifax.poison.adaptive import Adaptive, AdaptiveBPDA, AdaptiveExact
from purifax.poison.ar import AR, ar_matrices, autoregressive
from purifax.poison.ar_filters import ar_coefficients
from purifax.poison.badnets import BadNets, additive, checker, stamp
from purifax.poison.budget import Budget, Outside, Pixels
from purifax.poison.bullseye import Bullseye
from purifax.poison.context import Context
from purifax.poison.convex_polytope import ConvexPolytope
from purifax.poison.cuda import CUDA, blur, blur_filters
from purifax.poison.deepconfuse import DeepConfuse, generated
from purifax.poison.descent import descend
from purifax.poison.dune import DUNE, dual_branch
from purifax.poison.em import EM, error_minimising, error_minimising_by_class
from purifax.poison.entf import EntF, centroids, entangle
from purifax.poison.file import File
from purifax.poison.gradient_matching import GradientMatching, match_gradients
from purifax.poison.hypo import HYPO, Mislead, hypocritical, mislead, universal_step
from purifax.poison.injection import Poison, inject, remove
from purifax.poison.kernels import ntk, ntk_erf
from purifax.poison.label_consistent import LabelConsistent, hardened_trigger
from purifax.poison.lsp import LSP, linearly_separable, lsp_clusters, lsp_length
from purifax.poison.maker import Maker, choose_images, craft, one_sided, through
from purifax.poison.narcissus import Narcissus, narcissus_step
from purifax.poison.ntga import NTGA, generalization_attack
from purifax.poison.ops import OPS, one_pixel, one_pixel_search
from purifax.poison.rem import REM, robust_error_minimising
from purifax.poison.rounding import stored, truncated
from purifax.poison.sep import (
    SEP,
    SEPFA,
    SEPFAVR,
    self_ensemble,
    self_ensemble_features,
    self_ensemble_reduced,
)
from purifax.poison.shifts import jittered
from purifax.poison.tap import (
    TAP,
    TAPUntargeted,
    targeted_adversarial,
    untargeted_adversarial,
)
from purifax.poison.tue import TUE, tue_step
from purifax.poison.urp import URP, class_wise, gaussian_patterns, uniform_patterns
from purifax.poison.verification import verify

__all__ = [
    "AR",
    "Adaptive",
    "AdaptiveBPDA",
    "AdaptiveExact",
    "BadNets",
    "Budget",
    "Bullseye",
    "CUDA",
    "Context",
    "ConvexPolytope",
    "DUNE",
    "DeepConfuse",
    "EM",
    "EntF",
    "File",
    "GradientMatching",
    "HYPO",
    "LSP",
    "LabelConsistent",
    "Maker",
    "Mislead",
    "NTGA",
    "Narcissus",
    "OPS",
    "Outside",
    "Pixels",
    "Poison",
    "REM",
    "SEP",
    "SEPFA",
    "SEPFAVR",
    "TAP",
    "TAPUntargeted",
    "TUE",
    "URP",
    "additive",
    "ar_coefficients",
    "ar_matrices",
    "autoregressive",
    "blur",
    "blur_filters",
    "centroids",
    "checker",
    "choose_images",
    "class_wise",
    "craft",
    "descend",
    "dual_branch",
    "entangle",
    "error_minimising",
    "error_minimising_by_class",
    "gaussian_patterns",
    "generalization_attack",
    "generated",
    "hardened_trigger",
    "hypocritical",
    "inject",
    "jittered",
    "linearly_separable",
    "lsp_clusters",
    "lsp_length",
    "match_gradients",
    "mislead",
    "narcissus_step",
    "ntk",
    "ntk_erf",
    "one_pixel",
    "one_pixel_search",
    "one_sided",
    "remove",
    "robust_error_minimising",
    "self_ensemble",
    "self_ensemble_features",
    "self_ensemble_reduced",
    "stamp",
    "stored",
    "targeted_adversarial",
    "through",
    "truncated",
    "tue_step",
    "uniform_patterns",
    "universal_step",
    "untargeted_adversarial",
    "verify",
]
