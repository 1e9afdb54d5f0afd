"""How cost grows: ADP against images, steps, the image's side and devices, its attack
against draws, each with a line and a power fitted to the times.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from experiments.benchmarking.gradients import slope
from experiments.benchmarking.subject import LEVEL, Row, Subject, row, subject
from purifax.evaluation import predictions
from purifax.purify import ADP
from purifax.run import devices

__all__ = ["AXES", "fits", "rows"]

Programs = Iterator[tuple[int, int, Callable[[], Any]]]


def rows(given: Subject) -> list[Row]:
    """A row for each number along each axis that has two or more."""
    found = []
    for axis, programs in AXES.items():
        mine = []
        for value, images, run in programs(given):
            one = row("scaling", f"{axis} {value}", run, images, given.config.repeats)
            one.numbers.update(axis=axis, value=value)
            mine.append(one)
        found += mine if len(mine) > 1 else []
    return found


def fits(found: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each axis, what the times of a part's rows say.

    Args:
        found: rows of ``benchmark.json``.

    Returns:
        By axis: "fixed" and "each", seconds of the line fixed + each * value with the
        least squared relative error; "power", the slope of a line through the
        logarithms; "largest_error" of the first line, relative.
    """
    pairs: dict[str, list[tuple[float, float]]] = {}
    for one in found:
        if one["part"] == "scaling":
            numbers = one["numbers"]
            pair = numbers["value"], one["seconds"]
            pairs.setdefault(numbers["axis"], []).append(pair)
    return {axis: _fit(*np.asarray(mine).T) for axis, mine in pairs.items()}


def _fit(values: np.ndarray, seconds: np.ndarray) -> dict[str, float]:
    line = np.stack([np.ones_like(values), values], axis=1) / seconds[:, None]
    (fixed, each), *_ = np.linalg.lstsq(line, np.ones_like(seconds))
    power, _ = np.polyfit(np.log(values), np.log(seconds), 1)
    error = np.abs(line @ [fixed, each] - 1).max()
    words = ("fixed", "each", "power", "largest_error")
    return dict(zip(words, map(float, (fixed, each, power, error)), strict=True))


def _images(given: Subject) -> Programs:
    purifier = _adp(given, given.config.steps)
    for count in _doubled(given.config.images):
        yield count, count, given.program(purifier, count)[0]


def _steps(given: Subject) -> Programs:
    for steps in given.config.lengths:
        run, _ = given.program(_adp(given, steps))
        yield steps, given.config.images, run


def _draws(given: Subject) -> Programs:
    config, length = given.config, min(given.config.lengths)
    for draws in config.eot:
        target = given.target(ADP(level=LEVEL, steps=length))
        fn = slope(target.model("exact", draws))
        count = min(config.attacked, config.images)
        yield draws, count, given.program(fn, count, draws)[0]


def _sides(given: Subject) -> Programs:
    for side in given.config.sides:
        other = subject(dataclasses.replace(given.config, side=side))
        run, _ = other.program(_adp(other, given.config.steps))
        yield side, given.config.images, run


def _devices(given: Subject) -> Programs:
    images, purifier = given.config.images, _adp(given, given.config.steps)
    index = jnp.arange(images)
    for count in _doubled(len(jax.local_devices())):
        if images % count == 0:
            mesh = devices.mesh(images, count)
            args = purifier, mesh, given.key, index, given.images
            yield count, images, predictions.compiled(*args)[0]


def _adp(given: Subject, steps: int) -> Any:
    return given.purifier(ADP(level=LEVEL, steps=steps))


def _doubled(most: int) -> list[int]:
    """1, 2, 4 ... to the most."""
    return [2**power for power in range(most.bit_length())]


AXES: dict[str, Callable[[Subject], Programs]] = {
    "images": _images,
    "steps": _steps,
    "draws": _draws,
    "side": _sides,
    "devices": _devices,
}
"""What grows, and what is timed for each of its values."""
