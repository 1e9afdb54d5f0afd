"""The start and one step of ADP's climb; see `adp`."""

from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.purify.curvature import Curvature, step_size
from purifax.types import Perturb, Score

__all__ = ["all_active", "climb_step", "noised"]


def noised(key: Array, x: Array, sigma: Array | float, perturb: Perturb) -> Array:
    """The start of the climb: the noised image, clipped."""
    return jnp.clip(perturb(key, x, jnp.asarray(sigma, x.dtype)), 0.0, 1.0)


def all_active(x: Array) -> Array:
    """True, as a value that varies with x: constant carries fail in `shard_map`."""
    return jnp.sum(x) == jnp.sum(x)


@checks.checked()
def climb_step(
    x: Array,
    active: Array,
    level: Array,
    score: Score,
    curvature: Curvature,
    *,
    stop: Array | float = 1e-3,
    **bounds: Array | float,
) -> tuple[Array, Array, Array]:
    """One step: the image, whether it is still active, and the step size taken."""
    v, bend = curvature(x, level, score)
    alpha = step_size(bend, **bounds).astype(x.dtype)
    alpha = jnp.where(jnp.isnan(bend), jnp.nan, alpha)
    active = active & ~(alpha <= stop) & jnp.any(v != 0)  # NaN goes on, to be seen
    alpha = jnp.where(active, alpha, 0.0)
    return jnp.where(active, jnp.clip(x + alpha * v, 0.0, 1.0), x), active, alpha
