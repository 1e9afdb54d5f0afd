"""A whole evaluation: gradient probe, attacks, convergence, and what was found."""

import time
from typing import NamedTuple

import numpy as np

from purifax.evaluation import (
    controls,
    convergence,
    engine,
    gradient_probe,
    gradient_proof,
    results,
)
from purifax.evaluation.plan import Run
from purifax.report.types import Findings
from purifax.run import workdir
from purifax.run.stop import Stop

__all__ = ["Whole", "perform"]


class Whole(NamedTuple):
    """What an evaluation gives.

    Attributes:
        findings: what the report shows.
        norms: lengths of the score by attack, the clean images first; empty where there
            is no score.
    """

    findings: Findings
    norms: dict[str, np.ndarray]


def perform(
    work: Run, stop: Stop, *, title: str, command: str, began: float | None = None
) -> Whole | None:
    """Does all that an evaluation is made of, or goes on with it.

    Args:
        command: that does it again, written in the report.
        began: `time.monotonic()` when the whole command began, training included.

    Returns:
        Everything; None if it was asked to stop before the end.
    """
    began = time.monotonic() if began is None else began
    probed = gradient_probe.run(work)
    if gradient_proof.wanted(work.config):
        gradient_proof.prove(work.parts, work.k_proof, work.world, work.images)
    done = engine.run(work, stop)
    surface = None if done is None else convergence.run(work, stop)
    beside = None
    if done is not None and surface is not None:
        beside = controls.run(work, done, stop)
    seconds = time.monotonic() - began
    if work.folder is not None:
        seconds = workdir.clock(work.folder, seconds)
    if done is None or surface is None or beside is None:
        return None
    found = results.findings(
        work,
        done,
        surface=surface,
        controls=beside,
        compression=dict(controls.compressions(work, beside)),
        probe=probed,
        title=title,
        command=command,
        seconds=seconds,
    )
    return Whole(found, results.norms(work, done))
