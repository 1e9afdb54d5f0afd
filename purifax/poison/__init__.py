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
from purifax.poison.ar import AR
from purifax.poison.badnets import BadNets
from purifax.poison.budget import Budget
from purifax.poison.bullseye import Bullseye
from purifax.poison.context import Context
from purifax.poison.convex_polytope import ConvexPolytope
from purifax.poison.cuda import CUDA
from purifax.poison.deepconfuse import DeepConfuse
from purifax.poison.dune import DUNE
from purifax.poison.em import EM
from purifax.poison.entf import EntF
from purifax.poison.file import File
from purifax.poison.gradient_matching import GradientMatching
from purifax.poison.hypo import HYPO, Mislead
from purifax.poison.injection import Poison, inject, remove
from purifax.poison.label_consistent import LabelConsistent
from purifax.poison.lsp import LSP
from purifax.poison.maker import choose_images, craft
from purifax.poison.narcissus import Narcissus
from purifax.poison.ntga import NTGA
from purifax.poison.ops import OPS
from purifax.poison.rem import REM
from purifax.poison.sep import SEP, SEPFA, SEPFAVR
from purifax.poison.tap import TAP, TAPUntargeted
from purifax.poison.tue import TUE
from purifax.poison.urp import URP
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
    "Mislead",
    "NTGA",
    "Narcissus",
    "OPS",
    "Poison",
    "REM",
    "SEP",
    "SEPFA",
    "SEPFAVR",
    "TAP",
    "TAPUntargeted",
    "TUE",
    "URP",
    "choose_images",
    "craft",
    "inject",
    "remove",
    "verify",
]
