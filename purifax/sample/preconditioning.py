"""Preconditioned diffusion sampling (PDS): larger moves where images vary little.

A filter M acts on the noise, and M M^T on the score,

    M z = F^-1[R F[A z]],    M M^T g = F^-1[R F[A^2 F^-1[R F[g]]]],

with F the two-dimensional DFT of each channel, A a weight per pixel and R a weight per
frequency. R must be even, R(k) = R(-k), as it is when made from real images.

    Langevin     x + step M M^T s + sqrt(2 step) M z
    published    x + g2 M M^T s + sqrt(g2) M z            g2 = sigma^2 - below^2
    matched      x + g2 (s + M M^T s) / 2 + sqrt(g2) M z

Langevin dynamics keeps its target for any constant M. The published predictor does not:
where M is the number m, a variance c ends at c m^2 / (2 m^2 - 1), however many steps
are taken. The matched predictor is the probability flow plus preconditioned Langevin
dynamics, and is right in the limit for any M. With few levels the published bias pays:
with ten, on a Gaussian with a falling spectrum, the variance of high frequencies is 2.2
times the target's without filters, 1.8 times for the matched predictor, and 1.25 times
for the published one.

The papers' skew-symmetric term, zero in all their results, is omitted.

Source: Ma et al. 2022, arXiv 2207.02196; Ma et al. 2025, arXiv 2302.06504; the authors'
code for the statistics.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import schedule
from purifax.noise.process import root
from purifax.sample.descent import descend, removed
from purifax.transform import remat
from purifax.types import Score, noun

__all__ = [
    "Filters",
    "matched_predictor",
    "preconditioned",
    "preconditioned_corrector",
    "preconditioned_langevin",
    "preconditioned_langevin_step",
    "preconditioned_predictor",
]


@noun
@dataclass(frozen=True)
class Filters:
    """The filter M, by its two diagonals; with both 1 it is the identity.

    Attributes:
        frequency: R, [H, W, C] in the order of the DFT, even; or a scalar.
        pixel: A, [H, W, C] or a scalar.

    >>> Filters(2.0, 3.0).noise(jnp.ones((2, 2, 1)))[0, 0].tolist()
    [6.0]
    """

    frequency: Array | float = 1.0
    pixel: Array | float = 1.0

    @classmethod
    def from_images(cls, images: Array, *, alpha: Array | float = 5.0) -> "Filters":
        """The published filters, from statistics of clean images.

        With P the mean square at a pixel, or log(1 + mean |F x|^2) at a frequency, and
        u = P / max P, the weights are

            alpha / (u + alpha - 1)    in [1, alpha / (alpha - 1)],

        1 where images vary most. `replace(filters, pixel=1.0)` leaves one of the two.

        Args:
            images: [N, H, W, C]; published with 200.
            alpha: larger values are nearer to the identity.

        >>> filters = Filters.from_images(jnp.ones((2, 4, 4, 1)))
        >>> filters.frequency[0, 0].tolist(), filters.frequency[1, 0].tolist()
        ([1.0], [1.25])
        """
        spectrum = jnp.fft.fft2(images, axes=(1, 2))
        power = jnp.log1p(jnp.mean(jnp.square(jnp.abs(spectrum)), axis=0))
        energy = jnp.mean(jnp.square(images), axis=0)

        def inverted(p: Array) -> Array:
            return alpha / (p / jnp.max(p) + alpha - 1)

        return cls(inverted(power), inverted(energy))

    def noise(self, z: Array) -> Array:
        """M z, like z."""
        return self._coloured(self.pixel * z)

    def drift(self, g: Array) -> Array:
        """M M^T g, like g."""
        return self._coloured(jnp.square(jnp.asarray(self.pixel)) * self._coloured(g))

    def _coloured(self, v: Array) -> Array:
        wide = jnp.promote_types(v.dtype, jnp.float32)
        spectrum = jnp.fft.fft2(v.astype(wide), axes=(0, 1))
        return jnp.fft.ifft2(self.frequency * spectrum, axes=(0, 1)).real.astype(
            v.dtype
        )


@checks.checked()
def preconditioned_langevin_step(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array | float,
    step_size: Array | float,
    filters: Filters,
) -> Array:
    """x + step M M^T score(x, sigma) + sqrt(2 step) M z.

    >>> key, x = jax.random.key(0), jnp.ones((1, 1, 1))
    >>> args = lambda x, s: -x, 1.0, 0.0, Filters()
    >>> preconditioned_langevin_step(key, x, *args).tolist()
    [[[1.0]]]
    """
    sigma, step = jnp.asarray(sigma, x.dtype), jnp.asarray(step_size, x.dtype)
    z = jax.random.normal(key, x.shape, x.dtype)
    moved = x + step * filters.drift(score(x, sigma))
    return moved + jnp.sqrt(2 * step) * filters.noise(z)


@checks.checked()
def preconditioned_langevin(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    step_sizes: Array,
    filters: Filters,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """`langevin` with a filter; its bias is that of the step size, as without one.

    Args:
        sigmas: [T], the level given to the score at each step.
        step_sizes: [T].
        filters: with sqrt(spectrum + sigma^2) as its `frequency`, all frequencies of a
            stationary Gaussian mix at the same rate.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...].

    >>> key, x, steps = jax.random.key(0), jnp.ones((1, 1, 1)), jnp.zeros(3)
    >>> preconditioned_langevin(key, x, lambda x, s: -x, steps, steps, Filters())[1][2]
    Array([[[1.]]], dtype=float32)
    """

    def step(x: Array, at: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        i, sigma, size = at
        key_i = jax.random.fold_in(key, i)
        x = preconditioned_langevin_step(key_i, x, score, sigma, size, filters)
        return x, x

    steps = (jnp.arange(sigmas.shape[0]), *schedule.paired(sigmas, step_sizes))
    last, path = scan(step, x, steps)
    return last, jnp.concatenate([x[None], path])


@checks.checked()
def preconditioned_corrector(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array | float,
    filters: Filters,
    *,
    snr: Array | float = 0.16,
) -> Array:
    """`corrector_step` with a filter; its norms are those of M z and M M^T s.

    >>> still, x = (lambda x, sigma: 0 * x), jnp.ones((1, 1, 1))
    >>> preconditioned_corrector(jax.random.key(0), x, still, 1.0, Filters()).tolist()
    [[[1.0]]]
    """
    sigma, snr = jnp.asarray(sigma, x.dtype), jnp.asarray(snr, x.dtype)
    drift = filters.drift(score(x, sigma))
    z = filters.noise(jax.random.normal(key, x.shape, x.dtype))
    steep = jnp.sum(jnp.square(drift))
    ratio = jnp.sum(jnp.square(z)) / jnp.where(steep > 0, steep, 1.0)
    size = jnp.where(steep > 0, 2 * jnp.square(snr) * ratio, 0.0)
    heat = jnp.where(steep > 0, 2 * snr * jnp.sqrt(ratio), 0.0)
    return x + size * drift + heat * z


@checks.checked()
def preconditioned_predictor(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array,
    below: Array,
    filters: Filters,
) -> Array:
    """The published predictor; its distribution is biased, see the module.

    >>> x, to_zero = jnp.ones((1, 1, 1)), lambda x, sigma: -x / sigma**2
    >>> preconditioned_predictor(jax.random.key(0), x, to_zero, 2.0, 0.0, Filters())
    Array([[[0.]]], dtype=float32)
    """
    sigma, below = jnp.asarray(sigma, x.dtype), jnp.asarray(below, x.dtype)
    lost = removed(sigma, below)
    z = filters.noise(jax.random.normal(key, x.shape, x.dtype))
    heat = jnp.where(below > 0, root(lost), 0.0)
    return x + lost * filters.drift(score(x, sigma)) + heat * z


@checks.checked()
def matched_predictor(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array,
    below: Array,
    filters: Filters,
) -> Array:
    """The predictor that is right for any filter; for the identity it is `sde_step`.

    >>> x, to_zero = jnp.ones((1, 1, 1)), lambda x, sigma: -x / sigma**2
    >>> matched_predictor(jax.random.key(0), x, to_zero, 2.0, 0.0, Filters())
    Array([[[0.]]], dtype=float32)
    """
    sigma, below = jnp.asarray(sigma, x.dtype), jnp.asarray(below, x.dtype)
    lost = removed(sigma, below)
    s = score(x, sigma)
    z = filters.noise(jax.random.normal(key, x.shape, x.dtype))
    heat = jnp.where(below > 0, root(lost), 0.0)
    return x + lost * (s + filters.drift(s)) / 2 + heat * z


@checks.checked(sigmas=checks.listed)
def preconditioned(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    filters: Filters,
    *,
    snr: Array | float = 0.16,
    predictor: Callable[..., Array] = Partial(preconditioned_predictor),
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """`predictor_corrector` with a filter; published from x = sigmas[0] M z.

    Args:
        sigmas: [T + 1], decreasing; end at 0.
        filters: see `Filters.from_images`.
        snr: see `corrector_step`.
        predictor: `preconditioned_predictor` (published) or `matched_predictor`, as a
            `Partial`.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    >>> from purifax.score import Gaussian
    >>> key, x, levels = jax.random.key(0), jnp.zeros((1, 1, 1)), jnp.array([1.0, 0.0])
    >>> x, _ = preconditioned(key, x, Gaussian(0.5, 0.0), levels, Filters())
    >>> round(float(x[0, 0, 0]), 5)
    0.5
    """

    def step(key: Array, x: Array, sigma: Array, below: Array) -> Array:
        k_correct, k_predict = jax.random.split(key)
        x = preconditioned_corrector(k_correct, x, score, sigma, filters, snr=snr)
        return predictor(k_predict, x, score, sigma, below, filters=filters)

    return descend(key, x, step, sigmas, scan)
