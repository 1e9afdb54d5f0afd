"""Langevin chains that start at the image as methods of a `Defence`.

By an energy the chain ends where it ends, as published. By a score it walks among
images with the noise of `level`, and its end is denoised.
"""

import math

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.lib.config_evaluation import Defence
from experiments.lib.method import How, Method
from experiments.lib.prior import Prior
from purifax import purify, sample
from purifax.types import Purifier, Score

__all__ = ["METHODS"]


def _check(defence: Defence) -> None:
    for name in ("epsilon", "temperature"):
        value = getattr(defence, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"defence.{name} must be more than 0; got {value}.")


def _sizes(defence: Defence, how: How) -> Array:
    return jnp.full(how.steps or defence.steps, defence.epsilon**2 / 2)


def _heat(defence: Defence, prior: Prior) -> float:
    """The temperature given, or that of training; of a ladder, the noise level."""
    if defence.temperature is not None:
        return defence.temperature
    return defence.level if prior.temperature is None else prior.temperature


def _langevin(defence: Defence, prior: Prior, how: How) -> Purifier:
    sizes = _sizes(defence, how)
    if prior.energy is not None:
        heat = _heat(defence, prior)
        bound = {"energy": prior.energy, "step_sizes": sizes, "temperature": heat}
        return Partial(purify.langevin, **bound)
    if defence.temperature is not None:
        raise ValueError(
            "defence.temperature is for energies; this network gives a score."
        )
    levels = jnp.full_like(sizes, defence.level)
    return Partial(_among_noised, score=prior.score, sigmas=levels, step_sizes=sizes)


def _among_noised(
    key: Array, x: Array, score: Score, sigmas: Array, step_sizes: Array
) -> Array:
    walked, _ = sample.annealed_langevin(key, x, score, sigmas, step_sizes)
    return jnp.clip(walked, 0.0, 1.0)


def _mala(defence: Defence, prior: Prior, how: How) -> Purifier:
    if prior.energy is None:
        raise ValueError(
            "defence.method=mala needs an energy, to accept or refuse by; this network "
            "gives a score. Use defence.method=langevin."
        )
    return Partial(
        purify.mala,
        energy=prior.energy,
        step_sizes=_sizes(defence, how),
        temperature=_heat(defence, prior),
    )


def _manner(defence: Defence) -> str:
    heat = defence.temperature
    warm = "" if heat is None else f", temperature {heat:g}"
    return f"{defence.epsilon:g} a step{warm}"


def _calls(defence: Defence) -> int:
    return defence.steps + 1


METHODS = {
    "langevin": Method(_langevin, _calls, _check, manner=_manner),
    "mala": Method(_mala, _calls, _check, manner=_manner),
}
