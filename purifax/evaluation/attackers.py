"""What makes the adversarial images of a job, chunk by chunk.

Most attacks are one function, run in segments whose state is stored beside the chunk.
AutoAttack runs on all images of the job at once, since what one component breaks the
next does not see; and the deterministic white box has an image, and an answer of its
own, for each key.

With fewer images than devices, the draws of a gradient are shared out as well.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.evaluation import attacks, autoattack, predictions
from purifax.evaluation.images import pixels
from purifax.evaluation.plan import Job, Run
from purifax.evaluation.resumable import Segments
from purifax.evaluation.store import Arrays
from purifax.run import devices
from purifax.run.stop import Stop
from purifax.threat import Threat
from purifax.transform import remat
from purifax.transform.remat import Scan

__all__ = ["Attacker", "Made", "attacker"]


@dataclass(frozen=True)
class Made:
    """The adversarial images of one chunk.

    Attributes:
        x_adv: [n, H, W, C].
        told: answers that are the attack's own, in place of those to x_adv.
        seconds: spent, where the chunk's own time is not it.
    """

    x_adv: Array
    told: Mapping[str, Array] = field(default_factory=dict)
    seconds: float | None = None


Attacker = Callable[[str, Array, Array, Array], Made]
"""`(name, index, images, labels) -> Made`, by the name of the chunk's part."""


def attacker(work: Run, job: Job, rows: np.ndarray, stop: Stop) -> Attacker:
    """The attacker of a job, on the images in these rows."""
    if job.attack == "clean":
        return lambda name, index, images, labels: Made(images)
    work, made = _spread(work, job), work.config.attack(job.attack)
    if hasattr(made, "components"):
        return _Auto(work, job, rows, stop)
    threat = attacks.threat(work.config, job.radius)
    bound = made.build(work.world.target(), threat)
    if hasattr(made, "answering"):
        return _fixed_key(work, job, stop, bound, threat)
    run = _segments(work, job, stop, bound)

    def make(name: str, index: Array, images: Array, labels: Array) -> Made:
        x_adv, seconds = run(name, index, images, labels)
        return Made(x_adv, seconds=seconds)

    return make


def _spread(work: Run, job: Job) -> Run:
    """The run on devices that share its EOT samples, where images leave some idle."""
    made = work.config.attack(job.attack)
    samples = attacks.shared(made, work.config.samples)
    mesh = devices.spread(work.mesh, samples)
    images, shares = work.chunk // mesh.shape["batch"], mesh.shape["draw"]
    world = replace(work.world, shares=shares)
    if work.config.memory:
        chains = images * samples // shares
        kept = remat.Within(int(work.config.memory * 2**30) // chains)
        world = replace(world, scan=kept)
    return replace(work, mesh=mesh, world=world)


def _segments(work: Run, job: Job, stop: Stop, attack: Callable) -> Segments:
    return Segments(attack, work.mesh, _key(work, job), work.parts, stop)


def _key(work: Run, job: Job) -> Array:
    """By the name of the attack: a new attack changes no other's draws."""
    return jax.random.fold_in(work.k_attacks, zlib.crc32(job.attack.encode()))


def _fixed_key(
    work: Run, job: Job, stop: Stop, fixed: Callable, threat: Threat
) -> Attacker:
    """An image for each answer; the one stored is the first key's."""
    run = _segments(work, job, stop, Partial(_known, fixed=fixed, threat=threat))

    def make(name: str, index: Array, images: Array, labels: Array) -> Made:
        secrets = jax.vmap(lambda i: jax.random.fold_in(work.k_answers, i))(index)
        (x_adv, told), seconds = run(name, index, images, labels, secrets)
        return Made(x_adv, told, seconds)

    return make


def _known(
    key: Array,
    x: Array,
    label: Array,
    secret: Array,
    fixed: Callable,
    threat: Threat,
    scan: Scan,
) -> tuple[Array, dict[str, Array]]:
    images, logits = fixed(key, x, label, secret, scan=scan)
    furthest = jnp.max(jax.vmap(lambda x_adv: threat.distance(x_adv, x))(images))
    return images[0], {**jax.vmap(predictions.classes)(logits), "distance": furthest}


class _Auto:
    """AutoAttack on all images of a job, made when the first chunk asks."""

    def __init__(self, work: Run, job: Job, rows: np.ndarray, stop: Stop) -> None:
        self._work, self._job, self._rows, self._stop = work, job, rows, stop
        self._found: autoattack.Worst | None = None

    def __call__(self, name: str, index: Array, images: Array, labels: Array) -> Made:
        del name, images, labels
        first = self._found is None
        found = self._found = self._found or self._run()
        numbers = self._work.images.index[self._rows].tolist()
        place = {number: row for row, number in enumerate(numbers)}
        rows = [place[number] for number in np.asarray(index).tolist()]
        seconds = sum(step.seconds for step in found.steps) if first else 0.0
        return Made(jnp.asarray(found.x_adv[rows]), seconds=seconds)

    def _run(self) -> autoattack.Worst:
        work, job = self._work, self._job
        images = work.images.take(self._rows)
        parts = work.parts.under(f"{job.name}-")
        components, judge = work.config.attack(job.attack).build(
            work.world.target(),
            attacks.threat(work.config, job.radius),
            len(images.names),
        )
        found = autoattack.run_auto(
            _key(work, job),
            np.asarray(pixels(images.images)),
            images.labels,
            components,
            judge,
            work.mesh,
            chunk=work.chunk,
            index=images.index,
            parts=parts,
            stop=self._stop,
        )
        parts.get("components", lambda: _counted(found))
        return found


def _counted(found: autoattack.Worst) -> Arrays:
    """What each component was run on and what it broke."""
    return {
        "name": np.array([step.name for step in found.steps]),
        "attacked": np.array([step.attacked for step in found.steps]),
        "broken": np.array([step.broken for step in found.steps]),
    }
