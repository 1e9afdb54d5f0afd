"""Commands from being typed to their first work being done: cold, and once more.

Each runs in a process of its own, on digits and weights that come with the package. The
second run finds the compiled programs of the first on the disk.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from experiments.benchmarking.subject import Row, Subject

__all__ = ["COMMANDS", "rows"]

COMMANDS = {
    "train": ("train --config=digits_dsm --config.train.steps=1", "step 1/1"),
    "purify": ("purify --weights=digits_dsm --source={images} --out={out}", ""),
    "evaluate": (
        "evaluate --config=digits_adp --config.score=digits_dsm "
        "--config.classifier=digits_classifier --config.images.count=8 "
        "--config.attacks=blind --config.sweep= --config.keys=1 --config.probed=0",
        "image 8/8",
    ),
    "poison": ("poison --config=digits_poison", ""),
    "benchmark": (
        "benchmark --config=cpu_benchmark --config.parts=network --config.side=8 "
        "--config.net.name=SmallScore --config.net.width=none "
        "--config.images=1 --config.repeats=1 --config.peak=64",
        "",
    ),
    "cost": ("cost --pixels=32", ""),
    "certify": (
        "certify --config=digits_certify --config.score=digits_dsm "
        "--config.classifier=digits_classifier --config.images.count=1 "
        "--config.attacked=1",
        "image 1/1",
    ),
    "evaluate_poison": ("evaluate_poison --config=digits_poison_grid", "cell 1/"),
    "accelerate": (
        "accelerate --config.score=digits_dsm --config.classifier=digits_classifier "
        "--config.samplers=momentum --config.calls=8 --config.count=16",
        "",
    ),
    "mixture": ("mixture --config.points=16 --config.calls=5", ""),
    "density": ("density --config.updates=1", ""),
}
"""What is typed, and what it then says when it has begun; "" is its end.

Folders are filled in.
"""


def rows(subject: Subject) -> list[Row]:
    """A row for each: seconds of the second start, and "cold_seconds" of the first.

    Raises:
        RuntimeError: one of them fails.
    """
    del subject
    with tempfile.TemporaryDirectory() as folder:
        images = pathlib.Path(folder, "images.npz")
        np.savez(images, images=np.zeros((8, 8, 8, 1), np.uint8))
        return [_one(name, pathlib.Path(folder)) for name in COMMANDS]


def _one(name: str, folder: pathlib.Path) -> Row:
    cold, warm = (_seconds(name, folder, f"{name}_{i}") for i in range(2))
    return Row("start", name, 1, warm, 0.0, {"cold_seconds": cold})


def _seconds(name: str, folder: pathlib.Path, into: str) -> float:
    """Seconds of one start, which writes into a folder of its own."""
    line, awaited = COMMANDS[name]
    where = {"images": folder / "images.npz", "out": folder / f"{into}_out"}
    words = line.format(**where).split()
    workdir = f"--workdir={folder / into}"
    command = [sys.executable, "-m", f"experiments.{words[0]}", *words[1:], workdir]
    # The process that measures holds most of an accelerator's memory.
    own = {
        "XDG_CACHE_HOME": str(folder / "cache"),
        "JAX_COMPILATION_CACHE_DIR": "",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.1",
        "PYTHONUNBUFFERED": "1",
    }
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    began, said = time.perf_counter(), [""]
    with subprocess.Popen(command, env=os.environ | own, **pipes) as process:
        for told in process.stdout or ():
            said.append(told.strip())
            if awaited and awaited in told:
                seconds = time.perf_counter() - began
                process.kill()
                return seconds
    if process.returncode or awaited:
        raise RuntimeError(f"{' '.join(command)} failed: {said[-1]}")
    return time.perf_counter() - began
