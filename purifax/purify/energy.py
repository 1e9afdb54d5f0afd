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

Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525; Hill et al. 2022, arXiv
2205.12243; Bhat et al. 2024, arXiv 2405.18627.
"""

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import sample
from purifax.score import from_energy
from purifax.transform import remat
from purifax.types import Energy

__all__ = ["langevin", "mala"]


@checks.checked(x=checks.in_scale)
def langevin(
    key: Array,
    x: Array,
    energy: Energy,
    step_sizes: Array,
    *,
    temperature: Array | float = 1.0,
    scan: remat.Scan = Partial(remat.auto),
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

    >>> import jax
    >>> from purifax.energy import Gaussian
    >>> x, steps = jnp.full((2, 2, 1), 0.9), jnp.full(200, 1e-4)
    >>> purified = langevin(jax.random.key(0), x, Gaussian(0.2, 1e-3), steps)
    >>> bool(jnp.abs(purified - 0.2).max() < 0.2)
    True
    """
    score = from_energy(energy, temperature)
    levels = jnp.zeros_like(step_sizes)  # the score is the same at all
    return sample.langevin(key, x, score, levels, step_sizes, scan=scan)[0]


@checks.checked(x=checks.in_scale)
def mala(
    key: Array,
    x: Array,
    energy: Energy,
    step_sizes: Array,
    *,
    temperature: Array | float = 1.0,
    scan: remat.Scan = Partial(remat.auto),
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

    >>> import jax
    >>> from purifax.energy import Gaussian
    >>> x, steps = jnp.full((2, 2, 1), 0.9), jnp.full(200, 1e-4)
    >>> purified = mala(jax.random.key(0), x, Gaussian(0.2, 1e-3), steps)
    >>> bool(jnp.abs(purified - 0.2).max() < 0.2)
    True
    """
    how = {"temperature": temperature, "scan": scan}
    return sample.mala(key, x, energy, step_sizes, **how)[0]
