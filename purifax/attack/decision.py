"""The decision of a model that may be random: all that a decision-based attack sees.

A randomised defence answers differently under every key, so one wrong answer is luck.
The decision here is that of the majority of the draws that the model makes.
"""

from jax import Array
from jax import numpy as jnp

from purifax.types import Model

__all__ = ["misclassified"]


def misclassified(key: Array, x: Array, label: Array, model: Model) -> Array:
    """Whether more than half of the model's draws are wrong, bool [].

    A draw whose logits are not finite gives no answer, and counts as right: an attack
    that only reached it would have broken nothing.

    Args:
        x: image [H, W, C].
        label: its class [].
        model: `(key, x) -> logits`, [K] or, of S draws, [S, K].

    >>> model = lambda key, x: jnp.array([[0.0, 1.0], [2.0, 1.0], [0.0, 3.0]])
    >>> bool(misclassified(None, jnp.zeros((1, 1, 1)), jnp.array(0), model))
    True
    """
    logits = model(key, x)
    answered = jnp.all(jnp.isfinite(logits), axis=-1)
    wrong = answered & (jnp.argmax(logits, axis=-1) != label)
    return jnp.mean(wrong, dtype=jnp.float32) > 0.5
