"""Purifiers in front of a smoothed classifier: DDS and DiffSmooth.

A purifier makes a classifier accurate on noised images without training it on them.
Denoised smoothing (`dds`) gives the classifier the mean of the clean image given
x + sigma z: one call of the score at the smoothing noise itself. DiffSmooth adds small
noise to the purified image and averages the classifier over a few such copies. Any
other purifier may be used: `Partial(classify.defend, ...)` is a model.

Source: Carlini et al. 2023, arXiv 2206.10550 (DDS); Zhang et al. 2023, arXiv 2308.14333
(DiffSmooth).
"""

import jax
from jax import Array
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.classify import mean_probabilities
from purifax.noise import gaussian
from purifax.purify.dds_denoiser import dds
from purifax.types import Classifier, Purifier, as_pytree

__all__ = ["dds", "diffsmooth"]


@checks.checked()
def diffsmooth(
    key: Array,
    x: Array,
    purifier: Purifier,
    classifier: Classifier,
    copies: Array,
    *,
    sigma: Array | float = 0.25,
) -> Array:
    """The model of DiffSmooth: purify, then average the classifier over small noise.

    The mean of the probabilities over noised copies of the purified image, as log
    probabilities. A purifier maps nearby images to images that are near each other but
    not equal; averaging over copies makes the classifier agree on them.

    Args:
        purifier: such as `Partial(dds, score=score, sigma=sigma)`. copies: int [m], the
        numbers of the copies, folded into the key; published with 5. sigma: noise of
        the copies. Published as 0.25, for classifiers trained on that
            noise; for others it must be small. The authors draw the noise of the copies
            once for all images; here it depends on the key.

    Returns:
        Log probabilities [K].

    Source: Zhang et al. 2023, arXiv 2308.14333, section 4; the authors' code.

    >>> import jax.numpy as jnp
    >>> model = Partial(diffsmooth, purifier=lambda key, x: x, classifier=lambda x: x)
    >>> x, key = jnp.zeros(2), jax.random.key(0)
    >>> jnp.exp(model(key, x, copies=jnp.arange(5), sigma=0.0))
    Array([0.5, 0.5], dtype=float32)
    """
    k_purify, k_copies = jax.random.split(key)
    near = Partial(_near, classifier=as_pytree(classifier), sigma=sigma)
    return mean_probabilities(k_copies, purifier(k_purify, x), near, copies)


def _near(key: Array, x: Array, classifier: Classifier, sigma: Array | float) -> Array:
    return classifier(gaussian(key, x, sigma))
