"""Controls of a purifier: what it is worth to have more than noise, or than JPEG.

    noise    the purifier's own noise and samples, without its steps
    jpeg     JPEG of the quality whose clean accuracy is nearest to the purifier's, of
             several the lowest
    blur     Gaussian blur, chosen likewise
    others   a purifier by its name or "package.module:name", with its defaults

Each control is a defence of its own before the same classifier, and is attacked as that
defence by the exact attacks of the evaluation, and all but the noise by their BPDA too,
for a control may round. None is judged by images that were made against the purifier.
The quality and the width are chosen by the clean accuracy on the evaluated images,
which no attack has touched.
"""

from collections.abc import Iterator, Sequence
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
from purifax.report.words import NOISE_ALONE
from purifax.run.progress import say
from purifax.run.stop import Stop
from purifax.threat import Threat
from purifax.types import Purifier

__all__ = ["Control", "compression", "compressions", "run"]

_FAMILIES: dict[str, tuple[Any, ...]] = {
    "jpeg": tuple(JPEG(quality=q) for q in (95, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5)),
    "blur": tuple(
        Blur(width=w) for w in (0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0)
    ),
}
"""Deterministic purifiers, the mildest first, of which one is chosen."""

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
        made = _recipe(work, name, done, stop)
        if stop.asked:
            return None
        attacked = {} if made is None else _attacks(work, name, made)
        if made is None or not attacked:
            continue
        say(f"control: {made.words()}")
        inside = _work(work, name, name, made, attacked)
        told = engine.run(inside, stop)
        if told is None:
            return None
        found.append(Control(_title(name, made), inside, told))
    return found


def _title(name: str, made: Any) -> str:
    """What the control is called in the report."""
    if name == "noise":
        return NOISE_ALONE
    return made.words() if name in _FAMILIES else name


def _recipe(work: Run, name: str, done: dict[Job, Arrays], stop: Stop) -> Any:
    """The recipe of a control.

    None where the purifier has no noise of its own, or if it was asked to stop.
    """
    if name == "noise":
        alone = getattr(work.world.recipe, "noise_alone", None)
        return None if alone is None else alone(work.world.prior)
    if name not in _FAMILIES:
        return work.config.control(name)
    wanted, accuracies = _accuracy(work, done, work.config.pooling), []
    for i, made in enumerate(_FAMILIES[name]):
        inside = _work(work, name, f"{name}{i}", made, {})
        told = engine.run(inside, stop)
        if told is None:
            return None
        accuracies.append(_accuracy(inside, told, work.config.pooling))
    gaps = np.abs(np.array(accuracies) - wanted)
    return _FAMILIES[name][np.flatnonzero(gaps == gaps.min())[-1]]


def _accuracy(work: Run, done: dict[Job, Arrays], pooling: str) -> float:
    """The clean accuracy of the defended model."""
    told = done[work.jobs[0]][pooling][:, :, -1]
    return float((told == work.images.labels[:, None]).mean())


def _work(work: Run, name: str, place: str, made: Any, attacked: dict[str, Any]) -> Run:
    """The evaluation of a control, whose parts lie among those of the evaluation.

    Args:
        place: of these parts.
    """
    once = {"samples": 1, "keys": 1} if name in _FAMILIES else {}
    config = replace(
        work.config,
        purifier=made,
        attacks=attacked,
        sweep=(),
        swept=(),
        controls=(),
        **once,
    )
    prior = work.world.prior if attacks.needs(made) else Prior()
    world = replace(work.world, recipe=made, prior=prior, **once)
    parts = work.parts.under(f"control-{place.replace(':', '-')}-")
    return replace(work, config=config, world=world, parts=parts)


def _attacks(work: Run, name: str, made: Any) -> dict[str, Any]:
    """The attacks of the evaluation that know a control's own gradient."""
    config = replace(work.config, purifier=made)
    found = {
        key: each
        for key, each in work.config.attacks.items()
        if each.reported == "exact" and attacks.fits(key, each, config)
    }
    if name == "noise":
        return found
    through = {
        f"{key}_bpda": replace(each, gradient="bpda")
        for key, each in found.items()
        if hasattr(each, "gradient")
    }
    return found | through


def compressions(
    work: Run, found: Sequence[Control]
) -> Iterator[tuple[str, list[float]]]:
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
            threat=attacks.threat(work.config, work.config.radius),
        )
        x = pixels(padded(work.images.images, *rows))
        index = jnp.asarray(padded(work.images.index, *rows).astype(np.int32))
        found = predictions.mapped(rate, work.mesh)(work.k_compression, index, x)
        return {"rate": np.asarray(found)[:count]}


def compression(key: Array, x: Array, purifier: Purifier, threat: Threat) -> Array:
    """How far a purifier brings two images together: below 1 it contracts.

        |P(x + u) - P(x)| / |u|,    u a random direction at the threat's radius

    under one key of the purifier; x + u is clipped to the image's range. As the radius
    goes to 0 it is the gain of the purifier's Jacobian along u; at the radius of an
    attack it needs no derivative, so that purifiers that round have it too.

    Args:
        x: [H, W, C].
        threat: its step along random signs is u.

    Returns:
        []; NaN at a radius of 0.

    Source: Liu and Wei 2025, arXiv 2505.22839, whose estimator is not known to us.

    >>> from purifax.threat import Linf
    >>> half = lambda key, x: x / 2
    >>> key, x = jax.random.key(0), jnp.full((2, 2, 1), 0.5)
    >>> float(compression(key, x, half, Linf(0.1)).round(4))
    0.5
    """
    k_signs, k_run = jax.random.split(key)
    signs = jax.random.rademacher(k_signs, x.shape, x.dtype)
    beside = threat.project(threat.ascend(x, signs, threat.radius), x)
    apart = purifier(k_run, beside) - purifier(jax.random.clone(k_run), x)
    return jnp.linalg.norm(apart.ravel()) / jnp.linalg.norm((beside - x).ravel())
