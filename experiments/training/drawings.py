"""Levels of the pictures that a trained diffusion model draws."""

from jax import Array
from jax import numpy as jnp

from purifax import noise, schedule
from purifax.noise import Process

__all__ = ["whole"]


def whole(process: Process | None, steps: int) -> Array:
    """Levels [steps + 1] from the most noise that a process knows down to none.

    A chain's own labels, all or evenly spread; EDM's rule; or even times from 1.
    """
    if isinstance(process, noise.EDM):
        return schedule.karras(length=steps)
    if isinstance(process, noise.VPDiscrete):
        labels = jnp.arange(process.betas.shape[0] - 1, -1, -1)
        chosen = schedule.subset(labels, min(steps, labels.shape[0]))
        return jnp.append(process.sigma(chosen), 0.0)
    if process is None:
        raise ValueError("levels need a process; this network knows none.")
    last = 0.99 if isinstance(process, noise.VPCosine) else 1.0
    return jnp.append(process.sigma(jnp.linspace(last, 1e-3, steps)), 0.0)
