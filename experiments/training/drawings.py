"""Pictures drawn by a trained diffusion model: what is asked for, and its levels."""

from jax import Array
from jax import numpy as jnp

from experiments.training.config import Drawing
from purifax import noise, schedule
from purifax.noise import Process
from purifax.purify.descent import SAMPLERS
from purifax.recipe.spelling import nearest

__all__ = ["check", "whole"]


def check(drawing: Drawing) -> None:
    """Refuses a picture that cannot be drawn.

    Raises:
        ValueError: an unknown sampler, or no steps.
    """
    if drawing.sampler not in SAMPLERS:
        words = nearest(drawing.sampler, tuple(SAMPLERS))
        raise ValueError(
            f"drawing.sampler is {drawing.sampler!r}, which is unknown{words}"
        )
    if drawing.steps < 1 or drawing.images < 0:
        raise ValueError(
            "drawing.steps must be 1 or more and drawing.images 0 or more; got "
            f"{drawing.steps} and {drawing.images}."
        )


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
