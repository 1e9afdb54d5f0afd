"""Compile times: cold, and from the cache on disk that the commands keep."""

import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from experiments.benchmarking.gradients import slope
from experiments.benchmarking.subject import LEVEL, Row, Subject
from purifax.purify import ADP

__all__ = ["rows"]

CACHE = "jax_compilation_cache_dir"


def rows(subject: Subject) -> list[Row]:
    """ADP and its exact gradient: seconds to a program that can be run."""
    recipe = ADP(level=LEVEL, steps=subject.config.steps)
    gradient = slope(subject.target(recipe).model("exact", 1))
    ways = {"ADP": subject.purifier(recipe), "its exact gradient": gradient}
    kept = getattr(jax.config, CACHE)
    try:
        with tempfile.TemporaryDirectory() as folder:
            jax.config.update(CACHE, folder)
            return [_one(subject, name, fn) for name, fn in ways.items()]
    finally:
        jax.config.update(CACHE, kept)
        compilation_cache.reset_cache()


def _one(subject: Subject, name: str, fn: Callable[..., Any]) -> Row:
    cold, cached = (_seconds(lambda: subject.program(fn)) for _ in range(2))
    return Row("compile", name, 1, cold, 0.0, {"cached_seconds": cached})


def _seconds(make: Callable[[], Any]) -> float:
    """Seconds of tracing and compiling, with nothing left in memory."""
    jax.clear_caches()
    compilation_cache.reset_cache()
    began = time.perf_counter()
    make()
    return time.perf_counter() - began
