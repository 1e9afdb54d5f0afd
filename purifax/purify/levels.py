"""Levels of noise by name: samplers, and the schedules that they go down."""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from experiments.training.config import Drawing
from purifax import noise, sample, schedule
from purifax.command.overrides import nearest
from purifax.noise import Process
from purifax.sample.ancestral import Variance

__all__ = ["SAMPLERS", "check", "sampler", "whole"]

SAMPLERS = {
    "ancestral": sample.ancestral,
    "ddim": sample.ddim,
    "sde": sample.sde,
    "euler": sample.euler,
    "heun": sample.heun,
    "dpm_solver": sample.dpm_solver,
}
CALLS = {"heun": 2}
"""Calls of the score in a step, where that is not one."""


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


def sampler(name: str, *, variance: Variance, eta: float = 0.0) -> Partial:
    """The sampler `(key, x, score, sigmas) -> (x, path)` of a name.

    Args:
        variance: of "ancestral".
        eta: of "ddim".
    """
    knobs: dict[str, Any] = {"ancestral": {"variance": variance}, "ddim": {"eta": eta}}
    return Partial(SAMPLERS[name], **knobs.get(name, {}))


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
