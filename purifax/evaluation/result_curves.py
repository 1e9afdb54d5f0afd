"""Accuracy against the purification samples of an answer."""

from collections.abc import Iterator

from purifax.evaluation.plan import Job, Run
from purifax.evaluation.store import Arrays
from purifax.report.types import AGGREGATIONS, Curve, curve

__all__ = ["by_runs"]


def by_runs(work: Run, jobs: list[Job], done: dict[Job, Arrays]) -> Iterator[Curve]:
    """Accuracy against the number of pooled runs, by pooling rule."""
    runs = 1 if work.config.purifier is None else work.config.samples
    for job in jobs if runs > 1 else []:
        label = work.images.labels[: job.count, None, None]
        title, gradient = _named(work, job)
        for rule in AGGREGATIONS:
            right = (done[job][rule] == label).mean(1)
            yield curve(
                "runs",
                rule,
                range(1, runs + 1),
                right,
                keys=work.config.keys,
                gradient=gradient,
                panel=title,
            )


def _named(work: Run, job: Job) -> tuple[str, str]:
    """The attack's title and gradient; that of no attack is "clean"."""
    return "clean" if job.attack == "clean" else work.title(job), work.gradient(job)
