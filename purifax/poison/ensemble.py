"""SEP: self-ensemble protection, noise against the checkpoints of one training run.

    min_delta  mean_k L(f_k(x + delta), y + 5)

Checkpoints from the course of a training see an image differently, as an ensemble of
networks does, at the price of one.

Source: Chen et al. 2023, arXiv 2211.12005: 30 steps of 1/255, Linf 2/255 (8/255 where
it is compared with other poisons), 30 checkpoints, labels shifted by 5 of 10 classes or
50 of 100. Its variants on features (FA) and with variance reduction (VR) need more than
logits and are not here.
"""

from collections.abc import Sequence

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.poison.errors import mislead
from purifax.threat import Threat
from purifax.types import Model

__all__ = ["sep", "together"]


def together(key: Array, x: Array, models: Sequence[Model]) -> Array:
    """The logits of several models, [S, K], whose loss is the mean of theirs.

    >>> double = lambda key, x: 2 * x
    >>> key = jax.random.key(0)
    >>> together(key, jnp.ones(2), (double, double)).tolist()
    [[2.0, 2.0], [2.0, 2.0]]
    """
    draws = enumerate(models)
    return jnp.stack([model(jax.random.fold_in(key, i), x) for i, model in draws])


def sep(
    key: Array,
    x: Array,
    label: Array,
    models: Sequence[Model],
    threat: Threat,
    step_sizes: Array,
    *,
    shift: Array | int = 5,
) -> Array:
    """Noise that makes all checkpoints see another class; a maker.

    Args:
        models: one for each checkpoint, each `(key, x) -> logits`, a pytree.
        threat: `Linf(2 / 255)` is published.
        step_sizes: [T], published are 30 of 1/255.
        shift: of the label; half the number of classes is published.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> models = [Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))] * 2
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), models
    >>> sep(*args, Linf(0.25), jnp.full(4, 0.25), shift=1).tolist()
    [[[-0.25]]]
    """
    model = Partial(together, models=tuple(models))
    return mislead(key, x, label, model, threat, step_sizes, shift=shift)
