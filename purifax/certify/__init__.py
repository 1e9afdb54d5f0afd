"""Certified robustness by randomized smoothing, with a purifier inside.

smoothing   certificates of the vote over noised images, and its predictions
bounds      a probability bounded from below
denoised    DDS and DiffSmooth, purifiers for noised images
"""

from purifax.certify.bounds import lower_bound
from purifax.certify.denoised import dds, diffsmooth
from purifax.certify.smoothing import certify, counts, decide, noised, predict

__all__ = [
    "certify",
    "counts",
    "dds",
    "decide",
    "diffsmooth",
    "lower_bound",
    "noised",
    "predict",
]
