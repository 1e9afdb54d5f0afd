"""Say what is installed, where weights and data are looked for, and what is wrong.

purifax info

What does not work is a line that begins with "problem" and says what to do; the command
itself ends well.
"""

import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from absl import flags

import purifax
from purifax.command import flags as flagslib

__all__ = ["lines", "main", "run"]

_FATAL = re.compile(r"F\d{4} ")
"""How a line begins with which XLA ends a process."""

SHOWN = ("jax", "jaxlib", "flax", "numpy", "orbax-checkpoint", "torch")


def lines() -> list[str]:
    """The report, line by line: versions, devices, weights, data, problems.

    >>> lines()[0].split()[0]
    'purifax'
    """
    told = [
        f"purifax  {purifax.__version__} ({pathlib.Path(purifax.__file__).parent})",
        f"python   {platform.python_version()}",
        *(f"{name:8} {_version(name)}" for name in SHOWN),
    ]
    problems: list[str] = []
    for word, part in PARTS.items():
        try:
            told += part()
        except Exception as error:  # any of them is what this command is to tell
            told.append(f"{word:8} unknown")
            problems.append(f"problem  {word}: {_one_line(error)}")
    return told + problems


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _devices() -> list[str]:
    """Devices of this process."""
    from purifax.run import devices

    if "XLA_FLAGS" in os.environ:
        _try_xla()
    found = devices.found()
    return [f"devices  {len(found)} x {found[0].device_kind} ({found[0].platform})"]


def _try_xla() -> None:
    """Start XLA in another process, which it would end where a flag of it is wrong.

    Raises:
        ValueError: it did; the message is its own.
    """
    words = [sys.executable, "-c", "import jax; jax.devices()"]
    done = subprocess.run(words, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if _FATAL.match(line)]
    if done.returncode and said:
        raise ValueError(
            f"XLA ends every process under XLA_FLAGS={os.environ['XLA_FLAGS']} "
            f"({said[0].partition('] ')[2]}); mend the flag, or unset the variable."
        )


def _cache() -> list[str]:
    """Where compiled programs are kept."""
    from purifax.run import devices

    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR") or devices.cache()
    return [f"compiled {folder}"]


def _weights() -> list[str]:
    """Where `weights.load(NAME)` looks, in its order."""
    from purifax import weights

    runs = pathlib.Path("runs").absolute()
    here = sorted(path.parent.name for path in runs.glob("*/network.json"))
    return [
        "weights  a folder; else, in this order, by name",
        f"         {runs}: {', '.join(here) or 'nothing'}",
        f"         with purifax: {', '.join(weights.names()) or 'nothing'}",
    ]


def _data() -> list[str]:
    """Where `data.load(NAME)` looks, in its order."""
    from purifax.data import sources

    places = {"TFDS_DATA_DIR": sources.tfds_home(), "PURIFAX_DATA_DIR": sources.cache()}
    found = ["data     --data_dir; else, in this order"]
    for variable, place in places.items():
        there = "exists" if place.is_dir() else "is not there"
        how = "set" if variable in os.environ else "not set"
        found.append(f"         {place} ({there}; {variable} is {how})")
    return [*found, "         the official archive, downloaded; digits needs none"]


PARTS: dict[str, Callable[[], list[str]]] = {
    "devices": _devices,
    "compiled": _cache,
    "weights": _weights,
    "data": _data,
}
"""The parts of the report that may fail, each alone."""


def main(config: None, options: flags.FlagValues) -> None:
    """Print the report."""
    del config, options
    print("\n".join(lines()))


def run(main: Callable[[Any, flags.FlagValues], int | None] = main) -> None:
    """Run this command."""
    flagslib.run(main, ())
