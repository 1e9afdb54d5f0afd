"""Purification by an energy: Langevin chains that start at the image.

Stochastic Security runs 1,500 steps of an energy whose long chains stay realistic;
PureEBM and PureGen 150 to 1,000 of one trained for chains of that length. In terms of
the published epsilon, `schedule.noise_steps(epsilon, length)` are the step sizes.

    Stochastic Security   epsilon 0.01    1,500 steps   temperature 5e-5 (folded in)
    EBM Life Cycle        epsilon 0.01    2,000 steps   temperature 1e-4
    PureGen               epsilon 0.0125  150, 500 or 1,000 steps
                                          temperature 1e-4, or 7.5e-5 for 500

Nothing is projected or clipped, as published: a result may leave [0, 1] a little. The
first defends by `classify.mean_logits` over 150 draws, parallel chains.

Of a network with ReLU or its leaky kind, as published, the force is constant in pieces:
the exact gradient of a Langevin chain is then that of the identity, BPDA's, almost
everywhere, although the chain does move its end with its start from piece to piece. An
attack by gradients learns no more from it. With "swish" it is a gradient that tells.

PureGen's combinations, of a bound `langevin` and a bound diffusion purifier (`diffuse`
with `sample.ancestral`, or `puregen_ddpm`), are

    Naive   Partial(chain, purifiers=[ebm, ddpm])           150 steps, then label 75
    Reps    Partial(repeat, purifier=naive, draws=...)      10 steps, label 50, 5 times
    Filt    purifies the half of highest energy, see `highest`; label 125

The appendix says 7 times where its table says 5.

Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525; Hill et al. 2022, arXiv
2205.12243; Bhat et al. 2024, arXiv 2405.18627.
"""

import math

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recompute, sample
from purifax.noise import Process, gaussian
from purifax.purify.diffuse import Sampler
from purifax.score import from_energy
from purifax.types import Energy, Score, known

__all__ = ["highest", "langevin", "mala", "puregen_ddpm"]


def langevin(
    key: Array,
    x: Array,
    energy: Energy,
    step_sizes: Array,
    *,
    temperature: Array | float = 1.0,
    scan: recompute.Scan = Partial(recompute.auto),
) -> Array:
    """The end of a Langevin chain of p ~ exp(-E / temperature) that starts at x.

    Args:
        step_sizes: [T], see `schedule.noise_steps`; no step leaves x as it is.
        temperature: divides the energy; the noise of a step stays as it is.
        scan: what the gradient keeps, see `recompute`.

    Returns:
        The purified image, not clipped.

    Raises:
        ValueError: the temperature is known and not positive.

    >>> from purifax.energy import Gaussian
    >>> x, steps = jnp.full((2, 2, 1), 0.9), jnp.full(200, 1e-4)
    >>> purified = langevin(jax.random.key(0), x, Gaussian(0.2, 1e-3), steps)
    >>> bool(jnp.abs(purified - 0.2).max() < 0.2)
    True
    """
    score = from_energy(energy, temperature)
    levels = jnp.zeros_like(step_sizes)  # the score is the same at all
    return sample.langevin(key, x, score, levels, step_sizes, scan=scan)[0]


def mala(
    key: Array,
    x: Array,
    energy: Energy,
    step_sizes: Array,
    *,
    temperature: Array | float = 1.0,
    scan: recompute.Scan = Partial(recompute.auto),
) -> Array:
    """`langevin` with every step accepted or refused by Metropolis's rule.

    The exact sampler to compare with: its law has no bias of the step size.

    Args:
        step_sizes: [T].
        temperature: divides the energy.
        scan: what the gradient keeps, see `recompute`.

    Returns:
        The purified image, not clipped.

    Raises:
        ValueError: the temperature is known and not positive.

    >>> from purifax.energy import Gaussian
    >>> x, steps = jnp.full((2, 2, 1), 0.9), jnp.full(200, 1e-4)
    >>> purified = mala(jax.random.key(0), x, Gaussian(0.2, 1e-3), steps)
    >>> bool(jnp.abs(purified - 0.2).max() < 0.2)
    True
    """
    how = {"temperature": temperature, "scan": scan}
    return sample.mala(key, x, energy, step_sizes, **how)[0]


def puregen_ddpm(
    key: Array,
    x: Array,
    score: Score,
    noise: Process,
    times: Array,
    *,
    centre: Array | float = 0.5,
    sampler: Sampler = Partial(sample.ancestral),
    scan: recompute.Scan = Partial(recompute.auto),
) -> Array:
    """`diffuse` with PureGen's start: noised to times[0], sampled from times[1] on.

    Their program takes the image noised with label t for one of label t - 1. Without
    that it is `diffuse` with `sample.ancestral`. Bound the score by `guide.bounded`, as
    they clip the denoised image. Their network is trained on labels below 250 alone,
    the `times` of `loss.simple`.

    Args:
        times: [T + 1], T of 2 or more, from the noise to the image; published
            `jnp.arange(t, -2, -1)` of `noise.VPDiscrete`, t of 75 or 125.
        centre: of the pixels in the coordinates of the process.

    Returns:
        The purified image, clipped to [0, 1].

    Raises:
        ValueError: fewer than three times.

    >>> from purifax.noise import VPDiscrete
    >>> from purifax.score import Gaussian
    >>> x, times = jnp.full((2, 2, 1), 0.4), jnp.arange(9, -2, -1)
    >>> key, score = jax.random.key(0), Gaussian(0.6, 0.0)
    >>> puregen_ddpm(key, x, score, VPDiscrete(), times)[0, 0].round(3)
    Array([0.6], dtype=float32)
    """
    if times.shape[0] < 3:
        raise ValueError(
            "PureGen's start needs three times or more, the first to noise the image "
            f"and the others to sample back; got {times.shape[0]}."
        )
    k_noise, k_sample = jax.random.split(key)
    noised = gaussian(k_noise, x, noise.sigma(times[0])) - centre
    shrunk = noise.scale(times[0]) / noise.scale(times[1])
    start = (centre + shrunk * noised).astype(x.dtype)
    sigmas = noise.sigma(times[1:])
    return jnp.clip(sampler(k_sample, start, score, sigmas, scan=scan)[0], 0.0, 1.0)


def highest(energies: Array, fraction: Array | float) -> Array:
    """Which images of a set have the highest energies: PureGen's filter.

    Of equal energies the first come first. An energy that is no number is the highest.

    Args:
        energies: [N], of the images as they came, after rounding to 8 bits.
        fraction: of the set, in [0, 1]; int(fraction N) images are chosen. Published
            0.5.

    Returns:
        bool [N]; `jnp.where` of it chooses between the purified image and the raw one.

    Raises:
        ValueError: the fraction is known and outside [0, 1].

    >>> highest(jnp.array([0.3, 0.1, 0.9, 0.3]), 0.5).tolist()
    [True, False, True, False]
    """
    for value in known(fraction) or []:
        if not 0 <= value <= 1:
            raise ValueError(
                f"`fraction` is a share of the set in [0, 1]; got {value}."
            )
    size = energies.shape[0] * fraction
    count = math.floor(size) if isinstance(size, float) else jnp.floor(size)
    worst_first = jnp.where(jnp.isnan(energies), -jnp.inf, -energies)
    rank = jnp.argsort(jnp.argsort(worst_first, stable=True))
    return rank < count
