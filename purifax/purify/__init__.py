"""Purifiers: `(key, x) -> x` for one image, back in [0, 1] but for those of energies.

Each file holds one method: the function, and beside it the recipe that builds it from
plain numbers, `purify.ADP(sigma=0.1).build(prior)`. A recipe has

    build(prior) -> purifier        with its exact gradient
    calls() -> int                  network evaluations of one run
    words() -> str                  what it does, in a few words

and, where the method allows it,

    build_fast(prior)               the same images sooner, without a gradient
    build_frozen(prior)             step sizes are constants to the gradient
    build_short(prior, steps)       fewer steps, as a surrogate for attacks
    states(prior) -> States         the states of a run, for DiffAttack and pictures
    noise_alone(prior) -> recipe    its noise without its network, for a control
    calibrate(prior, images)        itself with what clean images determine
    knobs(samples)                  numbers that differ from sample to sample

Recipes: `ADP` and its variants `Rounds`, `Detect` and `OneStep`; `DiffPure`, `LeeKim`,
`GDMP`, `Mimic`, `LM` and `ScoreOpt` of a diffusion; `Langevin`, `MALA` and `PureGen` of
an energy; `Latent`, of a diffusion over the latents of an autoencoder; `JPEG`,
`BitDepth`, `Blur` and `Noise`, which need no network.

`chain` and `repeat` make purifiers of purifiers; `grayscale`, `noised` and `orthogonal`
are made for training sets.
"""

from purifax.purify.adp import ADP, adaptive
from purifax.purify.adp_reference import reference
from purifax.purify.adp_rounds import Rounds
from purifax.purify.compose import chain, repeat
from purifax.purify.corrupt import Noise, grayscale, noised
from purifax.purify.dds_denoiser import DDS
from purifax.purify.detection import Detect, detect
from purifax.purify.diffpure import (
    DiffPure,
    diffuse,
    diffuse_from,
    diffuse_in_time,
    gradual,
)
from purifax.purify.energy import langevin, mala
from purifax.purify.gaussian_blur import Blur, blur
from purifax.purify.gdmp import GDMP
from purifax.purify.guided_diffusion import guided
from purifax.purify.jpeg import JPEG, BitDepth, bit_depth, jpeg_420
from purifax.purify.langevin_chains import MALA, Langevin
from purifax.purify.latents import Latent, latent
from purifax.purify.lee_kim import LeeKim
from purifax.purify.likelihood_ascent import LM, ScoreOpt, maximise
from purifax.purify.mimic import Mimic
from purifax.purify.one_step_denoiser import OneStep, one_step
from purifax.purify.padded import Padded
from purifax.purify.prior import Prior, States
from purifax.purify.project import orthogonal
from purifax.purify.puregen import PureGen, PureGenCode
from purifax.purify.resized import Resized
from purifax.purify.tiled import Tiled

__all__ = [
    "ADP",
    "DDS",
    "GDMP",
    "JPEG",
    "LM",
    "MALA",
    "BitDepth",
    "Blur",
    "Detect",
    "DiffPure",
    "Langevin",
    "Latent",
    "LeeKim",
    "Mimic",
    "Noise",
    "OneStep",
    "Padded",
    "Prior",
    "PureGen",
    "PureGenCode",
    "Resized",
    "Rounds",
    "ScoreOpt",
    "States",
    "Tiled",
    "adaptive",
    "bit_depth",
    "blur",
    "chain",
    "detect",
    "diffuse",
    "diffuse_from",
    "diffuse_in_time",
    "gradual",
    "grayscale",
    "guided",
    "jpeg_420",
    "langevin",
    "latent",
    "mala",
    "maximise",
    "noised",
    "one_step",
    "orthogonal",
    "reference",
    "repeat",
]
