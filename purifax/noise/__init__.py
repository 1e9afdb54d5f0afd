"""Noise: draws added to one image, and the processes that name their levels.

A noise process has a scale a(t) and a level sigma(t), both scalars, with

    x_t = a(t) (x + sigma(t) z),    z ~ N(0, I).

x_t / a(t) is the image plus noise of level sigma(t) whatever the process is: all linear
processes are one, under several clocks. So samplers and scores know sigma alone, in
[0, 1] pixel units; a process says which time, alpha_bar = a^2 and scale go with it.

Published variance-preserving processes add noise to images in [-1, 1], which are twice
as wide: their `width` is 2, and sigma = sqrt(1 / alpha_bar - 1) / width.
"""

from purifax.noise.discrete import VPDiscrete, cosine_betas, linear_betas
from purifax.noise.draws import binary, gaussian, heteroscedastic
from purifax.noise.names import by_name
from purifax.noise.process import Process, alpha_bar_of, perturb, sigma_of
from purifax.noise.processes import EDM, VE, VP, SubVP, VPCosine

__all__ = [
    "EDM",
    "VE",
    "VP",
    "Process",
    "SubVP",
    "VPCosine",
    "VPDiscrete",
    "alpha_bar_of",
    "binary",
    "by_name",
    "cosine_betas",
    "gaussian",
    "heteroscedastic",
    "linear_betas",
    "perturb",
    "sigma_of",
]
