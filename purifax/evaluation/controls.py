"""Controls of a purifier: what it is worth to have more than noise, or than JPEG.

    noise    the purifier's own noise and samples, without its network
    jpeg     JPEG of the quality whose clean accuracy is nearest to the purifier's, of
             several the lowest
    blur     Gaussian blur, chosen likewise

Each control is a defence of its own before the same classifier, and is attacked by the
exact attacks of the evaluation as that defence (and by its BPDA where the control
rounds); none is judged by images that were made against the purifier. The quality and
the width are chosen by the clean accuracy on the evaluated images, which no attack has
touched.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.evaluation import attacks, engine, predictions
from purifax.evaluation.batches import padded
from purifax.evaluation.images import pixels
from purifax.evaluation.plan import Job, Run
from purifax.evaluation.store import Arrays
from purifax.purify import JPEG, Prior
from purifax.purify.gaussian_blur import Blur
from purifax.report.types import NOISE_ALONE
from purifax.run.progress import say
from purifax.run.stop import Stop
from purifax.types import Purifier

__all__ = ["Control", "compression", "compressions", "run"]

_QUALITIES = (95, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5)
_WIDTHS = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0)
_COMPRESSED = 32
"""Images on which the compression rate is measured, at most."""


@dataclass(frozen=True)
class Control:
    """One control.

    Attributes:
        model: what it is called in the report.
        work: its evaluation.
        done: as `engine.run` gave it.
    """

    model: str
    work: Run
    done: dict[Job, Arrays]


def run(work: Run, done: dict[Job, Arrays], stop: Stop) -> list[Control] | None:
    """Evaluates the controls; None if it was asked to stop before the end.

    Args:
        done: of the evaluation itself.
    """
    found = []
    for name in work.config.controls if work.config.purifier is not None else ():
        made = _recipe(work, name, done)
        attacked = {} if made is None else _attacks(work, made)
        if made is None or not attacked:
            continue
        say(f"control: {made.words()}")
        inside = _work(work, name, made, attacked)
        told = engine.run(inside, stop, prove=False)
        if told is None:
            return None
        found.append(Control(_title(name, made), inside, told))
    return found


def _title(name: str, made: Any) -> str:
    if name == "noise":
        return NOISE_ALONE
    return made.words()


def _work(work: Run, name: str, made: Any, attacked: dict[str, Any]) -> Run:
    """The evaluation of a control, whose parts lie among those of the evaluation."""
    config = replace(
        work.config,
        purifier=made,
        attacks=attacked,
        samples=work.config.samples if name == "noise" else 1,
        keys=work.config.keys if name == "noise" else 1,
        sweep=(),
        swept=(),
        controls=(),
    )
    world = replace(work.world, recipe=made, samples=config.samples, keys=config.keys)
    return replace(
        work, config=config, world=world, parts=work.parts.under(f"control-{name}-")
    )


def _attacks(work: Run, made: Any) -> dict[str, Any]:
    """The attacks of the evaluation that know a control's own gradient."""
    config = replace(work.config, purifier=made)
    found = {
        name: each
        for name, each in work.config.attacks.items()
        if each.reported == "exact" and attacks.fits(name, each, config)
    }
    through = {
        f"{name}_bpda": replace(each, gradient="bpda")
        for name, each in found.items()
        if isinstance(made, JPEG) and hasattr(each, "gradient")
    }
    return found | through


def _recipe(work: Run, name: str, done: dict[Job, Arrays]) -> Any:
    """The recipe of a control; None where the purifier has no noise of its own."""
    if name == "noise":
        alone = getattr(work.world.recipe, "noise_alone", None)
        return None if alone is None else alone(work.world.prior)
    job = work.jobs[0]
    told, labels = done[job][work.config.pooling][:, :, -1], work.images.labels
    wanted = float((told == labels[:, None]).mean())
    family = [JPEG(quality=q) for q in _QUALITIES]
    if name == "blur":
        family = [Blur(width=w) for w in _WIDTHS]
    part = work.parts.get(f"control-{name}-clean", _Clean(work, family))
    gaps = np.abs(part["accuracy"] - wanted)
    return family[np.flatnonzero(gaps == gaps.min())[-1]]


@dataclass(frozen=True)
class _Clean:
    """The clean accuracy of each of a family of purifiers."""

    work: Run
    family: list[Any]

    def __call__(self) -> Arrays:
        return {"accuracy": np.array([self._of(made) for made in self.family])}

    def _of(self, made: Any) -> float:
        work, purifier = self.work, made.build(Prior())
        answer = Partial(_class, purifier=purifier, classifier=work.world.classifier)
        respond = predictions.mapped(answer, work.mesh)
        right = []
        for start in range(0, len(work.images), work.chunk):
            rows = (start, work.chunk)
            index = jnp.asarray(padded(work.images.index, *rows).astype(np.int32))
            x = pixels(padded(work.images.images, *rows))
            told = np.asarray(respond(work.k_answers, index, x))
            right.append(told == padded(work.images.labels, *rows))
        return float(np.concatenate(right)[: len(work.images)].mean())


def _class(key: Array, x: Array, purifier: Purifier, classifier: Any) -> Array:
    return jnp.argmax(classifier(purifier(key, x)))


def compressions(work: Run, found: list[Control]) -> Iterator[tuple[str, list[float]]]:
    """The compression rates of the purifier and of its controls, by model and image."""
    runs = [("defended", work), *((each.model, each.work) for each in found)]
    for model, each in runs if work.config.purifier is not None else ():
        part = each.parts.get("compression", _Compression(each))
        yield model, part["rate"].tolist()


@dataclass(frozen=True)
class _Compression:
    """The compression rate of a purifier on the first images."""

    work: Run

    def __call__(self) -> Arrays:
        work, size = self.work, self.work.mesh.shape["batch"]
        count = min(_COMPRESSED, len(work.images))
        rows = (0, -(-count // size) * size)
        rate = Partial(
            compression,
            purifier=work.world.fast(),
            distance=work.config.radius,
        )
        x = pixels(padded(work.images.images, *rows))
        index = jnp.asarray(padded(work.images.index, *rows).astype(np.int32))
        found = predictions.mapped(rate, work.mesh)(work.k_probe, index, x)
        return {"rate": np.asarray(found)[:count]}


def compression(
    key: Array, x: Array, purifier: Purifier, *, distance: Array | float
) -> Array:
    """How far a purifier brings two images together: below 1 it contracts.

        |P(x + u) - P(x)| / |u|,    u of random signs, clipped to the image's range

    under one key of the purifier. As `distance` goes to 0 it is the gain of the
    purifier's Jacobian along u; at the radius of an attack it needs no derivative.

    Args:
        x: [H, W, C].
        distance: of the two images in each pixel; the radius of an attack.

    Returns:
        [].

    Source: Liu and Wei 2025, arXiv 2505.22839, whose estimator is not known to us.

    >>> half = lambda key, x: x / 2
    >>> key, x = jax.random.key(0), jnp.full((2, 2, 1), 0.5)
    >>> float(compression(key, x, half, distance=0.1).round(4))
    0.5
    """
    k_signs, k_run = jax.random.split(key)
    signs = jax.random.rademacher(k_signs, x.shape, x.dtype)
    beside = jnp.clip(x + distance * signs, 0.0, 1.0)
    apart = purifier(k_run, beside) - purifier(jax.random.clone(k_run), x)
    return jnp.linalg.norm(apart.ravel()) / jnp.linalg.norm((beside - x).ravel())
