"""Triggers: what an attacker puts on training images, and later on those it attacks.

A patch sets pixels, an additive trigger shifts them. A trigger on images of the target
class alone is label-consistent: it is learnt only where the images are hard, so those
are first perturbed against a network.

Source: Gu et al. 2017, arXiv 1708.06733 (patches); Turner et al. 2019, arXiv 1912.02771
(label-consistent).
"""

from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.attack import at_image, pgd
from purifax.threat import Threat
from purifax.types import Model

__all__ = ["additive", "grid", "label_consistent", "stamp"]


def grid(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The three by three checker in the lower right corner: patch and mask.

    Returns:
        A patch [H, W, C] of zeros and ones, and the mask [H, W] of its nine pixels.

    Source: Li et al. 2021, arXiv 2101.05930, released code; the pattern is that of Gu
    et al. 2017, arXiv 1708.06733.

    >>> grid((4, 4, 1))[0][:, :, 0].astype(int).tolist()
    [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 1]]
    """
    height, width, channels = shape
    checker = jnp.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    at = (height - 3, width - 3)
    patch = jax.lax.dynamic_update_slice(jnp.zeros((height, width)), checker, at)
    mask = jax.lax.dynamic_update_slice(
        jnp.zeros((height, width), bool), jnp.ones((3, 3), bool), at
    )
    return jnp.tile(patch[:, :, None], (1, 1, channels)), mask


def stamp(key: Array, x: Array, label: Array, patch: Array, mask: Array) -> Array:
    """Sets the pixels under the mask to those of the patch; a maker.

    Args:
        key, label: not used.
        patch: like x.
        mask: bool [H, W]. The budget is `Pixels` of its count.

    >>> mask = jnp.array([[False, True]])
    >>> args = jnp.full((1, 2, 1), 0.25), jnp.array(0), jnp.ones((1, 2, 1))
    >>> stamp(None, *args, mask).ravel().tolist()
    [0.0, 0.75]
    """
    del key, label
    return jnp.where(mask[:, :, None], patch.astype(x.dtype) - x, 0.0)


def additive(key: Array, x: Array, label: Array, pattern: Array) -> Array:
    """The same shift of every image, such as a low-frequency trigger; a maker.

    Args:
        key, label: not used.
        pattern: like x; what leaves [0, 1] is cut when it is injected.

    >>> additive(None, jnp.ones((1, 1, 1)), jnp.array(0), jnp.full((1, 1, 1), 0.5))
    Array([[[0.5]]], dtype=float32)
    """
    del key, label
    return pattern.astype(x.dtype)


def label_consistent(
    key: Array,
    x: Array,
    label: Array,
    trigger: Callable[[Array, Array, Array], Array],
    model: Model,
    threat: Threat,
    step_sizes: Array,
) -> Array:
    """A trigger on an image that was first made hard to recognise; a maker.

    The image climbs its own loss within the threat, from itself, and the trigger goes
    on top.

    Args:
        trigger: a maker, such as `stamp` bound to patch and mask, as a `Partial`.
        model: `(key, x) -> logits`, another than the victim's, best a robust one.
        threat: of the first part; the paper compares L2 radii of 300, 600 and 1200
            and Linf radii of 8, 16 and 32, all divided by 255.
        step_sizes: [T], published are 100 of 1.5 radius / 100.

    Returns:
        delta, like x. With `stamp` the budget that holds is `Outside(threat, mask)`.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> left = jnp.array([[True, False]])
    >>> mark = Partial(stamp, patch=jnp.ones((1, 2, 1)), mask=left)
    >>> args = jax.random.key(0), jnp.full((1, 2, 1), 0.5), jnp.array(0)
    >>> label_consistent(*args, mark, model, Linf(0.25), jnp.full(2, 0.25)).tolist()
    [[[0.5], [-0.25]]]
    """
    k_attack, k_trigger = jax.random.split(key)
    hard = pgd(k_attack, x, label, model, threat, step_sizes, start=Partial(at_image))
    return hard + trigger(k_trigger, hard, label) - x
