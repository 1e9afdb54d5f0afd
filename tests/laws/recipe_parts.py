"""What the laws of recipes are judged with: an image, priors, small numbers."""

import dataclasses

import numpy as np
from jax import numpy as jnp
from jax import random
from jax.tree_util import Partial
from oracles import image, mixture

from purifax import energy, noise
from purifax.purify import Prior

KEY, X = random.key(5), image(3)
MOST = 4
close = Partial(np.testing.assert_allclose, rtol=2e-4, atol=2e-5)


def small(made):
    """The recipe with no whole number above `MOST`, unless it refuses that."""
    fields = [f.name for f in dataclasses.fields(made)]
    large = {n for n in fields if type(getattr(made, n)) is int} - {"bits"}
    changes = {n: MOST for n in large if getattr(made, n) > MOST}
    try:
        return dataclasses.replace(made, **changes)
    except ValueError:
        return made


def prior(wrap=lambda network: network):
    """A prior that has everything."""
    score = mixture()
    bowl = energy.Mixture(score.means, score.variances, score.log_weights)
    chain = noise.VPDiscrete()
    turned = Partial(jnp.flip, axis=0)  # latents of the same shape, upside down
    return Prior(
        wrap(score),
        chain,
        energy=wrap(bowl),
        temperature=0.5,
        autoencoder=(turned, turned, 1.0),
    )
