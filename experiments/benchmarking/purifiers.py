"""Every purifier, and what it costs beyond the evaluations of its network.

Beside each stands a bare loop with as many forward passes of the score's network, or as
many gradients of the energy. A purifier that takes gradients of the score itself, to be
guided or to climb, costs more than that by its nature.
"""

from dataclasses import replace

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.benchmarking.network import told
from experiments.benchmarking.subject import LEVEL, Row, Subject, rows_in_turns
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.settings import (
    Defence,
)

__all__ = ["PURIFIERS", "rows"]

_DOWN = Defence(method="diffuse", sigma=0.3, spacing="linear")

PURIFIERS = {
    "adaptive": Defence(level=LEVEL),
    "one_step": Defence(method="one_step", level=LEVEL),
    **{
        name: replace(_DOWN, sampler=name)
        for name in ("ancestral", "ddim", "sde", "heun", "dpm_solver")
    },
    "gradual": replace(_DOWN, method="gradual", sigmas=(0.1, 0.3), repeats=(1, 1)),
    "gdmp": replace(_DOWN, method="gdmp", sampler="ancestral", repeats=(1,)),
    "mimic": replace(_DOWN, method="mimic", sampler="ancestral"),
    "likelihood": Defence(method="likelihood", sigma=0.3),
    "scoreopt": Defence(method="scoreopt", sigma=0.3),
    "langevin": Defence(method="langevin", epsilon=0.01),
    "mala": Defence(method="mala", epsilon=0.01),
    "jpeg": Defence(method="jpeg"),
    "bit_depth": Defence(method="bit_depth"),
}
"""By name, each with a setting that any network allows."""

_OF_ENERGY = ("langevin", "mala")


def rows(subject: Subject) -> list[Row]:
    """A row for each, with its time over that of the bare evaluations.

    Raises:
        ValueError: an unknown purifier.
    """
    names = subject.config.purifiers or tuple(PURIFIERS)
    for name in names:
        if name not in PURIFIERS:
            raise ValueError(f"no purifier {name!r}. Known: {', '.join(PURIFIERS)}.")
    # The standard's colours need three channels.
    kept = [name for name in names if name != "jpeg" or subject.config.channels == 3]
    return [_one(subject, name) for name in kept]


def _one(subject: Subject, name: str) -> Row:
    config = subject.config
    defence = replace(PURIFIERS[name], steps=config.steps)
    calls = _calls(defence)
    run, bytes_ = subject.program(subject.world(defence).purifier())
    runs = {name: run}
    if calls:
        bare = _bare(subject, name in _OF_ENERGY, calls)
        runs["bare calls"] = subject.program(bare)[0]
    timed, over = rows_in_turns("purifiers", runs, config.images, config.repeats)
    numbers = timed[0].numbers
    numbers.update(network_calls=calls, temporary_bytes_a_device=bytes_)
    if calls:
        numbers["over_bare_calls"] = over
    return timed[0]


def _calls(defence: Defence) -> int:
    """Evaluations of the network in one run of those in `PURIFIERS`.

    Down an energy, Langevin's steps have no last evaluation that denoises.
    """
    extra = 2 if defence.method == "langevin" else 1
    return defences.evaluations(defence) - extra


def _bare(subject: Subject, of_energy: bool, calls: int) -> Partial:
    """`calls` evaluations one after another, with as little else as can be."""
    one = Partial(told, network=subject.network)
    if of_energy:
        one = Partial(_pull, energy=subject.prior.energy)
    return Partial(_loop, fn=one, calls=jnp.arange(calls))


def _pull(key: Array, x: Array, energy: Partial) -> Array:
    del key
    return jax.grad(energy)(x)


def _loop(key: Array, x: Array, fn: Partial, calls: Array) -> Array:
    def again(x: Array, call: Array) -> tuple[Array, None]:
        del call
        return x + 1e-3 * fn(key, x).astype(x.dtype), None

    return jax.lax.scan(again, x, calls)[0]
