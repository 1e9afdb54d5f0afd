"""Purification in the latents of an autoencoder: encode, purify, decode.

    D(w (P(E(x) / w + 1/2) - 1/2))

for an encoder E, a decoder D and any purifier P of "images" that are latents, brought
from -w/2 ... w/2 to [0, 1], where purifiers clip. The gradient is that of all three.

Source: Rombach et al. 2022, arXiv 2112.10752 (latent diffusion).
"""

from collections.abc import Callable
from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.purify.diffpure import DiffPure
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["Latent", "latent"]


@checks.checked(x=checks.in_scale)
def latent(
    key: Array,
    x: Array,
    purifier: Purifier,
    encode: Callable[[Array], Array],
    decode: Callable[[Array], Array],
    *,
    width: Array | float = 16.0,
) -> Array:
    """A purifier of latents as one of images.

    Args:
        purifier: `(key, u) -> u` for latents u, [h, w, c], in units where [0, 1] is
            -width / 2 to width / 2.
        encode: image, [H, W, C], to latents.
        decode: latents to an image, which is clipped to [0, 1].
        width: of latents that are kept apart; of unit variance, 16 is 8 deviations on
            each side. The score of the purifier must have the same, as in
            `weights.Prediction(..., width=16)`.

    >>> import jax
    >>> shrink = lambda key, u: 0.5 + (u - 0.5) / 2
    >>> half = latent(jax.random.key(0), jnp.ones((2, 2, 1)), shrink, jnp.negative,
    ...               jnp.negative)
    >>> half[0, 0]
    Array([0.5], dtype=float32)
    """
    width = jnp.asarray(width, x.dtype)
    u = purifier(key, encode(x) / width + 0.5)
    return jnp.clip(decode((u - 0.5) * width), 0.0, 1.0).astype(x.dtype)


@dataclass(frozen=True)
@typed
class Latent(DiffPure):
    """Noise of a diffusion on an autoencoder's latents, and a sampler back.

    `latent` takes any other purifier. The prior needs an autoencoder, and a score of
    its latents, as `weights.latent_diffusion.prior` gives both; sigma is in units of
    the latents over its width.

    Source: Nie et al. 2022, arXiv 2205.07460; Rombach et al. 2022, arXiv 2112.10752.
    """

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return _within(prior, super().build)

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """As few steps over the whole way, as a surrogate."""
        return _within(prior, Partial(super().build_short, steps=steps))

    def words(self) -> str:
        """The noise and the sampler in words."""
        return f"in latents: {super().words()}"


def _within(prior: Prior, build: Callable[[Prior], Purifier]) -> Partial:
    """The purifier of latents that is built, as one of images.

    Raises:
        ValueError: the prior has no autoencoder.
    """
    if prior.autoencoder is None:
        raise ValueError(
            "Latent needs an autoencoder beside a score of its latents; give "
            "Prior(..., autoencoder=(encode, decode, width))."
        )
    encode, decode, width = prior.autoencoder
    parts = {"encode": encode, "decode": decode, "width": width}
    return Partial(latent, purifier=build(prior), **parts)
