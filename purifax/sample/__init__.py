"""Samplers: chains that follow a score, each with its public step.

Every sampler returns `(x, path)`; `path` is [T + 1, ...] and begins with the start.
Where it is not used, `jit` drops it, and memory does not grow with the number of steps.

The samplers of noise processes share the form

    (key, x, score, sigmas [T + 1]) -> (x, path),

where x is the noised image divided by the scale of its process: it comes in at level
sigmas[0] and goes out at level sigmas[-1], which may be 0. Any two levels will do.
`noise` turns the times of a process into levels.

    name                  calls a step   random     order
    ancestral             1              yes        1       DDPM
    ddim                  1              with eta   1
    sde, sde_in_time      1              yes        1       Euler and Maruyama
    euler                 1              no         1       probability flow
    heun                  2              with churn 2       EDM
    dpm_solver            1              no         2       DPM-Solver++ (2M)
    predictor_corrector   2              yes        1
    preconditioned        2              yes        (biased as published)

`langevin`, `annealed_langevin`, `ascend`, `momentum` and `preconditioned_langevin` take
sigmas [T] and step sizes [T] instead; `mala`, which is exact, takes an energy and step
sizes [T]. `bank` keeps chains from one update of an energy to the next.
"""

from purifax.sample import bank
from purifax.sample.adaptive_momentum import momentum, momentum_step
from purifax.sample.ddim_sampler import ddim, ddim_step
from purifax.sample.ddpm import ancestral, ancestral_step, large, learned, small
from purifax.sample.dpm import dpm_solver, dpm_solver_step
from purifax.sample.langevin_chain import annealed_langevin, langevin, langevin_step
from purifax.sample.mala_chain import mala, mala_step
from purifax.sample.ode import euler, euler_step, heun, heun_step
from purifax.sample.preconditioning import (
    Filters,
    preconditioned,
    preconditioned_langevin,
    preconditioned_langevin_step,
)
from purifax.sample.predictor_corrector_sampler import (
    corrector_step,
    predictor_corrector,
)
from purifax.sample.reverse_sde import sde, sde_in_time, sde_in_time_step, sde_step
from purifax.sample.score_ascent import ascend, ascend_step

__all__ = [
    "Filters",
    "ancestral",
    "ancestral_step",
    "annealed_langevin",
    "ascend",
    "ascend_step",
    "bank",
    "corrector_step",
    "ddim",
    "ddim_step",
    "dpm_solver",
    "dpm_solver_step",
    "euler",
    "euler_step",
    "heun",
    "heun_step",
    "langevin",
    "langevin_step",
    "large",
    "learned",
    "mala",
    "mala_step",
    "momentum",
    "momentum_step",
    "preconditioned",
    "preconditioned_langevin",
    "preconditioned_langevin_step",
    "predictor_corrector",
    "sde",
    "sde_in_time",
    "sde_in_time_step",
    "sde_step",
    "small",
]
