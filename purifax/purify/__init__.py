"""Purifiers: `(key, x) -> x` for one image, back in [0, 1].

`adaptive` is Adversarial Purification with a score network (ADP); `detect`, `rounds`
and `one_step` are its published variants; `reference` is the released code's
arithmetic, quirks included.
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
from purifax.purify.detect import detect, scaled_norm, threshold
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
    "detect",
    "held",
    "one_step",
    "reference",
    "rounds",
    "scaled_norm",
    "step_size",
    "threshold",
]
