"""When Auto-PGD looks back: its published windows, and for L1 its shrinking balls.

Source: Croce and Hein 2020, arXiv 2003.01690, section 3; Croce and Hein 2021, arXiv
2103.01208, section 4; lengths and rounding as in their released code.
"""

from collections.abc import Sequence

from jax import Array
from jax import numpy as jnp

__all__ = ["apgd_checkpoints", "apgd_l1_checkpoints", "shrinking_radii"]


def apgd_checkpoints(iterations: int) -> Array:
    """The published checkpoints: bool [T], true after the last iteration of a window.

    The first window is 22% of the iterations, each next one shorter by 3% of them down
    to 6%, all rounded down but at least 1.

    >>> apgd_checkpoints(10).astype(int).tolist()
    [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    window, less, least = (max(iterations * p // 100, 1) for p in (22, 3, 6))
    flags, at = [False] * iterations, window
    while at <= iterations:
        flags[at - 1] = True
        window = max(window - less, least)
        at += window
    return jnp.array(flags, bool)


def apgd_l1_checkpoints(iterations: int) -> Array:
    """The published windows of 4%: bool [T], true after the last iteration of each.

    >>> apgd_l1_checkpoints(50).astype(int)[:6].tolist()
    [0, 1, 0, 1, 0, 1]
    """
    window = max(iterations * 4 // 100, 1)
    return jnp.arange(1, iterations + 1) % window == 0


def shrinking_radii(
    iterations: int,
    *,
    multiples: Sequence[float] = (3.0, 2.0, 1.0),
    shares: Sequence[float] = (0.3, 0.3, 0.4),
) -> tuple[Array, Array]:
    """The published balls: checkpoints bool [T], and the radius of each iteration [T].

    With P balls T is `iterations` + P - 1: the image with which a ball begins is
    evaluated in place of a step.

    Args:
        multiples: [P] radii of the balls, in that of the threat; the last is 1.
        shares: [P] of the iterations in each, rounded up; the last takes the rest.

    >>> checkpoints, radii = shrinking_radii(5)
    >>> radii.tolist()
    [3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 1.0]
    """
    counts = [-int(-share * iterations // 1) for share in shares[:-1]]
    counts.append(max(iterations - sum(counts), 0))
    flags, radii = [], []
    for count, multiple in zip(counts, multiples, strict=True):
        flags += [apgd_l1_checkpoints(count), jnp.zeros(1, bool)]
        radii += [multiple] * (count + 1)
    return jnp.concatenate(flags[:-1]), jnp.array(radii[:-1], jnp.float32)
