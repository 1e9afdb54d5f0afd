"""Samplers: chains that follow a score, each with its public step.

Every sampler returns `(x, path)`; `path` is [T + 1, ...] with the start first. When it
is not used, `jit` drops it and memory does not grow with the number of steps.
"""

from purifax.sample.ascend import ascend, ascend_step
from purifax.sample.langevin import annealed_langevin, langevin, langevin_step
from purifax.score import denoise

__all__ = [
    "annealed_langevin",
    "ascend",
    "ascend_step",
    "denoise",
    "langevin",
    "langevin_step",
]
