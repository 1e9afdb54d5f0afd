"""Certify images by randomized smoothing, and attack them; every part resumes.

The work is a list of jobs: the certificates, then the attack at each radius. A job
goes through the images in chunks, and each chunk is stored as one file under
``parts``. What is stored is not computed again; an image's key is folded from the
seed, the job and the image's own index alone.

Keys by role: certificates, attacks, answers.
"""

import pathlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.sharding import Mesh
from jax.tree_util import Partial

from experiments.certification.config import (
    Certification,
)
from purifax import attack, certify, classify, data
from purifax.attack import pgd_attack
from purifax.certify import smoothing
from purifax.evaluation import (
    images as subjects,
)
from purifax.evaluation import (
    networks as roles,
)
from purifax.evaluation import predictions
from purifax.evaluation.batches import padded
from purifax.evaluation.store import Arrays, Parts, joined
from purifax.purify import DDS, Prior
from purifax.run import devices, workdir
from purifax.run.progress import Progress
from purifax.run.stop import Stop
from purifax.threat import L2
from purifax.types import Classifier, Model
from purifax.weights import priors

__all__ = ["Run", "model", "run", "set_up"]


@dataclass(frozen=True)
class Run:
    """What a certification is made of; nothing here changes while it runs.

    Attributes:
        model: one draw of what is smoothed.
        k_certify, k_attack, k_answer: keys by role.
    """

    config: Certification
    folder: pathlib.Path
    mesh: Mesh
    images: data.Images
    model: Model
    k_certify: Array
    k_attack: Array
    k_answer: Array
    hashes: dict[str, str]

    @property
    def chunk(self) -> int:
        """Images worked on at once: a share for each device."""
        size = self.mesh.shape["batch"]
        return size * max(1, min(self.config.chunk, len(self.images)) // size)


def set_up(config: Certification, folder: pathlib.Path, data_dir: str | None) -> Run:
    """Checks the config, loads images and networks, and claims the work directory.

    Raises:
        ValueError: a config that cannot be run, or a folder of another config.
        FileNotFoundError: a network's work directory is not there.
    """
    _check(config)
    workdir.check(folder, config)
    images = subjects.chosen(config.images, data_dir)
    if config.attacked > len(images):
        raise ValueError(
            f"attacked={config.attacked}, but images.count is {len(images)}."
        )
    shape = images.images.shape[1:]
    known = priors.load(config.score)
    roles.fits(config.score, shape, "score")
    classifier = roles.classifier(config.classifier, shape)
    once = model(config, known, classifier)
    workdir.claim(folder, config)
    networks = {"score": known.network, "classifier": classifier}
    hashes = {"images": subjects.fingerprint(images)} | {
        role: workdir.fingerprint(net.variables) for role, net in networks.items()
    }
    worth = devices.worth(shape)
    mesh = devices.grid(min(config.chunk, len(images)), worth=worth)
    keys = jax.random.split(jax.random.key(config.seed), 3)
    return Run(config, folder, mesh, images, once, *keys, hashes)


def _check(config: Certification) -> None:
    """Refuses a purifier or an attack that makes no certificate."""
    if hasattr(config.purifier, "uncalibrated"):
        name = type(config.purifier).__name__
        raise ValueError(
            f"the purifier {name} has no place under smoothing: every image it sees is "
            "noised. Use ADP, OneStep or Rounds."
        )
    if config.attack.gradient != "exact":
        raise ValueError(
            "certification attacks through the purifier: attack.gradient must be "
            f"exact; got {config.attack.gradient}."
        )
    if config.attack.at_once is not None:
        raise ValueError(
            "attack.at_once is not for certification, whose at_once bounds the memory."
        )


def model(config: Certification, prior: Prior, classifier: Classifier) -> Model:
    """One draw of what is smoothed: purify the noised image, then classify."""
    made = config.purifier
    if isinstance(made, DDS) and made.sigma is None:
        made = replace(made, sigma=config.sigma)
    purifier = Partial(_same) if made is None else made.build(prior)
    if not config.copies:
        return Partial(classify.defend, purifier=purifier, classifier=classifier)
    return Partial(
        certify.diffsmooth,
        purifier=purifier,
        classifier=classifier,
        copies=jnp.arange(config.copies),
        sigma=config.copies_sigma,
    )


def _same(key: Array, x: Array) -> Array:
    del key
    return x


def run(work: Run, stop: Stop) -> dict[float | None, Arrays] | None:
    """Does all jobs; None if it was asked to stop before the end.

    Returns:
        Under None the certificates, by image: "predicted" [N], -1 where it abstains,
        "radius" [N], and their counts "first" and "second" [N, K]. Under each radius
        attacked, and 0, of the first `attacked` images: "answered" [A], the class most
        often voted for, and "distance" [A].
        Each with the "seconds" spent.
    """
    config, count = work.config, len(work.images)
    tell = predictions.mapped(_certifier(config, work.model), work.mesh)
    jobs: list[tuple[float | None, str, int, Callable]] = [
        (None, "certificates", count, lambda i, x, y: tell(work.k_certify, i, x))
    ]
    for radius in dict.fromkeys((0.0, *config.radii)) if config.attacked else ():
        broken = _breaker(work, radius)
        jobs.append((radius, f"L2-{radius:.6g}", config.attacked, broken))
    parts, done = Parts(work.folder), {}
    for number, (radius, name, most, make) in enumerate(jobs):
        shown = Progress(f"{number + 1}/{len(jobs)} {name}", 0, most, unit="image")
        found = []
        for start in range(0, most, work.chunk):
            if stop.asked:
                shown.close()
                return None
            found.append(parts.get(f"{name}-{start}", _Chunk(work, start, make)))
            shown.update(min(start + work.chunk, most))
        shown.close()
        done[radius] = joined(found, most)
    done[None] = _certificates(config, done[None])
    return done


def _rows(count: int, most: int) -> Array:
    """0 .. count - 1 in equal rows of `most` or fewer, which bounds the memory."""
    width = next(n for n in range(min(count, most), 0, -1) if count % n == 0)
    return jnp.arange(count).reshape(-1, width)


def _certifier(config: Certification, model: Model) -> Partial:
    """`(key, x) -> {"first": [K], "second": [K]}`, the counts of a certificate."""
    tally = Partial(smoothing.counts, model=model, sigma=config.sigma)
    return Partial(
        _tallied,
        first=Partial(tally, draws=_rows(config.selection, config.at_once)),
        second=Partial(tally, draws=_rows(config.draws, config.at_once)),
    )


def _tallied(key: Array, x: Array, first: Partial, second: Partial) -> dict:
    k_first, k_second = jax.random.split(key)
    return {"first": first(k_first, x), "second": second(k_second, x)}


def _certificates(config: Certification, counts: Arrays) -> Arrays:
    """The counts with what they certify: "predicted" and "radius" [N]."""
    decide = Partial(
        smoothing.decide, sigma=config.sigma, trials=config.draws, alpha=config.alpha
    )
    predicted, radius = jax.vmap(decide)(counts["first"], counts["second"])
    found = {"predicted": np.asarray(predicted), "radius": np.asarray(radius)}
    return {**counts, **found}


def _breaker(work: Run, radius: float) -> Callable[..., dict[str, Array]]:
    """`(index, images, labels)`: attacks at a radius, and what is then answered."""
    config, sigma = work.config, work.config.sigma
    draw = Partial(certify.noised, model=work.model, sigma=sigma)
    votes = _rows(config.votes, config.at_once)
    vote = Partial(smoothing.counts, model=work.model, sigma=sigma, draws=votes)
    attacked = predictions.mapped(_attack(config, draw, radius), work.mesh)
    voted = predictions.mapped(vote, work.mesh)

    def broken(index: Array, x: Array, label: Array) -> dict[str, Array]:
        x_adv = attacked(work.k_attack, index, x, label) if radius else x
        found = voted(work.k_answer, index, x_adv)
        distance = jnp.sqrt(jnp.sum(jnp.square(x_adv - x), axis=(1, 2, 3)))
        return {"answered": jnp.argmax(found, axis=-1), "distance": distance}

    return broken


def _attack(config: Certification, draw: Model, radius: float) -> Partial:
    """PGD on the mean probability over draws of the smoothing (SmoothAdv)."""
    budget = config.attack

    def seen(draws: int) -> Model:
        return Partial(classify.mean_probabilities, model=draw, draws=jnp.arange(draws))

    threat = L2(radius=radius)
    common = budget.common(threat) | {
        "model": seen(budget.eot),
        "step_sizes": budget.sizes(threat),
    }
    once, path = Partial(attack.pgd, **common), Partial(pgd_attack.pgd_path, **common)
    return budget.selected(once, path, seen(budget.judge), common["loss"])


@dataclass(frozen=True)
class _Chunk:
    """Makes one chunk of a job."""

    work: Run
    start: int
    make: Callable[..., dict[str, Array]]

    def __call__(self) -> Arrays:
        began, images = time.monotonic(), self.work.images
        rows = (self.start, self.work.chunk)
        x = data.augment.to_float(jnp.asarray(padded(images.images, *rows)))
        label = jnp.asarray(padded(images.labels, *rows))
        index = jnp.asarray(padded(images.index, *rows).astype(np.int32))
        found = jax.block_until_ready(self.make(index, x, label))
        arrays = {name: np.asarray(array) for name, array in found.items()}
        return arrays | {"seconds": np.array([time.monotonic() - began])}
