"""Log-likelihood of an image by the probability-flow ODE.

Along the flow with increasing levels, d sigma > 0,

    dx          = -sigma score(x, sigma) d sigma
    d log p(x)  =  sigma tr(d score / dx) d sigma

so the log density at the lowest level is that at the highest, where the density is
nearly Gaussian, minus the integral of the second line. Both are integrated in log sigma
by Heun's method, of order 2. The trace is exact, or Hutchinson's estimate, the mean of
e^T J e over random signs e, for which the log density is unbiased.

Densities are those of images in [0, 1] with noise of the lowest level, not of the 256
grey values. `bits_per_dimension` is of that density, without dequantisation.

Source: Chen et al. 2018, arXiv 1806.07366 (change of variables); Grathwohl et al. 2019,
arXiv 1810.01367 (Hutchinson); Song et al. 2021, arXiv 2011.13456, eq. 39 and 40.
"""

import math
from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import schedule
from purifax.transform import remat
from purifax.types import Score, expect, fair_signs, known

__all__ = [
    "bits_per_dimension",
    "exact_divergence",
    "hutchinson",
    "isotropic",
    "log_likelihood",
]

Divergence = Callable[[Array, Array, Score, Array], tuple[Array, Array]]
"""`divergence(key, x, score, sigma) -> (score, trace of its Jacobian [])`."""

Prior = Callable[[Array, Array], Array]
"""`prior(x, sigma) -> log p_sigma(x) []`, at the highest level."""


@checks.checked()
def exact_divergence(
    key: Array, x: Array, score: Score, sigma: Array
) -> tuple[Array, Array]:
    """The score and its exact divergence, by one Jacobian-vector product per pixel.

    >>> _, trace = exact_divergence(None, jnp.ones(3), lambda x, s: -x / 2, 1.0)
    >>> float(trace)
    -1.5
    """
    del key
    value, push = jax.linearize(lambda y: score(y, sigma), x)
    basis = jnp.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)
    along = jax.lax.map(lambda e: jnp.sum(e * push(e)), basis)
    return value, jnp.sum(along)


@checks.checked()
def hutchinson(
    key: Array, x: Array, score: Score, sigma: Array, *, draws: Array | None = None
) -> tuple[Array, Array]:
    """The score and an estimate of its divergence, the mean over random signs.

    The estimate is exact for a diagonal Jacobian.

    Args:
        draws: int [S], the numbers of the samples, folded into the key; one sample if
            None. Bind more for a better estimate: `Partial(hutchinson,
            draws=jnp.arange(4))`.

    >>> key, x = jax.random.key(0), jnp.ones(3)
    >>> _, trace = hutchinson(key, x, lambda x, s: -x / 2, 1.0, draws=jnp.arange(2))
    >>> float(trace)
    -1.5
    """
    draws = jnp.zeros(1, jnp.int32) if draws is None else draws
    expect("`draws`", draws, (None,), int, hint="They are folded into the key.")
    value, push = jax.linearize(lambda y: score(y, sigma), x)

    def one(draw: Array) -> Array:
        e = fair_signs(jax.random.fold_in(key, draw), x.shape, x.dtype)
        return jnp.sum(e * push(e))

    return value, jnp.mean(jax.lax.map(one, draws))


@checks.checked()
def isotropic(
    x: Array,
    sigma: Array,
    *,
    centre: Array | float = 0.5,
    variance: Array | float = 1 / 12,
) -> Array:
    """log N(x; centre, variance + sigma^2), the usual prior at the highest level.

    Its error falls with sigma^2; the published prior is N(0, sigma^2). Set `centre` and
    `variance` to the mean and variance of the data where they are known.

    >>> value = isotropic(jnp.full(2, 0.5), 1.0, variance=0.0)
    >>> round(float(value), 4)  # -log(2 pi)
    -1.8379
    """
    total = variance + jnp.square(jnp.asarray(sigma))
    square = jnp.sum(jnp.square(x - centre) / total)
    return -0.5 * (square + jnp.sum(jnp.log(2 * math.pi * total) + 0 * x))


@checks.checked(sigmas=checks.listed)
def log_likelihood(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    divergence: Divergence = Partial(hutchinson),
    prior: Prior = Partial(isotropic),
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """log p_sigma(x) at the lowest level, in nats, and the end of the flow from x.

    One draw of signs serves the whole flow, as published: the estimate is unbiased up
    to the error of the steps. For an exact divergence the key is not used.

    Args:
        x: an image, regarded as one with noise of level sigmas[-1]. sigmas: [T + 1],
        decreasing, like those of a sampler; all positive. The flow goes
            from the last to the first.
        divergence: a bound `hutchinson`, or `exact_divergence` for few pixels.
        prior: the log density at level sigmas[0].
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The log density [], and x at level sigmas[0].

    Raises:
        ValueError: the levels increase, or end at 0.

    >>> from purifax.score import Gaussian
    >>> x, levels = jnp.full(2, 0.5), jnp.geomspace(3.0, 0.1, 40)
    >>> oracle, key = Gaussian(0.5, 1 / 12), jax.random.key(0)
    >>> value, _ = log_likelihood(key, x, oracle, levels)
    >>> bool(jnp.abs(value - isotropic(x, 0.1)) < 0.01)
    True
    """
    levels = schedule.falling(sigmas).astype(x.dtype)[::-1]
    if 0.0 in (known(sigmas) or []):
        raise ValueError(
            "At level 0 data may have no density: `sigmas` must end at a positive "
            "level, such as 0.01; got 0."
        )

    def slopes(x: Array, sigma: Array) -> tuple[Array, Array]:
        value, trace = divergence(key, x, score, sigma)
        return -jnp.square(sigma) * value, jnp.square(sigma) * trace

    def step(
        carry: tuple[Array, Array], at: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        (x, gained), (sigma, above) = carry, at
        h = jnp.log(above / sigma)
        move, change = slopes(x, sigma)
        more, rest = slopes(x + h * move, above)
        return (x + h * (move + more) / 2, gained + h * (change + rest) / 2), None

    start = (x, jnp.sum(0 * x))
    (top, gained), _ = scan(step, start, (levels[:-1], levels[1:]))
    return prior(top, levels[-1]) - gained, top


@checks.checked()
def bits_per_dimension(log_density: Array, x: Array) -> Array:
    """Minus the log density of an image in bits, divided by its number of values.

    For images in [0, 1]; add 8 for the scale of 256 grey values.

    Raises:
        ValueError: the log density is not that of one image, a scalar.

    >>> float(bits_per_dimension(jnp.array(-jnp.log(4.0)), jnp.zeros((2, 1, 1))))
    1.0
    """
    hint = "Both are of one image; map over several with `jax.vmap`."
    expect("`log_density`", log_density, (), float, hint=hint)
    return -log_density / (x.size * math.log(2))
