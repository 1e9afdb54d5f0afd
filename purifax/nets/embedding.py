"""Sinusoidal features of a time, by which a network knows how noisy its image is.

With m = width / 2 and k = 0 ... m - 1, the features of a time t are the sines and the
cosines of scale * t * period^(-k / (m - shift)). Network families differ in the order
of sines and cosines, in the shift (with 0 the last frequency is one step above
1 / period, with 1 it is 1 / period) and in the scale.

Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.5; Ho et al. 2020,
arXiv 2006.11239, appendix B.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

__all__ = ["sinusoid"]


def sinusoid(
    t: Array,
    width: int,
    *,
    cosines_first: bool = False,
    shift: float = 0.0,
    period: float = 10_000.0,
    scale: float = 1.0,
) -> Array:
    """Sinusoidal features of times.

    Args:
        t: [N], integer or real.
        width: number of features; if it is odd, the last one is zero.
        cosines_first: whether cosines come before sines.
        shift: 0, or 1 so that the lowest frequency is 1 / `period`.
        period: of the lowest frequency, divided by 2 pi.
        scale: multiplies t.

    Returns:
        [N, width], float32.

    Raises:
        ValueError: `width` leaves no frequency, or only the one that `shift` takes.

    >>> import jax.numpy as jnp
    >>> from purifax.nets.embedding import sinusoid
    >>> sinusoid(jnp.zeros(1), 4, cosines_first=True)
    Array([[1., 1., 0., 0.]], dtype=float32)
    """
    half = width // 2
    if half - shift <= 0:
        raise ValueError(
            f"`width` must be at least {2 * int(shift) + 2} with `shift` {shift}; "
            f"got {width}."
        )
    # In double precision: at a large t a small error of the frequency is a large angle.
    frequencies = scale * period ** (-np.arange(half) / (half - shift))
    frequencies = jnp.asarray(frequencies, jnp.float32)[None]
    angles = t.astype(jnp.float32)[:, None] * frequencies
    parts = [jnp.sin(angles), jnp.cos(angles)]
    if cosines_first:
        parts.reverse()
    features = jnp.concatenate(parts, axis=-1)
    return jnp.pad(features, ((0, 0), (0, width % 2)))
