"""Samplers: chains that follow a score, each with its public step.

Every sampler returns `(x, path)`; `path` is [T + 1, ...] with the start first. When it
is not used, `jit` drops it and memory does not grow with the number of steps.

Those that descend share a form, `(key, x, score, sigmas [T + 1]) -> (x, path)`: x is
the noised image over the scale of its process, at level sigmas[0], and comes out at
level sigmas[-1], which may be 0. Any start and any end will do. `noise` turns the
times of a process into levels.

    name                  calls a step   random   order
    ancestral             1              yes      1       DDPM
    ddim                  1              by eta   1
    sde, sde_in_time      1              yes      1       Euler and Maruyama
    euler                 1              no       1       probability flow
    heun                  2              by churn 2       EDM
    dpm_solver            1              no       2       DPM-Solver++ (2M)
    predictor_corrector   2              yes      1

    preconditioned        2              yes      (biased as published)

`langevin`, `annealed_langevin`, `ascend`, `momentum` and `preconditioned_langevin` take
sigmas [T] and step sizes [T] instead; `mala`, which is exact, an energy and step sizes
[T]. `data_bank` and its kin keep chains from one update of an energy to the next.
"""

from purifax.sample.ancestral import ancestral, ancestral_step, large, learned, small
from purifax.sample.ascend import ascend, ascend_step
from purifax.sample.bank import data_bank, draw, noise_bank, rejuvenate, write
from purifax.sample.ddim import ddim, ddim_step
from purifax.sample.dpm import dpm_solver, dpm_solver_step
from purifax.sample.langevin import annealed_langevin, langevin, langevin_step
from purifax.sample.mala import Placed, acceptance, mala, mala_step, placed
from purifax.sample.momentum import (
    Moving,
    matched_momentum_step,
    momentum,
    momentum_step,
    still,
)
from purifax.sample.ode import euler, euler_step, heun, heun_step
from purifax.sample.preconditioned import (
    Filters,
    filters,
    matched_predictor,
    preconditioned,
    preconditioned_corrector,
    preconditioned_langevin,
    preconditioned_langevin_step,
    preconditioned_predictor,
)
from purifax.sample.predictor_corrector import corrector_step, predictor_corrector
from purifax.sample.sde import sde, sde_in_time, sde_in_time_step, sde_step
from purifax.score import denoise

__all__ = [
    "Filters",
    "Moving",
    "Placed",
    "acceptance",
    "ancestral",
    "ancestral_step",
    "annealed_langevin",
    "ascend",
    "ascend_step",
    "corrector_step",
    "data_bank",
    "ddim",
    "ddim_step",
    "denoise",
    "dpm_solver",
    "dpm_solver_step",
    "draw",
    "euler",
    "euler_step",
    "filters",
    "heun",
    "heun_step",
    "langevin",
    "langevin_step",
    "large",
    "learned",
    "mala",
    "mala_step",
    "matched_momentum_step",
    "matched_predictor",
    "momentum",
    "momentum_step",
    "noise_bank",
    "placed",
    "preconditioned",
    "preconditioned_corrector",
    "preconditioned_langevin",
    "preconditioned_langevin_step",
    "preconditioned_predictor",
    "predictor_corrector",
    "rejuvenate",
    "sde",
    "sde_in_time",
    "sde_in_time_step",
    "sde_step",
    "small",
    "still",
    "write",
]
