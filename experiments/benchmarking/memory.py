"""Peak memory of the exact gradient against the number of steps, by the compiler."""

import dataclasses
import pathlib
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.benchmarking.stopwatch import subject
from purifax import classify
from purifax.evaluation.settings import Evaluation
from purifax.run import workdir
from purifax.run.config import plain
from purifax.transform import remat
from purifax.types import Model

__all__ = ["STEPS", "measure", "words"]

STEPS = (10, 30, 100, 300, 1000)

SCANS = {
    "stored": Partial(remat.none),
    "each step": Partial(remat.every_step),
    "nested": Partial(remat.square_root),
}


def measure(
    config: Evaluation,
    folder: pathlib.Path,
    data_dir: str | None,
    steps: tuple[int, ...] = STEPS,
) -> dict[str, Any]:
    """Prints a table and writes ``gradient_memory.json``; nothing is run.

    One image, one run of the config's purifier with more or fewer steps.

    Raises:
        ValueError: the purifier has no steps.
    """
    world, images = subject(config, data_dir, 1)
    if not (world.chain and hasattr(world.recipe, "steps")):
        name = "none" if world.recipe is None else plain(world.recipe)["recipe"]
        raise ValueError(f"purifier={name} has no chain whose steps could grow.")
    image = images[0]
    found: dict[str, Any] = {"image": list(image.shape), "bytes": {}}
    for count in steps:
        recipe = dataclasses.replace(world.recipe, steps=count)
        longer = dataclasses.replace(world, recipe=recipe).target()
        model = longer.one_sample(longer.forward())
        found["bytes"][str(count)] = {
            name: _temporary(model, scan, image.shape) for name, scan in SCANS.items()
        }
    found["versions"] = workdir.versions()
    folder.mkdir(parents=True, exist_ok=True)
    workdir.write_json(folder / "gradient_memory.json", found)
    print(words(found))
    return found


def _temporary(model: Model, scan: Partial, shape: tuple[int, ...]) -> int:
    """Temporary bytes of the compiled gradient of the margin in the image."""

    def gradient(model: Any, scan: remat.Scan, key: Array, x: Array) -> Array:
        label = jnp.array(0)
        return jax.grad(lambda y: classify.margin(model(key, y, scan=scan), label))(x)

    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    lowered = jax.jit(gradient).lower(model, scan, jax.random.key(0), x)
    analysis: Any = lowered.compile().memory_analysis()
    return int(analysis.temp_size_in_bytes)


def words(found: dict[str, Any]) -> str:
    """The table: a row for each number of steps, MiB."""
    rows = [f"{'steps':>6}" + "".join(f"{name:>12}" for name in SCANS) + "   MiB"]
    for steps, row in found["bytes"].items():
        cells = "".join(f"{row[name] / 2**20:12.2f}" for name in SCANS)
        rows.append(f"{steps:>6}{cells}")
    size = " x ".join(map(str, found["image"]))
    head = f"exact gradient of one run on one image of {size}, temporary memory"
    return "\n".join([head, *rows])
