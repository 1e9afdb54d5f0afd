"""What benchmarks have in common: their subject, and the stopwatch."""

import dataclasses
import time
from collections.abc import Callable, Sequence

import jax
from jax import numpy as jnp

from purifax import data
from purifax.evaluation import images as subjects
from purifax.evaluation import networks
from purifax.evaluation.attacks import needs
from purifax.evaluation.settings import Evaluation
from purifax.evaluation.world import World

__all__ = ["in_turns", "subject", "timed"]


def subject(
    config: Evaluation, data_dir: str | None, count: int
) -> tuple[World, jax.Array]:
    """A config's classifier behind its purifier, and its first images, in [0, 1]."""
    chosen = dataclasses.replace(config.images, count=count)
    images = subjects.chosen(chosen, data_dir).images
    shape, parts = images.shape[1:], needs(config.purifier)
    seen = networks.seen(config.purifier, shape)
    prior = networks.prior(config.score, config.energy, config.dtype, seen, parts)
    classifier = networks.classifier(config.classifier, shape)
    world = World(config.purifier, prior, classifier, samples=config.samples)
    return world, data.augment.to_float(jnp.asarray(images))


def timed(way: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of each of several calls, until what they give is there."""
    return [_seconds(way) for _ in range(repeats)]


def in_turns(
    ways: Sequence[Callable[[], object]], repeats: int
) -> list[tuple[float, ...]]:
    """Seconds of each way, in several rounds of all of them.

    What slows a machine down for a while slows all the ways of a round.
    """
    return [tuple(map(_seconds, ways)) for _ in range(repeats)]


def _seconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    jax.block_until_ready(way())
    return time.perf_counter() - began
