"""Purifiers: `(key, x) -> x` for one image, back in [0, 1].

`adaptive` is Adversarial Purification with a score network (ADP); `detect`, `rounds`
and `one_step` are its published variants; `reference` is the released code's
arithmetic, quirks included.

`diffuse` noises an image and samples back (DiffPure and its kin) from the times of a
process, `diffuse_from` from levels, `diffuse_in_time` with DiffPure's own steps.
`chain` and `repeat` make purifiers of purifiers, and `gradual` of `diffuse`.
"""

from purifax.purify.adaptive import (
    Trace,
    adaptive,
    adaptive_early,
    adaptive_path,
    adaptive_trace,
    by_difference,
    by_jvp,
    held,
    step_size,
)
from purifax.purify.compose import chain, repeat
from purifax.purify.detect import detect, scaled_norm, threshold
from purifax.purify.diffuse import (
    diffuse,
    diffuse_from,
    diffuse_in_time,
    diffuse_in_time_path,
    diffuse_path,
    forward_path,
    gradual,
)
from purifax.purify.one_step import one_step
from purifax.purify.reference import reference
from purifax.purify.rounds import rounds

__all__ = [
    "Trace",
    "adaptive",
    "adaptive_early",
    "adaptive_path",
    "adaptive_trace",
    "by_difference",
    "by_jvp",
    "chain",
    "detect",
    "diffuse",
    "diffuse_from",
    "diffuse_in_time",
    "diffuse_in_time_path",
    "diffuse_path",
    "forward_path",
    "gradual",
    "held",
    "one_step",
    "reference",
    "repeat",
    "rounds",
    "scaled_norm",
    "step_size",
    "threshold",
]
