"""From the answers of an evaluation to what its report shows."""

import dataclasses
from collections.abc import Iterator, Mapping

import jax
import numpy as np
from jax import numpy as jnp

from purifax import data
from purifax.evaluation import attacks, gradient_proof, predictions
from purifax.evaluation.cost import cost
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.plan import Job, Run
from purifax.evaluation.result_curves import by_runs, by_steps
from purifax.evaluation.settings import ATTACKS
from purifax.evaluation.store import Arrays, Parts
from purifax.record import Record
from purifax.report import plots_detection
from purifax.report.pictures import Pictures
from purifax.report.types import ONE_RUN, Curve, Findings, Result
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
    probe: Mapping[str, tuple[float, ...]] | None = None,
) -> Findings:
    """Everything the report is made of.

    Args:
        surface, probe: what `surface.run` and `probe.run` gave.
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
        results=tuple(r for job in main for r in _results(work, job, done, models)),
        sweep=tuple(r for job in swept for r in _results(work, job, done, models[:2])),
        curves=(*by_runs(work, main[:1], done), *by_runs(work, main[1:][-1:], done))
        + (*by_steps(work, {main[0]: None, strongest: None}, done), *surface),
        pictures=_pictures(work, strongest, done),
        models=_models(work),
        seeds={"all keys": config.seed, "images": config.images.seed},
        versions=workdir.versions(),
        hashes=work.hashes,
        settings=_settings(work),
        seconds=seconds,
        command=command,
        notes=(*detection(norms(work, done)), *_broken(work, done)),
        probe=probe or {},
        gradient=gradient_proof.proof(Parts(work.folder)),
    )


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
    title, gradient = ATTACKS.get(job.attack, ("no attack", "none"))
    for model in models:
        yield Result(
            model=model,
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
    if work.config.defence.method == "none":
        return ("undefended",)
    alone = (ONE_RUN,) if work.config.defence.runs > 1 else ()
    return ("undefended", "defended", *alone)


def _bare(work: Run, job: Job) -> str:
    """The gradient an attack goes by on the bare classifier.

    The blind one is made there; to it, those on the defended model are strangers'.
    """
    if work.config.defence.method == "none":
        return ATTACKS.get(job.attack, ("", "none"))[1]
    return {"clean": "none", "blind": "exact"}.get(job.attack, "transfer")


def _classes(work: Run, told: Arrays, model: str) -> jax.Array:
    """What a model answers, [N, M]; every run of every key counts for "one run"."""
    if model == "undefended":
        return jnp.asarray(told["bare"][:, None])
    if model == ONE_RUN:
        return jnp.asarray(told["single"].reshape(len(told["single"]), -1))
    return jnp.asarray(told[work.config.defence.rule][:, :, -1])


def _budget(work: Run, job: Job) -> dict[str, int | float | str]:
    if job.attack == "clean":
        return {}
    budget = dataclasses.asdict(getattr(work.config, job.attack))
    del budget["at_once"]
    judging = ("hammer", "autoattack_stochastic")
    only = {
        "directions": ("spsa",),
        "weight": ("deviate",),
        "shorter": ("surrogate_steps",),
        "queries": attacks.AUTO,
    }
    for field, names in only.items():
        if job.attack not in names:
            del budget[field]
    if budget["candidates"] == budget["restarts"] == 1 and job.attack not in judging:
        del budget["judge"]
    return budget | {"step_size": budget["step_size"] * job.radius}


def _evaluations(work: Run, job: Job) -> int | None:
    """Forward passes for all images: of the attack, or of one answer where clean."""
    config = work.config
    if job.attack == "clean":
        return job.count * defences.evaluations(config.defence) * config.defence.runs
    budget = getattr(config, job.attack)
    one = cost(job.attack, budget, config)
    return None if one is None else job.count * one


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
        clean=np.asarray(data.augment.to_float(images)),
        attacked=np.asarray(x_adv),
        purified=states[:, -1],
        label=work.images.labels[:count],
        clean_class=clean["bare"][:count],
        attacked_class=done[job]["bare"][:count],
        purified_class=after,
        attack=ATTACKS[job.attack][0],
        names=work.images.names,
        **({"film": states[:FILMED], "steps": steps} if steps else {}),
    )


def _models(work: Run) -> dict[str, str]:
    config = work.config
    defence = config.defence
    undefended = {"undefended": f"the classifier of {config.classifier}"}
    if defence.method == "none":
        return undefended
    return undefended | {
        "defended": (
            f"{defences.words(defence, config.score, config.energy)}, "
            f"{defence.runs} runs pooled by {defence.rule}, then the same classifier"
        ),
        ONE_RUN: "the defended model with one run an answer, on the same images",
    }


def _settings(work: Run) -> dict[str, int | float | str]:
    """The defence as plain values, and the threshold in force, if it has one."""
    given = dataclasses.asdict(work.config.defence)
    plain = {
        f"defence.{k}": str(v) if isinstance(v, tuple) else v for k, v in given.items()
    }
    if defences.has_limit(work.config.defence):
        plain["threshold"] = work.world.limit
    return plain


def detection(norms: dict[str, np.ndarray]) -> Iterator[str]:
    """How well the length of the score tells attacked images from clean ones."""
    clean = next(iter(norms), None)
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
        if job.attack in attacks.AUTO:
            told = Parts(work.folder).get(f"{job.name}-components", dict)
            rows = zip(*(told[n] for n in ("name", "attacked", "broken")), strict=True)
            words = "; ".join(f"{n} broke {b} of {a}" for n, a, b in rows)
            yield f"{ATTACKS[job.attack][0]} at radius {job.radius:.6g}: {words}."


def norms(work: Run, done: dict[Job, Arrays]) -> dict[str, np.ndarray]:
    """Lengths of the score by attack at the main radius, the clean images first.

    Empty where there is no score.
    """
    if work.world.score is None:
        return {}
    main = [job for job in done if not _swept(work, job)]
    titles = {job: ATTACKS.get(job.attack, ("no attack", ""))[0] for job in main}
    return {titles[job]: done[job]["norm"] for job in main}
