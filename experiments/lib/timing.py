"""The same purified answers, one after another and mapped together, timed."""

import dataclasses
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

import purifax
from experiments.lib import answers, attacks, devices, prior, subjects, workdir
from experiments.lib import defence as defences
from experiments.lib.config import Evaluation
from purifax import classify, data, weights

__all__ = ["compare"]


def compare(
    config: Evaluation,
    folder: pathlib.Path,
    data_dir: str | None,
    count: int,
    repeats: int,
) -> dict[str, Any]:
    """Times both ways, prints a table and writes ``benchmark.json``."""
    defences.check(config.defence)
    chosen = dataclasses.replace(config.images, count=count)
    images = subjects.chosen(chosen, data_dir).images
    x = data.augment.to_float(jnp.asarray(images))
    known = prior.load(config.score)
    world = attacks.World(config.defence, known, weights.load(config.classifier))
    model = defences.run(world.purifier(), world.classifier)
    every = defences.ensemble(config.defence, model, classify.each)

    key, index = jax.random.key(config.seed), jnp.arange(count)
    together = answers.mapped(every, devices.mesh(len(jax.local_devices())))
    one = jax.jit(lambda model, key, x: model(key, x))

    def loop() -> np.ndarray:
        keys = [jax.random.fold_in(key, i) for i in range(count)]
        runs = range(config.defence.runs)
        return np.stack(
            [
                np.stack([one(model, jax.random.fold_in(k, s), image) for s in runs])
                for k, image in zip(keys, x, strict=True)
            ]
        )

    ways = {"loop": loop, "together": lambda: np.asarray(together(key, index, x))}
    gap = float(np.abs(ways["loop"]() - ways["together"]()).max())
    seconds = {name: _timed(way, repeats) for name, way in ways.items()}
    found = {
        "images": count,
        "runs": config.defence.runs,
        "evaluations_an_image": config.defence.runs
        * defences.evaluations(config.defence),
        "largest_difference": gap,
        "seconds_an_image": {
            name: {
                "median": float(np.median(t)) / count,
                "spread": float(np.ptp(t)) / count,
            }
            for name, t in seconds.items()
        },
        "ratio": float(np.median(seconds["loop"]) / np.median(seconds["together"])),
        "temporary_bytes_by_chunk": _memory(every, x),
        "versions": workdir.versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    workdir.write_json(folder / "benchmark.json", found)
    print(_words(found))
    return found


def _timed(way: Callable[[], object], repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        way()
        times.append(time.perf_counter() - began)
    return times


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
            f"together is {found['ratio']:.1f} times as fast; the answers differ by at "
            f"most {found['largest_difference']:.1e}",
            *(
                f"chunk {n:>3}: {b / 2**20:8.1f} MiB temporary"
                for n, b in memory.items()
            ),
        ]
    )
