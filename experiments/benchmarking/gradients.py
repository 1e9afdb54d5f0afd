"""Steps of attacks on ADP: BPDA and the exact gradient, against draws and length.

One step is the gradient of the mean margin over the draws. Beside each stands the
forward pass of the same runs. The exact gradient is timed as it is by default, with
states computed again, and "stored", where memory holds all that it needs.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.benchmarking.subject import LEVEL, Row, Subject, row
from purifax import classify
from purifax.purify import ADP
from purifax.transform import remat
from purifax.types import Model

__all__ = ["rows", "slope"]

WAYS = ("forward", "bpda", "exact", "stored")


def rows(subject: Subject) -> list[Row]:
    """For each number of draws and each length, forward, BPDA and exact."""
    config = subject.config
    fewest, shortest = min(config.eot), min(config.lengths)
    settings = [(draws, shortest) for draws in config.eot]
    settings += [(fewest, length) for length in config.lengths if length != shortest]
    return [one for setting in settings for one in _setting(subject, *setting)]


def _setting(subject: Subject, draws: int, length: int) -> list[Row]:
    found: list[Row] = []
    for way in WAYS:
        found.append(_one(subject, way, draws, length))
        ratio = found[-1].seconds / found[0].seconds
        found[-1].numbers["over_forward"] = ratio
    return found


def _one(subject: Subject, way: str, draws: int, length: int) -> Row:
    config = subject.config
    scan = Partial(remat.none) if way == "stored" else None
    target = subject.target(ADP(level=LEVEL, steps=length), scan)
    model = target.model("bpda" if way == "bpda" else "exact", draws)
    fn = Partial(_loss, model=model) if way == "forward" else slope(model)
    count = min(config.attacked, config.images)
    run, bytes_ = subject.program(fn, count, draws)
    what = f"{way}, EOT {draws}, {length} step(s)"
    timed = row("gradients", what, run, count, config.repeats)
    timed.numbers.update(
        way=way, draws=draws, length=length, temporary_bytes_a_device=bytes_
    )
    return timed


def slope(model: Model) -> Partial:
    """`(key, x)`: the gradient of the mean margin in the image."""
    return Partial(_slope, model=model)


def _loss(key: Array, x: Array, model: Model) -> Array:
    label = jnp.array(0)
    return jnp.mean(jax.vmap(lambda told: classify.margin(told, label))(model(key, x)))


def _slope(key: Array, x: Array, model: Model) -> Array:
    return jax.grad(lambda y: _loss(key, y, model))(x)
