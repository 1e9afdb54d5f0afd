"""Scores, and their conversion from other predictions.

`score(x, sigma)` is the gradient of log p_sigma at x, where p_sigma is the density
of clean images plus N(0, sigma^2). Networks that predict something else are converted
here:

    scaled score      f = sigma score            NCSNv2 as ADP uses it
    noise prediction  eps = -f                   DDPM
    denoiser          D = x + sigma^2 score      EDM; Tweedie's formula
    energy            score = -dE/dx / T, or -dE/dx / sigma

Each converter takes a callable and returns a `jax.tree_util.Partial`, a pytree whose
leaves are the callable's own: it may be passed into `jit`.

Source: Robbins 1956 and Miyasawa 1961 (Tweedie's formula); Song et al. 2021,
arXiv 2011.13456.
"""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import energy as energies
from purifax.energy import Tempered, force
from purifax.noise import Process
from purifax.types import (
    Denoiser,
    Energy,
    ScaledScore,
    Score,
    as_pytree,
    noun,
)

__all__ = [
    "Gaussian",
    "Mixture",
    "denoise",
    "from_denoiser",
    "from_energy",
    "from_noise",
    "from_process",
    "from_scaled",
    "from_scaled_energy",
    "scaled",
]


@checks.checked()
def scaled(x: Array, sigma: Array | float, score: Score) -> Array:
    """f = sigma score(x, sigma): minus the estimated unit noise in x.

    Raises:
        ValueError: x is not floating, sigma not a scalar, or the score not like x.

    >>> scaled(jnp.ones(()), 2.0, lambda x, sigma: x)
    Array(2., dtype=float32)
    """
    sigma = jnp.asarray(sigma, x.dtype)
    return sigma * score(x, sigma)


@checks.checked()
def denoise(x: Array, sigma: Array | float, score: Score) -> Array:
    """Tweedie: the posterior mean of the clean image, x + sigma^2 score(x, sigma).

    Raises:
        ValueError: x is not floating, sigma not a scalar, or the score not like x.

    >>> denoise(jnp.ones(()), 2.0, lambda x, sigma: -x / 8)
    Array(0.5, dtype=float32)
    """
    sigma = jnp.asarray(sigma, x.dtype)
    return x + jnp.square(sigma) * score(x, sigma)


def from_scaled(network: ScaledScore) -> Score:
    """A score from a network whose output is sigma times the score.

    >>> from_scaled(lambda x, sigma: -x)(jnp.ones(()), jnp.array(2.0))
    Array(-0.5, dtype=float32)
    """
    return Partial(_scaled_score, network=as_pytree(network))


def from_noise(network: ScaledScore) -> Score:
    """A score from a network that predicts the unit noise z in x + sigma z.

    >>> from_noise(lambda x, sigma: x)(jnp.ones(()), jnp.array(2.0))
    Array(-0.5, dtype=float32)
    """
    return Partial(_noise_score, network=as_pytree(network))


def from_process(
    network: ScaledScore,
    noise: Process,
    *,
    centre: Array | float = 0.5,
    width: Array | float = 2.0,
) -> Score:
    """A score from a network that predicts the unit noise of a process, given its time.

    The network is given the image it was trained on, x_t = a(t) width (x - centre) with
    t the time of sigma: by default the x_t of a DDPM in [-1, 1] coordinates. Under
    `noise.VPDiscrete` a level between two labels gives a time between them.

    Args:
        network: `(x_t, t) -> z`; it must itself scale t to the labels that it knows.
        noise: the process.
        centre: pixel value, in [0, 1], that the network's coordinates call 0.
        width: range of pixels in the network's coordinates.

    >>> from purifax.noise import VP
    >>> at_unit_variance = lambda x_t, t: jnp.sqrt(1 - VP().alpha_bar(t)) * x_t
    >>> score = from_process(at_unit_variance, VP())
    >>> round(float(score(jnp.array(1.0), jnp.array(0.5))), 4)  # variance 1/4 + 1/4
    -1.0
    """
    return Partial(
        _process_score,
        network=as_pytree(network),
        noise=noise,
        centre=centre,
        width=width,
    )


def from_denoiser(denoiser: Denoiser) -> Score:
    """A score from a network that predicts the clean image.

    >>> from_denoiser(lambda x, sigma: 0 * x)(jnp.ones(()), jnp.array(2.0))
    Array(-0.25, dtype=float32)
    """
    return Partial(_denoiser_score, denoiser=as_pytree(denoiser))


def from_energy(energy: Energy, temperature: Array | float = 1.0) -> Score:
    """The score -dE/dx / temperature, the same at every sigma.

    `scaled` turns it into the scaled score that denoising score matching takes.

    Raises:
        ValueError: the temperature is known and not positive.

    >>> float(from_energy(lambda x: x**2)(jnp.array(3.0), jnp.array(1.0)))
    -6.0
    """
    return Partial(_energy_score, energy=Tempered(energy, temperature))


def from_scaled_energy(energy: Energy) -> Score:
    """The score -dE/dx / sigma, of an energy conditioned on levels as NCSNv2 is.

    The density at level sigma is exp(-E / sigma); the scaled score, -dE/dx, is the same
    at every level.

    >>> slope = from_scaled_energy(lambda x: x**2)
    >>> float(slope(jnp.array(3.0), jnp.array(2.0)))
    -3.0
    """
    return from_scaled(Partial(_energy_score, energy=as_pytree(energy)))


@noun
@dataclass(frozen=True)
class Gaussian:
    """Exact score of clean images N(mean, variance I), `variance` per pixel.

    >>> Gaussian(mean=0.0, variance=1.0)(jnp.ones(()), 1.0)
    Array(-0.5, dtype=float32)
    """

    mean: Array | float
    variance: Array | float

    def __call__(self, x: Array, sigma: Array | float) -> Array:
        """(mean - x) / (variance + sigma^2), like x."""
        return (self.mean - x) / (self.variance + jnp.square(jnp.asarray(sigma)))


@noun
@dataclass(frozen=True)
class Mixture:
    """Exact score of an isotropic Gaussian mixture.

    Attributes:
        means: [M, H, W, C].
        variances: [M], per pixel.
        log_weights: [M], not necessarily normalised.

    >>> pair = Mixture(jnp.array([[-1.0], [1.0]]), jnp.ones(2), jnp.zeros(2))
    >>> pair(jnp.zeros(1), 0.0)
    Array([0.], dtype=float32)
    """

    means: Array
    variances: Array
    log_weights: Array

    def log_density(self, x: Array, sigma: Array | float) -> Array:
        """log p_sigma(x), [], up to the normalisation of the weights."""
        return jax.nn.logsumexp(self._log_joint(x, sigma))

    def __call__(self, x: Array, sigma: Array | float) -> Array:
        """The gradient of `log_density` in x, like x."""
        share = jax.nn.softmax(self._log_joint(x, sigma)) / self._total(sigma)
        return jnp.tensordot(share, self.means - x[None], axes=1)

    def _total(self, sigma: Array | float) -> Array:
        return self.variances + jnp.square(jnp.asarray(sigma))

    def _log_joint(self, x: Array, sigma: Array | float) -> Array:
        noised = energies.Mixture(self.means, self._total(sigma), self.log_weights)
        return noised.log_joint(x)


def _scaled_score(x: Array, sigma: Array, network: ScaledScore) -> Array:
    return checks.like(x, network(x, sigma), "the network") / sigma


def _noise_score(x: Array, sigma: Array, network: ScaledScore) -> Array:
    return -checks.like(x, network(x, sigma), "the network") / sigma


def _process_score(
    x: Array,
    sigma: Array,
    network: ScaledScore,
    noise: Process,
    centre: Array,
    width: Array,
) -> Array:
    t = noise.time(sigma)
    x_t = jnp.asarray(noise.scale(t) * width, x.dtype) * (x - centre)
    return -checks.like(x, network(x_t, t), "the network") / jnp.asarray(sigma, x.dtype)


def _denoiser_score(x: Array, sigma: Array, denoiser: Denoiser) -> Array:
    return (checks.like(x, denoiser(x, sigma), "the denoiser") - x) / jnp.square(sigma)


def _energy_score(x: Array, sigma: Array, energy: Energy) -> Array:
    del sigma
    return force(x, energy)
