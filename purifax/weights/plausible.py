"""Whether a converted network points from noise to images, on one image of noise.

Arrays of the same names and shapes serve networks that predict the noise, the score,
which is its negative, or something else at another label: what a file holds does not
always say. A trained score at a level as wide as the range of pixels is nearly the
noise itself, whatever the images were.

Let x = 1/2 + sigma z. For the scores that come with purifax, the correlation of
-score(x, sigma) with z is from 0.93 to 1.00 at sigma = 1, and sigma score has 0.91 to
0.99 of the length of z in its direction.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from purifax import nets
from purifax.weights.predictions import Prediction

__all__ = ["doubt"]

LEVELS = (1.0, 0.5, 0.2)
"""The first of these that the network's process reaches."""

REVERSED, WEAK = -0.8, 0.5
"""Correlations below which a score is refused, and doubted."""


def doubt(
    network: nets.Network, shape: tuple[int, ...], predicts: Prediction | None
) -> str:
    """A sentence on a score network that does not denoise; "" for one that does.

    Raises:
        ValueError: the score points from images to noise, or is not finite.
    """
    predicts = predicts or Prediction()
    level = _level(predicts)
    if level is None:
        return "its process reaches no level at which its score could be tried."
    z = jax.random.normal(jax.random.key(0), shape)
    score = jax.jit(predicts.score(_unlabelled(network)))
    found = score(0.5 + level * z, jnp.float32(level))
    along, length = float(jnp.vdot(found, -z)), float(jnp.linalg.norm(found))
    if not np.isfinite(length):
        raise ValueError("the network's score of noise is not finite.")
    size = float(jnp.linalg.norm(z))
    correlation = along / max(length * size, 1e-30)
    share = level * along / size**2
    if correlation < REVERSED:
        raise ValueError(
            f"the score points towards the noise (correlation {correlation:.2f} at "
            f"level {level:g}): its sign is reversed. Does the network predict "
            f"something other than the {predicts.predicts.replace('_', ' ')}?"
        )
    if correlation < WEAK or not 0.5 < share < 1.5:
        return (
            f"of noise at level {level:g} the score removes {100 * share:.0f}% "
            f"(correlation {correlation:.2f}), and that of a trained network most. "
            "Are the family and its flags right?"
        )
    return ""


def _level(predicts: Prediction) -> float | None:
    noise = predicts.noise()
    for level in LEVELS:
        try:
            if noise is not None:
                noise.time(jnp.float32(level))
            return level
        except ValueError:  # the process ends below this level
            continue
    return None


def _unlabelled(network: nets.Network) -> Callable[..., Any]:
    """The network of an image and a time; one of classes is asked for the first."""
    module: Any = network.module
    if isinstance(module, nets.OpenAIUNet) and module.num_classes is not None:
        return lambda x, t: network(x, t, jnp.int32(0))
    return network
