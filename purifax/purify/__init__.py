"""Purifiers: `(key, x) -> x` for one image, back in [0, 1] but for those of energies.

`adaptive` is Adversarial Purification with a score network (ADP); `detect`, `rounds`
and `one_step` are its published variants; `reference` is the released code's
arithmetic, quirks included.

`diffuse` noises an image and samples back (DiffPure and its kin) from the times of a
process, `diffuse_from` from levels, `diffuse_in_time` with DiffPure's own steps.
`guided` and `gdmp` pull the way back to the input, `mimic` starts in pure noise and is
led to it; `maximise` and `maximise_noised` climb a bound of the likelihood (LM and
ScoreOpt). `bit_depth` and `jpeg` are baselines without a network; so are `grayscale`,
`noised` and `orthogonal`, which are made for training sets.

`langevin` and `mala` are chains of an energy, mid-run or long-run, whose results are
not clipped. `puregen` puts a diffusion behind one, in rounds, and `puregen_ddpm` is its
published diffusion; `filtered` purifies an image of high energy alone, and `highest`
says which of a set those are.

`chain` and `repeat` make purifiers of purifiers, and `gradual` of `diffuse`.
"""

from purifax.purify.adp import (
    Trace,
    adaptive,
    adaptive_chain,
    adaptive_early,
    adaptive_path,
    adaptive_trace,
)
from purifax.purify.compose import chain, repeat
from purifax.purify.corrupt import grayscale, noised
from purifax.purify.curvature import by_difference, by_jvp, held, step_size
from purifax.purify.detect import detect, scaled_norm, threshold
from purifax.purify.diffpure import (
    diffuse,
    diffuse_from,
    diffuse_in_time,
    diffuse_in_time_path,
    diffuse_path,
    forward_path,
    gradual,
)
from purifax.purify.distance import dissimilarity, manhattan, mean_square, ssim
from purifax.purify.energy import langevin, mala
from purifax.purify.guided import (
    gdmp,
    guided,
    guided_step,
    similarity_scales,
    square_scales,
)
from purifax.purify.jpeg import bit_depth, jpeg, jpeg_full
from purifax.purify.maximise import (
    anchored_gap,
    gap,
    maximise,
    maximise_noised,
    regularised_gap,
)
from purifax.purify.mimic import mimic, mimic_scales, mimic_step
from purifax.purify.one_step import one_step
from purifax.purify.project import orthogonal, orthonormal
from purifax.purify.puregen import filtered, highest, puregen, puregen_ddpm
from purifax.purify.reference import reference
from purifax.purify.rounds import rounds

__all__ = [
    "Trace",
    "adaptive",
    "adaptive_chain",
    "adaptive_early",
    "adaptive_path",
    "adaptive_trace",
    "anchored_gap",
    "bit_depth",
    "by_difference",
    "by_jvp",
    "chain",
    "detect",
    "diffuse",
    "diffuse_from",
    "diffuse_in_time",
    "diffuse_in_time_path",
    "diffuse_path",
    "dissimilarity",
    "filtered",
    "forward_path",
    "gap",
    "gdmp",
    "gradual",
    "grayscale",
    "guided",
    "guided_step",
    "held",
    "highest",
    "jpeg",
    "jpeg_full",
    "langevin",
    "mala",
    "manhattan",
    "maximise",
    "maximise_noised",
    "mean_square",
    "mimic",
    "mimic_scales",
    "mimic_step",
    "noised",
    "one_step",
    "orthogonal",
    "orthonormal",
    "puregen",
    "puregen_ddpm",
    "reference",
    "regularised_gap",
    "repeat",
    "rounds",
    "scaled_norm",
    "similarity_scales",
    "square_scales",
    "ssim",
    "step_size",
    "threshold",
]
