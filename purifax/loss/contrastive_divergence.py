"""Maximum likelihood of an energy, by samples from it.

With p ~ exp(-E / T), the gradient of the mean of -log p over data is that of

    L = (mean E(positive) - mean E(negative)) / T,

where positives are images and negatives are samples of p, constant to the gradient. The
mean gradient is zero where p is the distribution of the data. L itself is no
likelihood: it stays near zero, and its distance from zero, the energy gap, shows
whether training is healthy.

Negatives are the ends of Langevin chains: contrastive divergence starts them at the
data, persistent chains come from a bank (`sample.bank`), short ones start from noise.

Source: Hinton 2002; Tieleman 2008; Xie et al. 2016, arXiv 1602.03264, eq. 5 and 10.
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.energy import checked_temperature
from purifax.types import Energy, expect

__all__ = ["contrastive"]


@checks.checked()
def contrastive(
    positive: Array,
    negative: Array,
    energy: Energy,
    *,
    temperature: Array | float = 1.0,
    decay: Array | float = 0.0,
) -> Array:
    """(E(positive) - E(negative)) / T for one pair; minimise its mean.

    Args:
        positive: an image [H, W, C], with noise where training adds noise.
        negative: a sample of the energy, likewise; no gradient flows into it.
        temperature: T, positive.
        decay: weight of the added E(positive)^2 + E(negative)^2; 0 as published in EBM
            Life Cycle and PureGen, 0.1 or 1 in other code, to keep energies near 0.

    Returns:
        Scalar.

    Raises:
        ValueError: the temperature is known and not positive; the images differ in
            shape; or an energy is not a scalar.

    >>> x = jnp.ones((1, 1, 1))
    >>> float(contrastive(x, 3 * x, lambda x: jnp.sum(x**2), temperature=2.0))
    -4.0
    """
    if positive.shape != negative.shape:
        raise ValueError(
            f"A positive of shape {positive.shape} has a negative of shape "
            f"{negative.shape}; is it the bank of another set of images?"
        )
    low, high = energy(positive), energy(jax.lax.stop_gradient(negative))
    for value in (low, high):
        hint = "Its gradient would be that of a sum."
        expect("The energy of one image", value, (), float, hint=hint)
    squares = jnp.square(low) + jnp.square(high)
    return (low - high) / checked_temperature(temperature) + decay * squares
