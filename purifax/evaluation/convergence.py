"""Has the attack converged? Accuracy over its iterations, draws and restarts.

One run of the most iterations gives all shorter ones, since the steps of PGD are equal:
its iterates are answered like any other adversarial image. Every chunk of every line is
stored like the parts of the evaluation, and not computed again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import jax
import numpy as np
from jax import numpy as jnp

from purifax.evaluation import attacks, predictions
from purifax.evaluation.batches import padded
from purifax.evaluation.images import pixels
from purifax.evaluation.plan import Run
from purifax.evaluation.store import Arrays
from purifax.report.types import Curve, curve
from purifax.run.progress import Progress
from purifax.run.stop import Stop
from purifax.types import Attack as Attacker

__all__ = ["run"]


@dataclass(frozen=True)
class _Line:
    """One line of a picture: `attack` makes an image for each entry of `x`.

    `attack` is `(key, x, label) -> [K, H, W, C]`.
    """

    picture: str
    name: str
    x: tuple[int, ...]
    attack: Attacker


def run(work: Run, stop: Stop) -> tuple[Curve, ...] | None:
    """The curves asked for; None if it was asked to stop before the end."""
    asked = work.config.surface
    count = min(asked.images, len(work.images))
    lines = list(_lines(work))
    respond = predictions.mapped(
        predictions.answers(work.world, work.config.keys), work.mesh
    )
    found = []
    for line in lines:
        shown = Progress(f"{line.picture}, {line.name}", 0, count, unit="image")
        classes = []
        for start in range(0, count, work.chunk):
            if stop.asked:
                shown.close()
                return None
            name = f"{line.picture}-{asked.attack}-{line.name.replace(' ', '')}-{start}"
            make = _Chunk(work, line, start, respond)
            classes.append(work.parts.get(name, make)["classes"])
            shown.update(min(start + work.chunk, count))
        shown.close()
        found.append(_curve(work, line, np.concatenate(classes)[:count]))
    return tuple(found)


def _lines(work: Run) -> Iterator[_Line]:
    config, asked = work.config, work.config.surface
    made = config.attack(asked.attack)
    threat = attacks.threat(config, config.radius)
    target = work.world.target()
    for eot in asked.eot if asked.steps else ():
        longest = replace(made.alone(), steps=max(asked.steps), eot=eot)
        bound = longest.iterates(target, threat, jnp.array(asked.steps))
        yield _Line("iterations", f"EOT {eot}", asked.steps, bound)
    if asked.restarts:
        bounds = [
            replace(made.alone(), restarts=r).build(target, threat)
            for r in asked.restarts
        ]
        attack = jax.tree_util.Partial(_each, attacks=tuple(bounds))
        yield _Line("restarts", "best start", asked.restarts, attack)


def _each(
    key: jax.Array, x: jax.Array, label: jax.Array, attacks: tuple[Attacker, ...]
) -> jax.Array:
    """The image of each attack, all from the same key."""
    return jnp.stack([attack(jax.random.clone(key), x, label) for attack in attacks])


@dataclass(frozen=True)
class _Chunk:
    """Makes one chunk of a line: the classes answered, [n, K, M]."""

    work: Run
    line: _Line
    start: int
    respond: Callable[..., dict[str, jax.Array]]

    def __call__(self) -> Arrays:
        work, rows = self.work, (self.start, self.work.chunk)
        x = pixels(padded(work.images.images, *rows))
        label = jnp.asarray(padded(work.images.labels, *rows))
        index = jnp.asarray(padded(work.images.index, *rows).astype(np.int32))
        made = predictions.mapped(self.line.attack, work.mesh)(
            work.k_surface, index, x, label
        )
        rule = work.config.pooling
        told = [
            np.asarray(self.respond(work.k_answers, index, made[:, k])[rule][:, :, -1])
            for k in range(len(self.line.x))
        ]
        return {"classes": np.stack(told, axis=1)}


def _curve(work: Run, line: _Line, classes: np.ndarray) -> Curve:
    label = work.images.labels[: len(classes), None, None]
    made = work.config.attack(work.config.surface.attack)
    return curve(
        line.picture,
        line.name,
        line.x,
        (classes == label).mean(-1),
        keys=classes.shape[-1],
        gradient=made.reported,
        panel=made.title,
    )
