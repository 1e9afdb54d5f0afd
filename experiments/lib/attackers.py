"""What makes the adversarial images of a job, chunk by chunk.

Most attacks are one mapped function. AutoAttack runs on all images of the job at once,
since what one component breaks the next does not see; and the deterministic white box
has an image, and an answer of its own, for each key.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.lib import answers, attacks, auto
from experiments.lib.config_evaluation import Attack
from experiments.lib.jobs import Job, Run
from experiments.lib.parts import Arrays, Parts
from experiments.lib.stop import Stop
from purifax import data
from purifax.threat import Threat

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


Attacker = Callable[[Array, Array, Array], Made]
"""`(index, images, labels) -> Made`."""


def attacker(work: Run, job: Job, stop: Stop) -> Attacker:
    """The attacker of a job."""
    if job.attack == "clean":
        return lambda index, images, labels: Made(images)
    if job.attack in attacks.AUTO:
        return _Auto(work, job, stop)
    if job.attack == "fixed_key":
        return _fixed_key(work, job)
    threat = attacks.threat(work.config, job.radius)
    bound = attacks.bind(job.attack, _budget(work, job), work.world, threat)
    key, mapped = _key(work, job), answers.mapped(bound, work.mesh)
    return lambda index, images, labels: Made(mapped(key, index, images, labels))


def _budget(work: Run, job: Job) -> Attack:
    return getattr(work.config, job.attack)


def _key(work: Run, job: Job) -> Array:
    """By the name of the attack: a new attack changes no other's draws."""
    return jax.random.fold_in(work.k_attacks, zlib.crc32(job.attack.encode()))


def _fixed_key(work: Run, job: Job) -> Attacker:
    """An image for each answer; the one stored is the first key's."""
    threat = attacks.threat(work.config, job.radius)
    keys = work.config.keys
    fixed = attacks.fixed_key(_budget(work, job), work.world, threat, keys)
    run = answers.mapped(Partial(_known, fixed=fixed, threat=threat), work.mesh)

    def make(index: Array, images: Array, labels: Array) -> Made:
        secrets = jax.vmap(lambda i: jax.random.fold_in(work.k_answers, i))(index)
        x_adv, told = run(_key(work, job), index, images, labels, secrets)
        return Made(x_adv, told)

    return make


def _known(
    key: Array, x: Array, label: Array, secret: Array, fixed: Callable, threat: Threat
) -> tuple[Array, dict[str, Array]]:
    images, logits = fixed(key, x, label, secret)
    furthest = jnp.max(jax.vmap(lambda x_adv: threat.distance(x_adv, x))(images))
    return images[0], {**jax.vmap(answers.pooled)(logits), "distance": furthest}


class _Auto:
    """AutoAttack on all images of a job, made when the first chunk asks."""

    def __init__(self, work: Run, job: Job, stop: Stop) -> None:
        self._work, self._job, self._stop = work, job, stop
        self._found: auto.Worst | None = None

    def __call__(self, index: Array, images: Array, labels: Array) -> Made:
        first = self._found is None
        found = self._found = self._found or self._run()
        numbers = self._work.images.index[: self._job.count].tolist()
        place = {number: row for row, number in enumerate(numbers)}
        rows = [place[number] for number in np.asarray(index).tolist()]
        seconds = sum(step.seconds for step in found.steps) if first else 0.0
        return Made(jnp.asarray(found.x_adv[rows]), seconds=seconds)

    def _run(self) -> auto.Worst:
        work, job = self._work, self._job
        images = work.images.take(np.arange(job.count))
        parts = Parts(work.folder)

        def keep(name: str, make: Callable[[], Arrays]) -> Arrays:
            self._stop.check()
            return parts.get(f"{job.name}-{name}", make)

        components, judge = attacks.components(
            job.attack,
            _budget(work, job),
            work.world,
            attacks.threat(work.config, job.radius),
            len(images.names),
        )
        found = auto.run_auto(
            _key(work, job),
            np.asarray(data.augment.to_float(jnp.asarray(images.images))),
            images.labels,
            components,
            judge,
            work.mesh,
            chunk=work.chunk,
            index=images.index,
            keep=keep,
        )
        keep("components", lambda: _counted(found))
        return found


def _counted(found: auto.Worst) -> Arrays:
    """What each component was run on and what it broke."""
    return {
        "name": np.array([step.name for step in found.steps]),
        "attacked": np.array([step.attacked for step in found.steps]),
        "broken": np.array([step.broken for step in found.steps]),
    }
