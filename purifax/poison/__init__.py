"""Train-time poisons.

A maker, `maker(key, x, label) -> delta` for one image, is one of the functions below
with what it knows of the set bound to it. `craft` makes a `Poison` of it, `inject` puts
that on a set, `verify` measures its budget on what is stored.

Without a network:

    lsp, autoregressive, one_pixel, blur (CUDA), class_wise (URP), stamp, additive

against a given network:

    tap, tap_untargeted, mislead (P1), hypo (P2), minimise (EM), rem, dune,
    sep, sep_features, sep_reduced, entangle (EntF), label_consistent

and by class: `minimise_by_class` (EM), `universal_step` (P3, P4), `narcissus_step`.
`through` puts a purifier in front of the network, for any of them.

Some act as a set, and give the perturbations of all their images at once:

    gradient_matching (Witches' Brew), descend on bullseye or convex_polytope,
    tue_step on a batch, ntga on a block, damage (DeepConfuse) for a generator
"""

from purifax.poison.ar_search import ar_coefficients
from purifax.poison.autoregressive import (
    ar_matrices,
    ar_response,
    autoregress,
    autoregressive,
)
from purifax.poison.budget import Budget, Outside, Pixels
from purifax.poison.bullseye import (
    Extractor,
    bullseye,
    convex_polytope,
    onto_simplex,
    polytope_weights,
    target_features,
)
from purifax.poison.by_class import minimise_by_class, universal_step
from purifax.poison.class_wise import (
    class_wise,
    gaussian_patterns,
    random_noise,
    uniform_patterns,
)
from purifax.poison.contrast import (
    agreement_loss,
    separability,
    separability_released,
    tue_step,
)
from purifax.poison.convolve import blur, blur_filters, blurred
from purifax.poison.craft import Maker, choose_images, craft, one_sided
from purifax.poison.descend import (
    Moments,
    Objective,
    Rule,
    adam,
    at_rest,
    best_of_starts,
    descend,
    descend_step,
    mean_objective,
    radam,
    signed_adam,
)
from purifax.poison.dune import (
    Visible,
    colour_loss,
    dune,
    lacking,
    perceptual,
    psnr,
    through,
)
from purifax.poison.ensemble import sep, sep_features, sep_reduced, together
from purifax.poison.entangle import (
    centroids,
    entangle,
    pull_loss,
    pull_loss_released,
    push_loss,
)
from purifax.poison.errors import (
    at_normal,
    hypo,
    minimise,
    mislead,
    own_loss,
    restarted,
    shifted_loss,
    tap,
    tap_untargeted,
)
from purifax.poison.gradients import (
    Learning,
    gradient_matching,
    gradient_mismatch,
    mismatch,
    target_gradient,
)
from purifax.poison.inject import Poison, Rounded, inject, kept, remove
from purifax.poison.jitter import Transform, jitter, jittered, shifted
from purifax.poison.narcissus import (
    Trigger,
    blank,
    magnified,
    narcissus_step,
)
from purifax.poison.one_pixel import (
    Shortcuts,
    one_pixel,
    one_pixel_scores,
    one_pixel_search,
)
from purifax.poison.robust import (
    rem,
    robust_example,
    robust_slope,
)
from purifax.poison.separable import Clusters, lsp, lsp_clusters, lsp_length
from purifax.poison.spectrum import (
    relaxation,
)
from purifax.poison.stored import stored, truncated
from purifax.poison.swarm import (
    Swarm,
    swarm_start,
    swarm_step,
    swarm_step_released,
)
from purifax.poison.tangent import (
    Kernel,
    ntga,
    ntga_loss,
    ntk,
    ntk_erf,
    tangent_fit,
)
from purifax.poison.trigger import additive, grid, label_consistent, stamp
from purifax.poison.unroll import after_steps, damage, generated
from purifax.poison.verify import distances, verify

__all__ = [
    "Budget",
    "Clusters",
    "Extractor",
    "Kernel",
    "Learning",
    "Maker",
    "Moments",
    "Objective",
    "Outside",
    "Pixels",
    "Poison",
    "Rounded",
    "Rule",
    "Shortcuts",
    "Swarm",
    "Transform",
    "Trigger",
    "Visible",
    "adam",
    "additive",
    "after_steps",
    "agreement_loss",
    "ar_coefficients",
    "ar_matrices",
    "ar_response",
    "at_normal",
    "at_rest",
    "autoregress",
    "autoregressive",
    "best_of_starts",
    "blank",
    "blur",
    "blur_filters",
    "blurred",
    "bullseye",
    "centroids",
    "choose_images",
    "class_wise",
    "colour_loss",
    "convex_polytope",
    "craft",
    "damage",
    "descend",
    "descend_step",
    "distances",
    "dune",
    "entangle",
    "gaussian_patterns",
    "generated",
    "gradient_matching",
    "gradient_mismatch",
    "grid",
    "hypo",
    "inject",
    "jitter",
    "jittered",
    "kept",
    "label_consistent",
    "lacking",
    "lsp",
    "lsp_clusters",
    "lsp_length",
    "magnified",
    "mean_objective",
    "minimise",
    "minimise_by_class",
    "mislead",
    "mismatch",
    "narcissus_step",
    "ntga",
    "ntga_loss",
    "ntk",
    "ntk_erf",
    "one_pixel",
    "one_pixel_scores",
    "one_pixel_search",
    "one_sided",
    "onto_simplex",
    "own_loss",
    "perceptual",
    "polytope_weights",
    "psnr",
    "pull_loss",
    "pull_loss_released",
    "push_loss",
    "radam",
    "random_noise",
    "relaxation",
    "rem",
    "remove",
    "restarted",
    "robust_example",
    "robust_slope",
    "sep",
    "sep_features",
    "sep_reduced",
    "separability",
    "separability_released",
    "shifted",
    "shifted_loss",
    "signed_adam",
    "stamp",
    "stored",
    "swarm_start",
    "swarm_step",
    "swarm_step_released",
    "tangent_fit",
    "tap",
    "tap_untargeted",
    "target_features",
    "target_gradient",
    "through",
    "together",
    "truncated",
    "tue_step",
    "uniform_patterns",
    "universal_step",
    "verify",
]
