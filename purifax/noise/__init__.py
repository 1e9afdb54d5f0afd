"""Noise: draws added to one image, and the processes that define noise levels.

A noise process has a scale a(t) and a level sigma(t), both scalars, with

    x_t = a(t) (x + sigma(t) z),    z ~ N(0, I).

x_t / a(t) is the image plus noise of level sigma(t), whatever the process: all linear
processes are the same up to a change of time. So samplers and scores take sigma alone,
in [0, 1] pixel units; the process gives the time, alpha_bar = a^2 and scale of a level.

    VE, EDM                    variance exploding
    VP, VPCosine, VPDiscrete   variance preserving
    SubVP                      the sub-VP process of score SDE
    Process                    the protocol, for processes of one's own
    by_name                    processes as configs name them

    gaussian, binary, heteroscedastic   noise added to an image
    perturb                             x_t of a process

Published variance-preserving processes add noise to images in [-1, 1], which are twice
as wide: their `width` is 2, and sigma = sqrt(1 / alpha_bar - 1) / width. Conversions
and tables of betas are in `purifax.noise.process` and `purifax.noise.discrete`.
"""

from purifax.noise.discrete import VPDiscrete
from purifax.noise.draws import binary, gaussian, heteroscedastic
from purifax.noise.process import Process, perturb
from purifax.noise.processes import EDM, VE, VP, SubVP, VPCosine

__all__ = [
    "EDM",
    "VE",
    "VP",
    "Process",
    "SubVP",
    "VPCosine",
    "VPDiscrete",
    "binary",
    "gaussian",
    "heteroscedastic",
    "perturb",
]
