"""Throughput of a purifier's chains against their number, up to the memory.

All chains start at one image, each with noise of its own, and run as one compiled
program; beside it the same chains driven by a Python loop over steps, each operation
sent to the device by itself, as far as that is quick enough to be waited for.
"""

import os
import pathlib
import statistics
from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp

import purifax
from experiments.benchmarking import plots_throughput
from experiments.benchmarking.stopwatch import subject, timed
from purifax.evaluation import predictions
from purifax.evaluation.settings import Evaluation
from purifax.evaluation.world import World
from purifax.run import devices, workdir
from purifax.run.config import plain
from purifax.run.extras import extra

__all__ = ["measure", "together", "words"]

PATIENCE = 20.0
"""Seconds from which the Python loop is not run with more chains."""

SHARE = 0.5
"""Of the memory, what the chains may take."""


def measure(
    config: Evaluation,
    folder: pathlib.Path,
    data_dir: str | None,
    most: int,
    repeats: int,
) -> dict[str, Any]:
    """Prints a table; writes ``chains.json`` and ``chains.png``.

    Args:
        most: chains at most; they grow fourfold from 1.
        repeats: how often each number is timed; the median counts.

    Raises:
        ValueError: there is no purifier.
    """
    if config.purifier is None:
        raise ValueError("purifier=none has no chains to be timed.")
    world, images = subject(config, data_dir, 1)
    x = images[0]
    purifier, key = world.target().forward(), jax.random.key(config.seed)
    rows: list[dict[str, Any]] = []
    count, slow = 1, False
    while count <= most:
        row = together(purifier, key, x, count, repeats)
        if row is None:
            break
        if not slow:
            row["python_seconds"] = _stepwise(purifier, key, x, count, repeats)
            slow = row["python_seconds"] > PATIENCE
        rows.append(row)
        count *= 4
    found = {
        "evaluations_a_chain": world.recipe.calls(),
        "defence": _purifier(config, world),
        "devices": f"{jax.device_count()} {jax.default_backend()}",
        "rows": rows,
        "versions": workdir.versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    workdir.write_json(folder / "chains.json", found)
    with extra("chains.png"):
        (folder / "chains.png").write_bytes(plots_throughput.picture(found))
    print(words(found))
    return found


def _purifier(config: Evaluation, world: World) -> str:
    """The purifier in words, with the place of its network."""
    by = f" by the score of {config.score}" if world.scored() else ""
    name, more = plain(world.recipe)["recipe"], world.recipe.words()
    return f"{name} purification{by}" + ("" if more == name else f", {more}")


def together(
    purifier: Callable[..., Array], key: Array, x: Array, count: int, repeats: int
) -> dict[str, Any] | None:
    """Seconds of so many chains in one program; None where memory is too small.

    Args:
        repeats: how often it is timed, after a first time; the median counts.
    """
    over = devices.grid(count, worth=devices.worth(x.shape))
    batch = jnp.broadcast_to(x, (count, *x.shape))
    run, bytes_ = predictions.compiled(purifier, over, key, jnp.arange(count), batch)
    if bytes_ > SHARE * _memory(over.size):
        return None
    _, *seconds = timed(run, 1 + repeats)
    return {
        "chains": count,
        "seconds": statistics.median(seconds),
        "spread": max(seconds) - min(seconds),
        "temporary_bytes_a_device": bytes_,
        "python_seconds": None,
    }


def _stepwise(
    purifier: Callable[..., Array], key: Array, x: Array, count: int, repeats: int
) -> float:
    """Seconds of the same chains, all at once in a Python loop over steps."""
    batch = jnp.broadcast_to(x, (count, *x.shape))

    def run() -> Array:
        return purifax.batched(purifier)(key, batch)

    with jax.disable_jit():
        (first,) = timed(run, 1)
        if first > PATIENCE:
            return first
        return statistics.median(timed(run, repeats))


def _memory(shares: int) -> float:
    """Bytes that one of so many devices has; of the host's for those of a CPU."""
    told = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in told:
        return float(told["bytes_limit"])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / shares


def words(found: dict[str, Any]) -> str:
    """The table: a row for each number of chains."""
    calls = found["evaluations_a_chain"]
    told = "" if calls is None else f" {calls} network calls a chain,"
    rows = [
        f"{found['defence']},{told} {found['devices']}",
        f"{'chains':>8}{'seconds':>10}{'spread':>9}{'chains/s':>11}{'calls/s':>11}"
        f"{'MiB':>9}{'Python loop':>13}{'ratio':>8}",
    ]
    for row in found["rows"]:
        rate = row["chains"] / row["seconds"]
        megabytes = row["temporary_bytes_a_device"] / 2**20
        slow = row["python_seconds"]
        beside = f"{'-':>13}{'-':>8}"
        if slow is not None:
            beside = f"{slow:13.3f}{slow / row['seconds']:8.1f}"
        rows.append(
            f"{row['chains']:>8}{row['seconds']:10.4f}{row['spread']:9.4f}{rate:11.1f}"
            f"{'-' if calls is None else f'{rate * calls:.1f}':>11}"
            f"{megabytes:9.1f}{beside}"
        )
    return "\n".join(rows)
