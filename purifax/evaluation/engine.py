"""Evaluate a classifier, bare and defended, under attacks; every part resumes.

The work is a list of jobs: the clean images, then each attack at each radius. A job
goes through the images in chunks; each chunk makes its adversarial images, asks both
models about them and is stored as one file under ``parts``. Within a chunk the state of
the attack is stored every so often (see `segments`). What is stored is not computed
again, so the same command resumes, and ends in the same record: the key of an image is
folded from the seed, the attack and the image's own index alone.

With `skip_wrong` the images that are wrong as they are take no place in the chunks of
an attack, which are filled with the others; their answers are those without an attack.

Keys by role: attacks, answers, pictures, probe, surface, proof, compression. The
answers' keys are the same for clean and attacked images, and no attack sees them.
"""

import pathlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from purifax import data
from purifax.data.sources import OWN
from purifax.evaluation import (
    attackers,
    attacks,
    broken,
    networks,
    own_parts,
    predictions,
)
from purifax.evaluation.batches import padded
from purifax.evaluation.images import chosen, fingerprint, held_out, pixels
from purifax.evaluation.plan import Job, Loaded, Run
from purifax.evaluation.settings import Evaluation
from purifax.evaluation.store import Arrays, Parts, joined
from purifax.evaluation.world import World
from purifax.purify.prior import Prior
from purifax.run import devices, workdir
from purifax.run.progress import Progress, say
from purifax.run.stop import Stop, Stopped
from purifax.types import Classifier

__all__ = ["ROLES", "load", "plan", "run", "set_up"]

ROLES = ("classifier", "score", "energy", "surrogate")
"""The networks of an evaluation."""

_CALIBRATED = 512
"""Clean images on which a purifier is calibrated, at most."""


def set_up(config: Evaluation, folder: pathlib.Path, data_dir: str | None) -> Run:
    """Checks the config, loads images and networks, and claims the work directory.

    Raises:
        ValueError: a config that cannot be run, or a folder of another config.
        FileNotFoundError: a network's work directory is not there.
    """
    config.check()
    workdir.check(folder, config)
    images = chosen(config.images, data_dir)
    if config.images.name in OWN:
        say(images.summary())

    def calibration() -> np.ndarray:
        return held_out(config.images, data_dir).images

    named = {name: getattr(config, name) for name in ROLES}
    return plan(config, folder, load(config, images, named, calibration))


def load(
    config: Evaluation,
    images: data.Images,
    named: Mapping[str, Any],
    calibration: Callable[[], np.ndarray],
) -> Loaded:
    """Loads the networks of an evaluation and builds its defence.

    Args:
        named: of each of `ROLES` a name, a folder, a callable, or "" for none.
        calibration: gives clean images [N, H, W, C] that are not evaluated; called
            only by a purifier that is calibrated on such.

    Raises:
        ValueError: networks that do not fit the images, the purifier or the attacks.
    """
    shape = images.images.shape[1:]
    if not networks.called(named["classifier"], "classifier"):
        raise ValueError(
            "classifier is empty; name the classifier's work directory or weights."
        )
    found: dict[str, Any] = {
        role: networks.classifier(named[role], shape, role)
        for role in ("classifier", "surrogate")
        if networks.called(named[role], role)
    }
    purifier: Any = config.purifier
    prior = Prior()
    if purifier is not None:
        parts = (named["score"], named["energy"], config.dtype)
        inside = networks.seen(purifier, shape)
        prior = networks.prior(*parts, inside, attacks.needs(purifier))
    attacks.check_classes(config, _classes(images, found["classifier"]))
    if purifier is not None and getattr(purifier, "uncalibrated", False):
        clean = pixels(calibration()[:_CALIBRATED])
        purifier = purifier.calibrate(prior, clean)
    world = World(
        recipe=purifier,
        prior=prior,
        classifier=found["classifier"],
        surrogate=found.get("surrogate"),
        samples=config.samples,
        keys=config.keys,
    )
    target = world.target()  # refuses numbers and networks that do not fit each other
    if target.purifier is not None:
        places = (named["score"], named["energy"])
        own_parts.try_purifier(purifier, target.purifier, shape, *places)
    own_parts.try_attacks(config, target, shape)
    own_parts.try_controls(config, world, shape)
    if prior.network is not None or prior.score is not None:
        found["score"] = prior.score if prior.network is None else prior.network
    if networks.called(named["energy"], "energy"):
        found["energy"] = prior.energy
    if purifier is not None and hasattr(purifier, "place"):
        found["purifier"] = purifier.call
    hashes = {"images": fingerprint(images)}
    return Loaded(
        images, world, hashes | {n: networks.digest(net) for n, net in found.items()}
    )


def plan(config: Evaluation, folder: pathlib.Path | None, loaded: Loaded) -> Run:
    """Claims the work directory, if there is one, and lays out the evaluation.

    Raises:
        ValueError: the directory holds another config, other networks or images.
    """
    if folder is not None:
        _claim(folder, config, loaded)
    images, world = loaded.images, loaded.world
    keys = jax.random.split(jax.random.key(config.seed), 7)
    worth = devices.worth(images.images.shape[1:])
    mesh = devices.grid(min(config.chunk, len(images)), worth=worth)
    return Run(
        config,
        folder,
        mesh,
        images,
        world,
        *(keys[i] for i in range(7)),
        hashes=loaded.hashes,
        parts=Parts(folder),
    )


def _claim(folder: pathlib.Path, config: Evaluation, loaded: Loaded) -> None:
    """Makes the folder that of this config, these networks and these images."""
    workdir.check(folder, config)
    path = folder / "inputs.json"
    if path.is_file():
        stored = workdir.read_json(path, "images")
        changed = [n for n, d in loaded.hashes.items() if stored.get(n) != d]
        if changed:
            raise ValueError(
                f"{folder} holds an evaluation with other {' and '.join(changed)}: "
                "the parameters or pixels have changed since. Give another --workdir."
            )
    workdir.claim(folder, config)
    workdir.write_json(path, loaded.hashes)


def _classes(images: data.Images, classifier: Classifier) -> int:
    """How many classes the classifier tells apart; the labels must be among them."""
    classes = networks.classes(classifier, images.images.shape[1:])
    labels = images.labels
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
    parts, done = work.parts, {}
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
            broken.refuse_model(work, done[job])
        broken.refuse_attack(job, done[job]["x_adv"], work.images.index)
    return done


def _attacked(work: Run, job: Job, done: dict[Job, Arrays]) -> np.ndarray:
    """The rows of a job's images, but for those that are to be skipped.

    Skipped are images wrong under every key without an attack; not where the attack has
    answers of its own to give.
    """
    everyone = np.arange(job.count)
    answering = hasattr(work.config.attack(job.attack), "answering") if done else False
    if not work.config.skip_wrong or not done or answering:
        return everyone
    clean = done[work.jobs[0]][work.config.pooling][: job.count, :, -1]
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
        x = pixels(images.images[self.rows])
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
