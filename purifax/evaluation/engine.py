"""Evaluate a classifier, bare and defended, under attacks; every part resumes.

The work is a list of jobs: the clean images, then each attack at each radius. A job
goes through the images in chunks; each chunk makes its adversarial images, asks both
models about them and is stored as one file under ``parts``. Within a chunk the state of
the attack is stored every so often (see `segments`). What is stored is not computed
again, so the same command resumes, and ends in the same record: the key of an image is
folded from the seed, the attack and the image's own index alone.

With `skip_wrong` the images that are wrong as they are take no place in the chunks of
an attack, which are filled with the others; their answers are those without an attack.

Keys by role: attacks, answers, pictures, probe, surface, proof. The answers' keys are
the same for clean and attacked images, and no attack sees them.
"""

import math
import pathlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from purifax import data
from purifax.evaluation import (
    attackers,
    attacks,
    calibration,
    gradient_proof,
    predictions,
)
from purifax.evaluation import (
    images as subjects,
)
from purifax.evaluation import (
    networks as roles,
)
from purifax.evaluation.batches import padded
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.plan import Job, Run
from purifax.evaluation.settings import Evaluation
from purifax.evaluation.store import Arrays, Parts, joined
from purifax.report.types import NO_ANSWER
from purifax.run import devices, workdir
from purifax.run.progress import Progress
from purifax.run.stop import Stop, Stopped
from purifax.types import Classifier
from purifax.weights import priors

__all__ = ["Job", "Run", "run", "set_up"]


def set_up(config: Evaluation, folder: pathlib.Path, data_dir: str | None) -> Run:
    """Checks the config, loads images and networks, and claims the work directory.

    Raises:
        ValueError: a config that cannot be run, or a folder of another config.
        FileNotFoundError: a network's work directory is not there.
    """
    defences.check(config.defence)
    attacks.check(config)
    _check(config)
    workdir.check(folder, config)
    images = subjects.chosen(config.images, data_dir)
    shape = images.images.shape[1:]
    named = {"classifier": config.classifier}
    if config.surrogate:
        named["surrogate"] = config.surrogate
    prior = None
    if defences.needs_score(config.defence) or (
        config.score and config.defence.method != "none"
    ):
        prior = priors.load(config.score, config.energy, config.dtype)
        roles.fits(config.score, shape, "score")
    networks = {
        role: roles.classifier(place, shape, role) for role, place in named.items()
    }
    attacks.check_classes(config, _classes(images, networks["classifier"]))
    defences.fit(config.defence, prior)
    workdir.claim(folder, config)
    world = attacks.World(
        defence=config.defence,
        prior=prior,
        classifier=networks["classifier"],
        surrogate=networks.get("surrogate"),
    )
    if prior is not None:
        world = replace(world, limit=calibration.calibrated(config, prior, data_dir))
        networks["score"] = prior.network
        if config.energy:
            networks["energy"] = prior.energy
    hashes = {"images": subjects.fingerprint(images)} | {
        role: workdir.fingerprint(net.variables) for role, net in networks.items()
    }
    keys = jax.random.split(jax.random.key(config.seed), 6)
    worth = devices.worth(images.images.shape[1:])
    mesh = devices.grid(min(config.chunk, len(images)), worth=worth)
    return Run(config, folder, mesh, images, world, *keys, hashes)


def _check(config: Evaluation) -> None:
    """Refuses numbers with which nothing can be evaluated."""
    for name in ("keys", "chunk"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be 1 or more; got {getattr(config, name)}.")
    if not 0 <= config.memory < math.inf:
        raise ValueError(
            f"memory must be GiB of a device, 0 or more; got {config.memory}."
        )
    if not 0 <= config.radius < math.inf:
        raise ValueError(
            f"radius must be 0 or more, in [0, 1] pixel units; got {config.radius}."
        )


def _classes(images: data.Images, classifier: Classifier) -> int:
    """How many classes the classifier tells apart; the labels must be among them."""
    x = jax.ShapeDtypeStruct(images.images.shape[1:], jnp.float32)
    classes, labels = jax.eval_shape(classifier, x).shape[-1], images.labels
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels must be 0 .. {classes - 1}, the classes of the classifier; these "
            f"reach from {labels.min()} to {labels.max()}. Was it trained on other "
            "images?"
        )
    return classes


def run(work: Run, stop: Stop) -> dict[Job, Arrays] | None:
    """Does all jobs; None if it was asked to stop before the end.

    Returns:
        For each job, by image: "x_adv" [N, H, W, C], "distance" [N], the "norm" of the
        score [N], and the classes answered: "bare" [N], by pooling rule and "single"
        [N, M, S];
        and the "seconds" [2] spent on the attack and on the answers.

    Raises:
        ValueError: a model whose answer to a clean image is not finite.
    """
    parts, done = Parts(work.folder), {}
    if gradient_proof.wanted(work.config):
        gradient_proof.prove(parts, work.k_proof, work.world, work.images)
    respond = predictions.mapped(
        predictions.answers(work.world, work.config.keys), work.mesh
    )
    for number, job in enumerate(work.jobs):
        rows, found = _attacked(work, job, done), []
        shown = Progress(
            f"{number + 1}/{len(work.jobs)} {job.name}", 0, len(rows), unit="image"
        )
        attack = attackers.attacker(work, job, rows, stop)
        try:
            for start in range(0, len(rows), work.chunk):
                stop.check()
                taken, name = padded(rows, start, work.chunk), f"{job.name}-{start}"
                make = _Chunk(work, job, name, taken, attack, respond)
                found.append(parts.get(name, make))
                shown.update(min(start + work.chunk, len(rows)))
        except Stopped:
            return None
        finally:
            shown.close()
        done[job] = _filled(found, rows, job, done.get(work.jobs[0]))
        if number == 0:
            _refuse_broken_model(work, done[job])
    return done


def _refuse_broken_model(work: Run, clean: Arrays) -> None:
    """Before any attack: nothing can be said of a model that gives no numbers."""
    config = work.config
    told = {"classifier": clean["bare"][:, None]}
    told["defended model"] = clean[config.defence.rule][:, :, -1]
    for model, classes in told.items():
        lost = np.flatnonzero((classes == NO_ANSWER).any(1))
        if len(lost):
            first = work.images.index[lost[0]]
            raise ValueError(
                f"the {model}'s answers to {len(lost)} of {len(classes)} clean images "
                f"are not finite, the first of them image {first}; nothing "
                "can be said about its robustness. Look at the weights."
            )


def _attacked(work: Run, job: Job, done: dict[Job, Arrays]) -> np.ndarray:
    """The rows of a job's images, but for those that are to be skipped.

    Skipped are images wrong under every key without an attack; not where the attack has
    answers of its own to give.
    """
    everyone = np.arange(job.count)
    if not work.config.skip_wrong or not done or job.attack in attacks.ANSWERING:
        return everyone
    clean = done[work.jobs[0]][work.config.defence.rule][: job.count, :, -1]
    right = clean == work.images.labels[: job.count, None]
    return everyone[right.any(1)]


def _filled(
    found: list[Arrays], rows: np.ndarray, job: Job, clean: Arrays | None
) -> Arrays:
    """The chunks of a job joined, with the clean answers where nothing was attacked."""
    if clean is None or len(rows) == job.count:
        return joined(found, job.count)
    whole = {name: a[: job.count].copy() for name, a in clean.items()}
    whole["seconds"] = np.zeros_like(clean["seconds"])
    if found:
        attacked = joined(found, len(rows))
        whole["seconds"] = attacked.pop("seconds")
        for name, values in attacked.items():
            whole[name][rows] = values
    return whole


@dataclass(frozen=True)
class _Chunk:
    """Makes one chunk of a job: its adversarial images and what is answered to them."""

    work: Run
    job: Job
    name: str
    rows: np.ndarray
    attack: attackers.Attacker
    respond: Callable[..., Any]

    def __call__(self) -> Arrays:
        began, images = time.monotonic(), self.work.images
        x = data.augment.to_float(jnp.asarray(images.images[self.rows]))
        label = jnp.asarray(images.labels[self.rows])
        index = jnp.asarray(images.index[self.rows].astype(np.int32))
        made = self.attack(self.name, index, x, label)
        # From the host, clean and attacked images are answered by one program.
        x_adv, attacked = jnp.asarray(np.asarray(made.x_adv)), time.monotonic()
        told = self.respond(self.work.k_answers, index, x_adv)
        threat = attacks.threat(self.work.config, self.job.radius)
        arrays = {"x_adv": x_adv, "distance": jax.vmap(threat.distance)(x_adv, x)}
        arrays |= told | made.told
        arrays = {name: np.asarray(a) for name, a in arrays.items()}
        spent = attacked - began if made.seconds is None else made.seconds
        return arrays | {"seconds": np.array([spent, time.monotonic() - attacked])}
