"""Chains in parallel: ADP of one image, 1 to as many as are asked for or fit."""

from experiments.benchmarking.subject import LEVEL, Row, Subject
from experiments.benchmarking.throughput import together
from purifax.purify import ADP

__all__ = ["rows"]


def rows(subject: Subject) -> list[Row]:
    """A row for each number of chains, fourfold from 1."""
    config, found, count = subject.config, [], 1
    purifier = subject.purifier(ADP(level=LEVEL, steps=config.steps))
    x = subject.images[0]
    while count <= config.chains:
        told = together(purifier, subject.key, x, count, config.repeats)
        if told is None:
            break
        seconds, spread = told["seconds"], told["spread"] / told["seconds"]
        more = {"temporary_bytes_a_device": told["temporary_bytes_a_device"]}
        row = Row("chains", f"{count} chain(s)", count, seconds, spread, more)
        found.append(row)
        count *= 4
    return found
