"""From the answers of an evaluation to what its report shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from purifax.evaluation import attacks, gradient_proof, predictions
from purifax.evaluation.controls import Control
from purifax.evaluation.images import pixels
from purifax.evaluation.plan import Job, Run
from purifax.evaluation.result_curves import by_runs
from purifax.evaluation.store import Arrays
from purifax.record import Record
from purifax.report import plots_detection
from purifax.report.pictures import Pictures
from purifax.report.types import ONE_RUN, Curve, Findings, Result
from purifax.run import config as configlib
from purifax.run import workdir

__all__ = ["detection", "findings", "norms"]

FILMED = 4
"""Images of which the states of purification are shown."""


def findings(
    work: Run,
    done: dict[Job, Arrays],
    *,
    title: str,
    command: str,
    seconds: float,
    surface: tuple[Curve, ...] = (),
    controls: Sequence[Control] = (),
    compression: Mapping[str, Sequence[float]] | None = None,
    probe: Mapping[str, tuple[float, ...]] | None = None,
) -> Findings:
    """Everything the report is made of.

    Args:
        surface, controls, compression, probe: what `surface.run`, `controls.run`,
            `controls.compressions` and `probe.run` gave.
        seconds: of all commands in this folder so far.
    """
    config = work.config
    main = [job for job in done if not _swept(work, job)]
    swept = [job for job in done if _swept(work, job)]
    strongest, models = main[-1], _names(work)
    return Findings(
        title=title,
        dataset=f"{config.images.name} ({config.images.split})",
        num_classes=len(work.images.names),
        results=(
            *(r for job in main for r in _results(work, job, done, models)),
            *(r for control in controls for r in _controlled(control)),
        ),
        sweep=tuple(r for job in swept for r in _results(work, job, done, models[:2])),
        curves=(*by_runs(work, main[:1], done), *by_runs(work, main[1:][-1:], done))
        + surface,
        pictures=_pictures(work, strongest, done),
        models=_models(work) | {c.model: _described(c) for c in controls},
        seeds={"all keys": config.seed, "images": config.images.seed},
        versions=workdir.versions(),
        hashes=work.hashes,
        settings=_settings(work),
        seconds=seconds,
        command=command,
        notes=(*detection(norms(work, done)), *_broken(work, done), *_omitted(work)),
        probe=probe or {},
        gradient=gradient_proof.proof(work.parts),
        compression=compression or {},
    )


def _controlled(control: Control) -> Iterator[Result]:
    """The rows of a control, which is a defence under a name of its own."""
    for job in control.done:
        for result in _results(control.work, job, control.done, ("defended",)):
            yield replace(result, model=control.model)


def _described(control: Control) -> str:
    made, samples = control.work.world.recipe, control.work.config.samples
    pooled = f", {samples} samples pooled" if samples > 1 else ""
    return f"a control: {made.words()}{pooled}, then the same classifier"


def _swept(work: Run, job: Job) -> bool:
    """Whether a job only feeds the curves against the radius."""
    if job.attack == "clean":
        return False
    return job.attack not in work.config.attacks or job.radius != work.config.radius


def _results(
    work: Run, job: Job, done: dict[Job, Arrays], models: tuple[str, ...]
) -> Iterator[Result]:
    """The job's rows: what it does to each of the models."""
    config, found, clean = work.config, done[job], done[work.jobs[0]]
    images = work.images.take(np.arange(job.count))
    title, gradient = work.title(job), work.gradient(job)
    for model in models:
        yield Result(
            model=model,
            key=job.attack,
            attack=title,
            gradient=_bare(work, job) if model == "undefended" else gradient,
            threat=config.threat,
            radius=job.radius,
            record=Record(
                index=jnp.asarray(images.index.astype(np.int32)),
                label=jnp.asarray(images.labels),
                clean=_classes(work, clean, model)[: job.count],
                attacked=_classes(work, found, model)[: job.count],
                distance=jnp.asarray(found["distance"]),
            ),
            budget=_budget(work, job),
            seeds={"attack and answers": config.seed},
            seconds=float(found["seconds"][0 if job.attack != "clean" else 1]),
            evaluations=_evaluations(work, job),
        )


def _names(work: Run) -> tuple[str, ...]:
    """The models there are; "one run" answers with a single purification."""
    if work.config.purifier is None:
        return ("undefended",)
    alone = (ONE_RUN,) if work.config.samples > 1 else ()
    return ("undefended", "defended", *alone)


def _bare(work: Run, job: Job) -> str:
    """The gradient an attack goes by on the bare classifier.

    The blind one is made there; to it, those on the defended model are strangers'.
    """
    gradient = work.gradient(job)
    if work.config.purifier is None:
        return gradient
    return {"none": "none", "blind": "exact"}.get(gradient, "transfer")


def _classes(work: Run, told: Arrays, model: str) -> jax.Array:
    """What a model answers, [N, M]; every run of every key counts for "one run"."""
    if model == "undefended":
        return jnp.asarray(told["bare"][:, None])
    if model == ONE_RUN:
        return jnp.asarray(told["single"].reshape(len(told["single"]), -1))
    return jnp.asarray(told[work.config.pooling][:, :, -1])


def _budget(work: Run, job: Job) -> dict[str, int | float | str]:
    if job.attack == "clean":
        return {}
    return attacks.budget(work.config.attack(job.attack), job.radius)


def _evaluations(work: Run, job: Job) -> int | None:
    """Forward passes for all images: of the attack, or of one answer where clean."""
    one, samples = work.world.evaluations(), work.config.samples
    if job.attack == "clean":
        return None if one is None else job.count * one * samples
    made = work.config.attack(job.attack)
    found = attacks.calls(made, one, work.config.keys * samples)
    return None if found is None else job.count * found


def _pictures(work: Run, job: Job, done: dict[Job, Arrays]) -> Pictures | None:
    """The first images of the strongest attack, and one run of the purifier."""
    size = work.mesh.shape["batch"]
    count = -(-min(work.config.pictured, job.count) // size) * size
    if job.attack == "clean" or not 0 < count <= job.count:
        return None
    clean, index = done[work.jobs[0]], work.images.index[:count].astype(np.int32)
    images, x_adv = (
        jnp.asarray(x[:count]) for x in (work.images.images, done[job]["x_adv"])
    )
    look = predictions.mapped(predictions.once(work.world), work.mesh)
    states, after = map(np.asarray, look(work.k_pictures, jnp.asarray(index), x_adv))
    steps = predictions.frames(work.world)
    return Pictures(
        clean=np.asarray(pixels(images)),
        attacked=np.asarray(x_adv),
        purified=states[:, -1],
        label=work.images.labels[:count],
        clean_class=clean["bare"][:count],
        attacked_class=done[job]["bare"][:count],
        purified_class=after,
        attack=work.title(job),
        names=work.images.names,
        **({"film": states[:FILMED], "steps": steps} if steps else {}),
    )


def _models(work: Run) -> dict[str, str]:
    """A line about each model."""
    config = work.config
    undefended = {"undefended": f"the classifier of {config.classifier}"}
    if config.purifier is None:
        return undefended
    return undefended | {
        "defended": (
            f"{_purifier(work)}, {config.samples} samples pooled by {config.pooling}, "
            "then the same classifier"
        ),
        ONE_RUN: (
            "the defended model with one purification sample an answer, on the same "
            "images"
        ),
    }


def _purifier(work: Run) -> str:
    """The purifier in words, with the places of its networks."""
    config, made = work.config, work.world.recipe
    words = made.words() if hasattr(made, "words") else type(made).__name__
    if not work.world.scored():
        return words
    beside = f" and the energy of {config.energy}" if config.energy else ""
    name = configlib.plain(made)["recipe"]
    return f"{name} purification by the score of {config.score}{beside}, {words}"


def _settings(work: Run) -> dict[str, int | float | str]:
    """The purifier's fields that apply, and how its samples are pooled."""
    found = configlib.flat({"purifier": configlib.plain(work.world.recipe)})
    found |= {"samples": work.config.samples, "pooling": work.config.pooling}
    return {
        name: str(tuple(v)) if isinstance(v, list) else v
        for name, v in found.items()
        if v is not None
    }


def detection(norms: dict[str, np.ndarray]) -> Iterator[str]:
    """How well the length of the score tells attacked images from clean ones."""
    clean = next(iter(norms), "")
    for name in list(norms)[1:]:
        share = plots_detection.area(norms[clean], norms[name])
        means = (norms[clean].mean(), norms[name].mean())
        yield (
            f"Detection by the length of the score, {name}: area under the ROC curve "
            f"{share:.3f} on {len(norms[name])} images; mean length {means[0]:.3g} "
            f"clean, {means[1]:.3g} attacked."
        )


def _broken(work: Run, done: dict[Job, Arrays]) -> Iterator[str]:
    """What each component of an AutoAttack did."""
    for job in done:
        if hasattr(_made(work, job), "components"):
            told = work.parts.get(f"{job.name}-components", dict)
            rows = zip(*(told[n] for n in ("name", "attacked", "broken")), strict=True)
            words = "; ".join(f"{n} broke {b} of {a}" for n, a, b in rows)
            yield f"{work.title(job)} at radius {job.radius:.6g}: {words}."


def _omitted(work: Run) -> Iterator[str]:
    """Attacks of the protocol that were not run."""
    if work.config.omitted:
        names = ", ".join(work.config.omitted)
        yield f"Not run, since they do not fit this threat or purifier: {names}."


def _made(work: Run, job: Job) -> Any:
    return None if job.attack == "clean" else work.config.attack(job.attack)


def norms(work: Run, done: dict[Job, Arrays]) -> dict[str, np.ndarray]:
    """Lengths of the score by attack at the main radius, the clean images first.

    Empty where there is no score.
    """
    if work.world.score is None:
        return {}
    main = [job for job in done if not _swept(work, job)]
    titles = {job: work.title(job) for job in main}
    return {titles[job]: done[job]["norm"] for job in main}
