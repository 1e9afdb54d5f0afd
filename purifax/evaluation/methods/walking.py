"""Langevin chains that start at the image as methods of a `Defence`.

By an energy the chain ends where it ends, as published. By a score it walks among
images with the noise of `level`, and its end is denoised.
"""

import math

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import purify, sample
from purifax.evaluation.methods.method import How, Method, Paths
from purifax.evaluation.settings import Defence
from purifax.purify.prior import Prior
from purifax.score import from_energy
from purifax.types import Energy, Purifier, Score

__all__ = ["METHODS"]


def _check(defence: Defence) -> None:
    for name in ("epsilon", "temperature"):
        value = getattr(defence, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"defence.{name} must be more than 0; got {value}.")


def _sizes(defence: Defence, how: How) -> Array:
    steps = defence.steps if how.steps is None else min(how.steps, defence.steps)
    return jnp.full(steps, defence.epsilon**2 / 2)


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


def _paths(defence: Defence, prior: Prior) -> Paths:
    """The chain's states; they are led away from those of the clean image's chain."""
    sizes = _sizes(defence, How())
    if prior.energy is None:
        bound = _langevin(defence, prior, How()).keywords
        return Paths(Partial(_path_among_noised, **bound), None, defence.steps + 1)
    bound = {"energy": prior.energy, "step_sizes": sizes}
    walk = _path_tested if defence.method == "mala" else _path
    heat = _heat(defence, prior)
    return Paths(Partial(walk, **bound, temperature=heat), None, defence.steps)


def _path(
    key: Array, x: Array, energy: Energy, step_sizes: Array, temperature: float
) -> Array:
    score, levels = from_energy(energy, temperature), jnp.zeros_like(step_sizes)
    return sample.langevin(key, x, score, levels, step_sizes)[1]


def _path_tested(
    key: Array, x: Array, energy: Energy, step_sizes: Array, temperature: float
) -> Array:
    return sample.mala(key, x, energy, step_sizes, temperature=temperature)[1]


def _path_among_noised(
    key: Array, x: Array, score: Score, sigmas: Array, step_sizes: Array
) -> Array:
    last, path = sample.annealed_langevin(key, x, score, sigmas, step_sizes)
    return jnp.concatenate([path, jnp.clip(last, 0.0, 1.0)[None]])


def _manner(defence: Defence) -> str:
    heat = defence.temperature
    warm = "" if heat is None else f", temperature {heat:g}"
    return f"{defence.epsilon:g} a step{warm}"


def _calls(defence: Defence) -> int:
    return defence.steps + 1


METHODS = {
    "langevin": Method(_langevin, _calls, _check, paths=_paths, manner=_manner),
    "mala": Method(_mala, _calls, _check, paths=_paths, manner=_manner),
}
