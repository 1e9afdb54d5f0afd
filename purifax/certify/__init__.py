"""Certified robustness by randomized smoothing, with a purifier in front.

smoothing   certificates of the vote over noised images, and its predictions
denoised    DDS and DiffSmooth, purifiers for noised images
bounds      lower bounds of a probability

`certify` is two steps, `smoothing.counts` of votes and `smoothing.decide`, which a
program may run apart, for example with the votes counted on many devices.
"""

from purifax.certify.denoised import dds, diffsmooth
from purifax.certify.smoothing import certify, noised, predict

__all__ = ["certify", "dds", "diffsmooth", "noised", "predict"]
