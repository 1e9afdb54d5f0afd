"""The same purified answers, one after another and mapped together, timed.

Three ways of S runs on each of N images:

    steps      a Python loop over images, runs and purification steps, each operation
               sent to the device by itself: how the public implementations work
    loop       a Python loop over images and runs, each run one compiled program
    together   all runs of all images in one compiled program, as purifax does it

The first is timed on few images; all are compared by the seconds an image takes.
"""

import pathlib
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

import purifax
from experiments.benchmarking.stopwatch import subject, timed
from purifax.evaluation import predictions
from purifax.evaluation.settings import Evaluation
from purifax.run import devices, workdir
from purifax.run.progress import each

__all__ = ["compare"]

FEW = 2
"""Images on which the loop over steps is timed; it is slow."""


def compare(
    config: Evaluation,
    folder: pathlib.Path,
    data_dir: str | None,
    count: int,
    repeats: int,
) -> dict[str, Any]:
    """Times all three ways, prints a table and writes ``benchmark.json``."""
    world, x = subject(config, data_dir, count)
    target, samples, calls = world.target(), world.samples, world.evaluations()
    model, every = target.one_sample(target.forward()), world.each(target.forward())

    key, index = jax.random.key(config.seed), jnp.arange(count)
    together = predictions.mapped(every, devices.grid(count))
    one = jax.jit(lambda model, key, x: model(key, x))

    def loop(images: int) -> np.ndarray:
        return _loop(one, model, key, x[:images], samples)

    def steps(images: int) -> np.ndarray:
        with jax.disable_jit():
            return _loop(one, model, key, x[:images], samples)

    ways = {
        "steps": (steps, min(count, FEW)),
        "loop": (loop, count),
        "together": (lambda _: np.asarray(together(key, index, x)), count),
    }
    found = {
        "images": count,
        "runs": samples,
        "evaluations_an_image": None if calls is None else samples * calls,
        **_compared(ways, repeats),
        "temporary_bytes_by_chunk": _memory(every, x),
        "versions": workdir.versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    workdir.write_json(folder / "benchmark.json", found)
    print(_words(found))
    return found


def _loop(
    one: Callable[..., Any], model: Any, key: jax.Array, x: jax.Array, runs: int
) -> np.ndarray:
    """The answers [N, S, K] of S runs on each image, one after another."""
    found = [
        one(model, jax.random.fold_in(jax.random.fold_in(key, i), s), image)
        for i, image in enumerate(x)
        for s in range(runs)
    ]
    return np.stack([np.asarray(a) for a in found]).reshape(len(x), runs, -1)


def _compared(
    ways: dict[str, tuple[Callable[[int], np.ndarray], int]], repeats: int
) -> dict[str, Any]:
    """How far the answers of the ways differ, and the seconds an image takes in each.

    Args:
        ways: `(way, images)`, where `way(images)` answers that many; the first call is
            not timed.
    """
    told = {name: way(images) for name, (way, images) in ways.items()}
    seconds = {
        name: [t / images for t in timed(partial(way, images), repeats)]
        for name, (way, images) in each("timing", list(ways.items()), "way")
    }
    medians = {name: float(np.median(t)) for name, t in seconds.items()}
    return {
        "largest_difference": max(_gap(a, told["together"]) for a in told.values()),
        "seconds_an_image": {
            name: {"median": medians[name], "spread": float(np.ptp(t))}
            for name, t in seconds.items()
        },
        "times_as_fast_as": {
            name: medians[name] / medians["together"] for name in ("steps", "loop")
        },
    }


def _gap(found: np.ndarray, together: np.ndarray) -> float:
    return float(np.abs(found - together[: len(found)]).max())


def _memory(every: Any, x: jax.Array) -> dict[str, int]:
    """Temporary memory of the compiled program, by chunk; the batch is 64 images."""
    batch = jnp.resize(x, (64, *x.shape[1:]))
    found = {}
    for chunk in (4, 16, 64):
        mapped = jax.jit(lambda fn, key, batch: fn(key, batch))
        lowered = mapped.lower(purifax.batched(every, chunk), jax.random.key(0), batch)
        analysis: Any = lowered.compile().memory_analysis()
        found[str(chunk)] = int(analysis.temp_size_in_bytes)
    return found


def _words(found: dict[str, Any]) -> str:
    rows = [
        f"{name:10} {1e3 * t['median']:9.2f} ms an image, "
        f"spread {1e3 * t['spread']:.2f}"
        for name, t in found["seconds_an_image"].items()
    ]
    memory = found["temporary_bytes_by_chunk"]
    return "\n".join(
        [
            f"{found['images']} images, {found['runs']} runs each",
            *rows,
            *(
                f"together is {ratio:.1f} times as fast as {name}"
                for name, ratio in found["times_as_fast_as"].items()
            ),
            f"the answers differ by at most {found['largest_difference']:.1e}",
            *(
                f"chunk {n:>3}: {b / 2**20:8.1f} MiB temporary"
                for n, b in memory.items()
            ),
        ]
    )
