"""Every purifier, and what it costs beyond the evaluations of its network.

Beside each stands a bare loop with as many forward passes of the score's network, or as
many gradients of the energy. A purifier that takes gradients of the score itself, to be
guided or to climb, costs more than that by its nature.
"""

from dataclasses import replace
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.benchmarking.network import told
from experiments.benchmarking.subject import LEVEL, Row, Subject, rows_in_turns
from purifax.purify import (
    ADP,
    GDMP,
    JPEG,
    LM,
    MALA,
    BitDepth,
    DiffPure,
    Langevin,
    LeeKim,
    Mimic,
    OneStep,
    ScoreOpt,
)
from purifax.recipe.kinds import PURIFIER
from purifax.run.config import make

__all__ = ["PURIFIERS", "recipe", "rows"]

PURIFIERS: dict[str, Any] = {
    "adaptive": ADP(level=LEVEL),
    "one_step": OneStep(),
    **{
        name: DiffPure(sigma=0.3, spacing="linear", sampler=name)
        for name in ("ancestral", "ddim", "sde", "heun", "dpm_solver")
    },
    "gradual": LeeKim(
        sigmas=(0.1, 0.3), repeats=(1, 1), spacing="linear", sampler="sde"
    ),
    "gdmp": GDMP(sigma=0.3, spacing="linear"),
    "mimic": Mimic(sigma=0.3, spacing="linear"),
    "likelihood": LM(sigma=0.3),
    "scoreopt": ScoreOpt(sigma=0.3),
    "langevin": Langevin(epsilon=0.01),
    "mala": MALA(epsilon=0.01),
    "jpeg": JPEG(),
    "bit_depth": BitDepth(),
}
"""By the name of their row, each with a setting that any network allows.

Committed results have rows of these names, so they stay.
"""


def rows(subject: Subject) -> list[Row]:
    """A row for each, with its time over that of the bare evaluations.

    Raises:
        ValueError: an unknown purifier.
    """
    names = subject.config.purifiers or tuple(PURIFIERS)
    # The standard's colours need three channels.
    kept = [name for name in names if name != "jpeg" or subject.config.channels == 3]
    return [_one(subject, name) for name in kept]


def _one(subject: Subject, name: str) -> Row:
    config = subject.config
    made = recipe(name, config.steps)
    calls = _calls(made)
    run, bytes_ = subject.program(subject.purifier(made))
    runs = {name: run}
    if calls:
        bare = _bare(subject, isinstance(made, Langevin | MALA), calls)
        runs["bare calls"] = subject.program(bare)[0]
    timed, over = rows_in_turns("purifiers", runs, config.images, config.repeats)
    numbers = timed[0].numbers
    numbers.update(network_calls=calls, temporary_bytes_a_device=bytes_)
    if calls:
        numbers["over_bare_calls"] = over
    return timed[0]


def recipe(name: str, steps: int) -> Any:
    """One of `PURIFIERS`, or what "package.module:name" names, with so many steps.

    Raises:
        ValueError: there is none of this name.
    """
    made = PURIFIERS[name] if name in PURIFIERS else make(PURIFIER, name)
    return replace(made, steps=steps) if hasattr(made, "steps") else made


def _calls(made: Any) -> int | None:
    """Evaluations of the network in one run; None where they are not known.

    Down an energy, Langevin's steps have no last evaluation that denoises.
    """
    return made.calls() - 1 if isinstance(made, Langevin) else made.calls()


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
