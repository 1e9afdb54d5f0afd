"""A poison: which images of a set it changes, by how much, and what it promises.

    x_i <- clip(x_i + delta_j, 0, 1)    for i = index_j

Positions in `index` increase. That is what makes a shuffled one known by its order, a
duplicated one by a tie and a missing one by a perturbation left over, before anything
is trained on a set that is poisoned in the wrong places.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.poison.budget import Budget
from purifax.poison.rounding import stored
from purifax.types import known, noun

__all__ = ["Poison", "Rounded", "checked", "inject", "kept", "remove"]

Rounded = Callable[[Array, Array, Budget | None], Array]
"""`rounded(x, delta, threat) -> uint8, like x`, how an 8-bit image is stored."""

_AT_ONCE = 256


@noun
@dataclass(frozen=True)
class Poison:
    """Perturbations of some images of a set.

    Attributes:
        index: int [P], increasing positions in the set.
        delta: float32 [P, H, W, C], in units of images in [0, 1].
        threat: the budget of every image on its own, or None for no promise.
        label: int [P], labels that the images get; None leaves the labels clean.
        name: of the method.

    >>> from purifax.threat import Linf
    >>> Poison(jnp.array([3]), jnp.zeros((1, 2, 2, 1)), Linf(8 / 255), name="none").name
    'none'
    """

    index: Array
    delta: Array
    threat: Budget | None
    label: Array | None = None
    name: str = field(default="poison", metadata={"static": True})


@checks.checked()
def inject(
    images: Array,
    labels: Array,
    poison: Poison,
    *,
    rounded: Rounded = Partial(stored),
) -> tuple[Array, Array]:
    """The poisoned set.

    Args:
        images: uint8 [N, H, W, C], or float in [0, 1].
        labels: int [N].
        rounded: for 8-bit images: `stored`, or `truncated` as in released codes.

    Returns:
        Images and labels, of the same shapes and types.

    Raises:
        ValueError: positions shuffled, duplicated, missing or out of range, or a
            perturbation of another shape.

    >>> images, labels = jnp.zeros((3, 1, 1, 1), jnp.uint8), jnp.arange(3)
    >>> poison = Poison(jnp.array([1]), jnp.full((1, 1, 1, 1), 8 / 255), None)
    >>> inject(images, labels, poison)[0].ravel().tolist()
    [0, 8, 0]
    """
    images, labels = checked(images, poison), jnp.asarray(labels)
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"A set of {images.shape[0]} images needs as many labels; got labels of "
            f"shape {labels.shape}."
        )
    changed = _changed(images[poison.index], poison, rounded)
    images = images.at[poison.index].set(changed)
    if poison.label is not None:
        labels = labels.at[poison.index].set(poison.label.astype(labels.dtype))
    return images, labels


def kept(count: int, poison: Poison) -> Array:
    """Positions that a poison leaves alone in a set of that many images, [N - P].

    >>> kept(4, Poison(jnp.array([0, 2]), jnp.zeros((2, 1, 1, 1)), None)).tolist()
    [1, 3]
    """
    alone = jnp.ones(count, bool).at[poison.index].set(False)
    return jnp.flatnonzero(alone, size=count - poison.index.shape[0])


@checks.checked()
def remove(images: Array, labels: Array, poison: Poison) -> tuple[Array, Array]:
    """The set without its poisoned images: a defence that knows them all.

    Raises:
        ValueError: as `inject`; and every image is poisoned, so none would be left.

    >>> images, labels = jnp.zeros((3, 1, 1, 1)), jnp.arange(3)
    >>> poison = Poison(jnp.array([1]), jnp.zeros((1, 1, 1, 1)), None)
    >>> remove(images, labels, poison)[1].tolist()
    [0, 2]
    """
    images = checked(images, poison)
    if poison.index.shape[0] == images.shape[0]:
        raise ValueError(
            f"All {images.shape[0]} images are poisoned by '{poison.name}', so none is "
            "left without them; compare with training on the clean set."
        )
    left = kept(images.shape[0], poison)
    return images[left], jnp.asarray(labels)[left]


def checked(images: Array, poison: Poison) -> Array:
    """The images as an array, if the poison fits them.

    Raises:
        ValueError: says which position is shuffled, duplicated, missing or out of
            range, or which shape is wrong. Positions that jax traces are not seen.

    >>> checked(jnp.zeros((1, 2, 2, 1)), Poison(jnp.array([1]), jnp.ones(1), None))
    Traceback (most recent call last):
    ValueError: `delta` perturbs images of shape (), but those of the set are (2, 2, 1).
    """
    images = jnp.asarray(images)
    index, delta = poison.index, poison.delta
    if index.ndim != 1 or not jnp.issubdtype(index.dtype, jnp.integer):
        raise ValueError(
            f"`index` must be integers [P]; got {index.dtype} of shape {index.shape}."
        )
    for name, rows in (("delta", delta), ("label", poison.label)):
        if rows is not None and rows.shape[:1] != index.shape:
            raise ValueError(
                f"`{name}` holds {len(rows)} rows, but `index` names {len(index)} "
                "images: some are missing. Both are needed for every poisoned image."
            )
    if delta.shape[1:] != images.shape[1:]:
        raise ValueError(
            f"`delta` perturbs images of shape {delta.shape[1:]}, but those of the set "
            f"are {images.shape[1:]}."
        )
    numbers = known(index)
    if numbers is not None:
        _in_order(numbers, images.shape[0])
    return images


def _in_order(numbers: list, count: int) -> None:
    """Refuses positions that do not increase, or leave a set of `count` images."""
    for one, other in zip(numbers, numbers[1:], strict=False):
        if one == other:
            raise ValueError(f"`index` names image {one} twice: it is duplicated.")
        if one > other:
            raise ValueError(
                f"`index` must increase, but {other} follows {one}: it is shuffled. "
                "Sort `index` and `delta` together."
            )
    for number in numbers[:1] + numbers[-1:]:
        if not 0 <= number < count:
            raise ValueError(
                f"`index` names image {number}, out of the range of a set of {count}."
            )


def _changed(rows: Array, poison: Poison, rounded: Rounded) -> Array:
    """The poisoned images alone, [P, H, W, C]."""
    if rows.dtype != jnp.uint8:
        return jnp.clip(rows + poison.delta.astype(rows.dtype), 0.0, 1.0)

    def one(row: tuple[Array, Array]) -> Array:
        return rounded(*row, poison.threat)

    return jax.lax.map(one, (rows, poison.delta), batch_size=_AT_ONCE)
