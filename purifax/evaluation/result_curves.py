"""Accuracy against the runs and the steps of a defence, from its answers."""

from collections.abc import Iterator

import numpy as np
from jax import numpy as jnp

from purifax.evaluation import predictions
from purifax.evaluation.plan import Job, Run
from purifax.evaluation.store import Arrays
from purifax.report.types import AGGREGATIONS, Curve, curve
from purifax.run.progress import each

__all__ = ["by_runs", "by_steps"]


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


def by_steps(
    work: Run, jobs: dict[Job, None], done: dict[Job, Arrays]
) -> Iterator[Curve]:
    """Accuracy against the number of purification steps, on the first images."""
    climb = predictions.climb(work.world)
    if climb is None:
        return
    some = min(work.config.sweep_images, len(work.images))
    some -= some % work.mesh.shape["batch"]
    respond = predictions.mapped(climb, work.mesh)
    index = jnp.asarray(work.images.index[:some].astype(np.int32))
    for job in jobs if some else {}:
        x = jnp.asarray(done[job]["x_adv"][:some])
        parts = [
            respond(work.k_answers, index[i : i + work.chunk], x[i : i + work.chunk])
            for i in each("steps", range(0, some, work.chunk), "chunk")
        ]
        rule = work.config.pooling
        classes = np.concatenate([np.asarray(part[rule]) for part in parts])
        title, gradient = _named(work, job)
        yield curve(
            "steps",
            title,
            range(work.world.recipe.steps + 1),
            classes == work.images.labels[:some, None],
            gradient=gradient,
        )


def _named(work: Run, job: Job) -> tuple[str, str]:
    """The attack's title and gradient; that of no attack is "clean"."""
    return "clean" if job.attack == "clean" else work.title(job), work.gradient(job)
