"""A worst case over attacks, one after the other, on the images that still stand.

An image that one attack breaks is not attacked again. What is left is packed into
batches of one fixed size, the last one filled up with repeats: each attack compiles
once, and no place of a batch is spent on an image that is already broken.

A judge asks a model for one or several draws of logits on each image. An image is
broken if at most a share `allowed` of the draws is right: 0, all of them wrong, unless
told otherwise. So a single lucky draw drops nothing. The candidate that is kept is the
one with the fewest right answers, of equal ones that of higher mean margin. All
candidates of an image are judged under the same keys; final figures need others.

Each batch of each attack is stored when it is done, and while it is not, the state of
its loops is, every so often.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.sharding import Mesh
from jax.tree_util import Partial

from purifax.classify import margin
from purifax.evaluation.batches import padded
from purifax.evaluation.predictions import mapped
from purifax.evaluation.resumable import Segments
from purifax.evaluation.store import Arrays, Parts
from purifax.run.progress import Progress
from purifax.run.stop import Stop
from purifax.types import Attack, Model, as_pytree

__all__ = ["Step", "Worst", "check_images", "run_auto"]


@dataclass(frozen=True)
class Step:
    """One attack's share: images it was run on, those it broke, and seconds taken."""

    name: str
    attacked: int
    broken: int
    seconds: float


@dataclass(frozen=True)
class Worst:
    """What became of N images.

    Attributes:
        x_adv: [N, H, W, C]; the image itself where nothing was better.
        broken_by: [N], the attack that broke an image; "clean" if it was wrong as it
            was, "" if it stands.
        right: [N], share of the judge's draws that are right on x_adv.
        steps: the clean images first, then each attack.
    """

    x_adv: np.ndarray
    broken_by: np.ndarray
    right: np.ndarray
    steps: tuple[Step, ...]


def run_auto(
    key: Array,
    images: np.ndarray,
    labels: np.ndarray,
    components: Mapping[str, Attack],
    judge: Model,
    mesh: Mesh,
    *,
    chunk: int = 64,
    allowed: float = 0.0,
    index: np.ndarray | None = None,
    parts: Parts | None = None,
    stop: Stop | None = None,
) -> Worst:
    """Runs the attacks in order, each on the images that still stand.

    Args:
        images: [N, H, W, C] floats in [0, 1].
        labels: [N], integer classes.
        components: such as those of `purifax.attack.autoattack.components`.
        judge: `(key, x) -> logits`, [K] or with `classify.each` bound [S, K].
        chunk: images worked on at once; a multiple of the number of devices.
        allowed: an image is broken if at most this share of draws is right.
        index: [N], the images' own numbers, 0 .. N - 1 by default; they give keys.
        parts: where batches are stored; what is there is not made again.
        stop: is looked at between the segments of an attack.

    Raises:
        ValueError: images or labels that make no sense, or a model whose answer to a
            clean image is not finite.
        Stopped: a stop was asked for.
    """
    check_images(images, labels, _classes(judge, images))
    index = np.arange(len(images)) if index is None else index
    index = np.asarray(index, np.int32)
    batches = _Batches(key, images, labels, index, mesh, chunk, parts, stop)
    everyone = np.arange(len(images))
    (x_adv, right, score), seconds = batches.run("clean", None, judge, everyone)
    _refuse_broken_model(score, index)
    broken_by = np.where(right <= allowed, "clean", "").astype(object)
    steps = [_step("clean", everyone, broken_by, seconds)]
    for number, (name, attack) in enumerate(components.items()):
        left, seconds = np.flatnonzero(broken_by == ""), 0.0
        if len(left):
            found, seconds = batches.run(name, (number, attack), judge, left)
            fewer = found[1] < right[left]
            better = fewer | ((found[1] == right[left]) & (found[2] > score[left]))
            for kept, new in zip((x_adv, right, score), found, strict=True):
                kept[left[better]] = new[better]
            broken_by[left[right[left] <= allowed]] = name
        steps.append(_step(name, left, broken_by, seconds))
    return Worst(x_adv, broken_by.astype(str), right, tuple(steps))


def check_images(images: np.ndarray, labels: np.ndarray, num_classes: int) -> None:
    """Refuses images and labels that no attack should be run on.

    Raises:
        ValueError: images not [N, H, W, C] or not in [0, 1]; labels of another number,
            not integers, or out of range.
    """
    if images.ndim != 4 or not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"images must be floats [N, H, W, C]; got {images.dtype} {images.shape}."
        )
    if not len(images):
        raise ValueError("there are no images to attack.")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"images must lie in [0, 1]; these reach from {low} to {high}. Divide "
            "bytes by 255, and undo any normalisation: it belongs into the classifier."
        )
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers [{len(images)}]; got {labels.dtype} "
            f"{labels.shape}."
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels must be 0 .. {num_classes - 1}, the classes of the model; these "
            f"reach from {labels.min()} to {labels.max()}."
        )


@dataclass(frozen=True)
class _Batches:
    """Images in batches of one size, on all devices."""

    key: Array
    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    mesh: Mesh
    chunk: int
    parts: Parts | None
    stop: Stop | None

    def run(
        self,
        name: str,
        attack: tuple[int, Attack] | None,
        judge: Model,
        rows: np.ndarray,
    ) -> tuple[list[np.ndarray], float]:
        """The images of these rows after a numbered attack, and their verdicts.

        Returns:
            x_adv [R, H, W, C], the share of right draws [R] and the mean margin [R];
            and the seconds it took, now or when it was stored.
        """
        k_judge, k_attacks = jax.random.split(self.key)
        tell = mapped(Partial(_verdict, judge=as_pytree(judge)), self.mesh)
        attacked = self._attacked(k_attacks, attack)
        shown = Progress(name, 0, len(rows), unit="image")
        parts, seconds = [], 0.0
        for start in range(0, len(rows), self.chunk):
            taken, part = padded(rows, start, self.chunk), f"{name}-{start}"

            def make(taken: np.ndarray = taken, part: str = part) -> Arrays:
                if self.stop:
                    self.stop.check()
                index, label = jnp.asarray(self.index[taken]), self.labels[taken]
                x, label = jnp.asarray(self.images[taken]), jnp.asarray(label)
                x, spent = attacked(part, index, x, label)
                began = time.monotonic()
                right, score = tell(k_judge, index, x, label)
                found = {"x_adv": x, "right": right, "score": score}
                arrays = {part: np.asarray(value) for part, value in found.items()}
                return arrays | {"seconds": np.array(spent + time.monotonic() - began)}

            stored = self.parts.get(part, make) if self.parts else make()
            parts.append([stored[part] for part in ("x_adv", "right", "score")])
            seconds += float(stored["seconds"])
            shown.update(min(start + self.chunk, len(rows)))
        shown.close()
        columns = zip(*parts, strict=True)
        # A copy: what a device hands over may not be written to.
        return [np.concatenate(c)[: len(rows)].copy() for c in columns], seconds

    def _attacked(
        self, key: Array, attack: tuple[int, Attack] | None
    ) -> Callable[[str, Array, Array, Array], tuple[Array, float]]:
        """`(part, index, images, labels) -> (x_adv, seconds)`."""
        if attack is None:
            return lambda part, index, images, labels: (images, 0.0)
        number, fn = attack
        key = jax.random.fold_in(key, number)
        return Segments(fn, self.mesh, key, self.parts, self.stop)


def _verdict(key: Array, x: Array, label: Array, judge: Model) -> tuple[Array, Array]:
    """The share of draws that are right, and their mean margin; both [].

    Not numbers where an answer is not finite: nothing compares with them, so such an
    image is never kept.
    """
    logits = judge(key, x)
    logits = logits.reshape(-1, logits.shape[-1])
    right = jnp.mean((jnp.argmax(logits, axis=-1) == label).astype(jnp.float32))
    told = jnp.stack([right, margin(logits, label).astype(jnp.float32)])
    told = jnp.where(jnp.all(jnp.isfinite(logits)), told, jnp.nan)
    return told[0], told[1]


def _classes(judge: Model, images: np.ndarray) -> int:
    """The number of classes that the judge tells apart."""
    x = jax.ShapeDtypeStruct(images.shape[1:], jnp.float32)
    return jax.eval_shape(judge, jax.random.key(0), x).shape[-1]


def _refuse_broken_model(score: np.ndarray, index: np.ndarray) -> None:
    """Where the clean images already have no finite answer."""
    lost = np.flatnonzero(~np.isfinite(score))
    if len(lost):
        raise ValueError(
            f"the model's answers to {len(lost)} of {len(score)} clean images are not "
            f"finite, the first of them image {index[lost[0]]}; nothing can be said "
            "about its robustness."
        )


def _step(name: str, rows: np.ndarray, broken_by: np.ndarray, seconds: float) -> Step:
    broken = int(np.sum(broken_by[rows] == name))
    return Step(name, len(rows), broken, seconds)
