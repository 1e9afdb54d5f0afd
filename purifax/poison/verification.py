"""Does a poisoned set keep the promise of its poison?

Budgets are measured on what a victim trains on, the stored images, not on what was
meant to be stored: rounding, clipping and a wrong order all change the answer.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.poison.budget import Budget, within
from purifax.poison.injection import Poison, Rounded, checked, inject
from purifax.poison.rounding import stored
from purifax.threat import Linf

__all__ = ["distances", "verify"]

_SHOWN = 5


def distances(poisoned: Array, images: Array, threat: Budget | None) -> Array:
    """How far each image of a set is from the clean one, [N].

    Args:
        poisoned, images: both uint8, or both float in [0, 1]; [N, H, W, C].
        threat: in whose norm; None is the largest absolute difference.

    >>> distances(jnp.full((2, 1, 1, 1), 0.5), jnp.zeros((2, 1, 1, 1)), None).tolist()
    [0.5, 0.5]
    """
    measure = Linf(jnp.inf) if threat is None else threat

    def one(pair: tuple[Array, Array]) -> Array:
        return measure.distance(*(_unit(x) for x in pair))

    return jax.lax.map(one, (poisoned, images), batch_size=256)


def verify(
    images: Array,
    poison: Poison,
    poisoned: Array | None = None,
    *,
    rounded: Rounded = Partial(stored),
) -> Array:
    """The largest distance of a poisoned image from the clean one.

    Args:
        images: the clean set, uint8 [N, H, W, C], or float in [0, 1].
        poisoned: the stored set, if there is one: it must be what `inject` makes.
        rounded: how it was stored, as in `inject`.

    Returns:
        [], in the norm of the poison's budget; the largest absolute difference where
        it has none. Concrete arrays are needed: this is for the edge of a program.

    Raises:
        ValueError: as `inject`; the budget is exceeded; images of the stored set differ
            from the clean ones without being in `index` (it misses some), or are not
            what the poison makes of them (they are shuffled or altered).

    >>> poison = Poison(jnp.array([1]), jnp.full((1, 1, 1, 1), 0.5), Linf(0.5))
    >>> verify(jnp.zeros((3, 1, 1, 1)), poison)
    Array(0.5, dtype=float32)
    """
    images = checked(images, poison)
    lost = ~jnp.all(jnp.isfinite(poison.delta), axis=tuple(range(1, images.ndim)))
    if jnp.any(lost):
        raise ValueError(
            f"'{poison.name}' is NaN or infinite for {int(jnp.sum(lost))} of "
            f"{len(lost)} images, the first of them image "
            f"{poison.index[jnp.argmax(lost)]}."
        )
    made, _ = inject(images, jnp.zeros(images.shape[0], int), poison, rounded=rounded)
    if poisoned is not None:
        _same(jnp.asarray(poisoned), made, images, poison)
    if poison.index.shape[0] == 0:
        return jnp.zeros(())
    far = distances(made[poison.index], images[poison.index], poison.threat)
    if poison.threat is not None and not within(jnp.max(far), poison.threat):
        worst = jnp.argmax(far)
        raise ValueError(
            f"'{poison.name}' promises {poison.threat} but moves image "
            f"{poison.index[worst]} by {far[worst]:.6g}."
        )
    return jnp.max(far)


def _same(poisoned: Array, made: Array, images: Array, poison: Poison) -> None:
    """Refuses a stored set that is not what the poison makes."""
    if poisoned.shape != images.shape or poisoned.dtype != images.dtype:
        raise ValueError(
            f"The stored set is {poisoned.dtype} {poisoned.shape}, the clean one "
            f"{images.dtype} {images.shape}."
        )
    axes = tuple(range(1, images.ndim))
    other = jnp.flatnonzero(jnp.any(poisoned != made, axis=axes)).tolist()
    named = set(poison.index.tolist())
    missing = [i for i in other if i not in named]
    if missing:
        raise ValueError(
            f"`index` of '{poison.name}' is missing {len(missing)} images that differ "
            f"from the clean set: {missing[:_SHOWN]}."
        )
    if other:
        raise ValueError(
            f"{len(other)} stored images are not what '{poison.name}' makes of the "
            f"clean ones: {other[:_SHOWN]}. They are shuffled or altered."
        )


def _unit(x: Array) -> Array:
    return x.astype(jnp.float32) / 255 if x.dtype == jnp.uint8 else x
