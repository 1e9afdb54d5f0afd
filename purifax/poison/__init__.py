"""Train-time poisons.

A maker, `maker(key, x, label) -> delta` for one image, is one of the functions below
with what it knows of the set bound to it. `craft` makes a `Poison` of it, `inject` puts
that on a set, `verify` measures its budget on what is stored.

Without a network:

    lsp, autoregressive, one_pixel, blur (CUDA), class_wise (URP), stamp, additive

against a given network:

    tap, tap_untargeted, mislead (P1), hypo (P2), minimise (EM), sep, label_consistent

and by class: `minimise_by_class` (EM), `universal_step` (P3, P4).
"""

from purifax.poison.ar_search import ar_coefficients
from purifax.poison.autoregressive import (
    ar_matrices,
    ar_response,
    autoregress,
    autoregressive,
)
from purifax.poison.budget import Budget, Outside, Pixels
from purifax.poison.by_class import minimise_by_class, universal_step
from purifax.poison.class_wise import (
    class_wise,
    gaussian_patterns,
    random_noise,
    uniform_patterns,
)
from purifax.poison.convolve import blur, blur_filters, blurred
from purifax.poison.craft import Maker, choose_images, craft, one_sided
from purifax.poison.ensemble import sep, together
from purifax.poison.errors import (
    at_normal,
    hypo,
    minimise,
    mislead,
    own_loss,
    shifted_loss,
    tap,
    tap_untargeted,
)
from purifax.poison.inject import Poison, Rounded, inject, kept, remove
from purifax.poison.jitter import jitter, jittered, shifted
from purifax.poison.one_pixel import (
    Shortcuts,
    one_pixel,
    one_pixel_scores,
    one_pixel_search,
)
from purifax.poison.separable import Clusters, lsp, lsp_clusters, lsp_length
from purifax.poison.stored import stored, truncated
from purifax.poison.trigger import additive, grid, label_consistent, stamp
from purifax.poison.verify import distances, verify

__all__ = [
    "Budget",
    "Clusters",
    "Maker",
    "Outside",
    "Pixels",
    "Poison",
    "Rounded",
    "Shortcuts",
    "additive",
    "ar_coefficients",
    "ar_matrices",
    "ar_response",
    "at_normal",
    "autoregress",
    "autoregressive",
    "blur",
    "blur_filters",
    "blurred",
    "choose_images",
    "class_wise",
    "craft",
    "distances",
    "gaussian_patterns",
    "grid",
    "hypo",
    "inject",
    "jitter",
    "jittered",
    "kept",
    "label_consistent",
    "lsp",
    "lsp_clusters",
    "lsp_length",
    "minimise",
    "minimise_by_class",
    "mislead",
    "one_pixel",
    "one_pixel_scores",
    "one_pixel_search",
    "one_sided",
    "own_loss",
    "random_noise",
    "remove",
    "sep",
    "shifted",
    "shifted_loss",
    "stamp",
    "stored",
    "tap",
    "tap_untargeted",
    "together",
    "truncated",
    "uniform_patterns",
    "universal_step",
    "verify",
]
