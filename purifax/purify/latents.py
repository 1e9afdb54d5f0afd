"""Purification in the latents of an autoencoder: encode, purify, decode.

    D(w (P(E(x) / w + 1/2) - 1/2))

for an encoder E, a decoder D and any purifier P of "images" that are latents, brought
from -w/2 ... w/2 to [0, 1], where purifiers clip. The gradient is that of all three.

Source: Rombach et al. 2022, arXiv 2112.10752 (latent diffusion).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.purify.diffpure import DiffPure
from purifax.purify.prior import Prior, States
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
    u = purifier(key, _coded(x, encode, width))
    return _image(u, decode, width).astype(x.dtype)


def _coded(x: Array, encode: Callable[[Array], Array], width: Array | float) -> Array:
    """Latents in units of their width, about 1/2."""
    return encode(x) / jnp.asarray(width, x.dtype) + 0.5


def _image(u: Array, decode: Callable[[Array], Array], width: Array | float) -> Array:
    return jnp.clip(decode((u - 0.5) * jnp.asarray(width, u.dtype)), 0.0, 1.0)


def _images(
    key: Array,
    x: Array,
    path: Callable[[Array, Array], Array],
    encode: Callable[[Array], Array],
    decode: Callable[[Array], Array],
    width: Array | float,
) -> Array:
    """The images of a path of latents, [T + 1, H, W, C]."""
    states = path(key, _coded(x, encode, width))
    return jax.vmap(lambda u: _image(u, decode, width))(states).astype(x.dtype)


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

    def noise_alone(self, prior: Prior) -> None:
        """None: noise of latents is not one of images."""

    def states(self, prior: Prior) -> States:
        """The images of the latents on their way, and of the same noise added."""
        parts, inner = _parts(prior), super().states(prior)
        path = Partial(_images, path=inner.path, **parts)
        if inner.reference is None:
            return States(path, None, inner.steps)
        reference = Partial(_images, path=inner.reference, **parts)
        return States(path, reference, inner.steps)

    def words(self) -> str:
        """The noise and the sampler in words."""
        return f"in latents: {super().words()}"


def _within(prior: Prior, build: Callable[[Prior], Purifier]) -> Partial:
    """The purifier of latents that is built, as one of images."""
    parts = _parts(prior)
    return Partial(latent, purifier=build(prior), **parts)


def _parts(prior: Prior) -> dict[str, Any]:
    """The autoencoder of a prior.

    Raises:
        ValueError: it has none.
    """
    if prior.autoencoder is None:
        raise ValueError(
            "Latent needs an autoencoder beside a score of its latents; give "
            "Prior(..., autoencoder=(encode, decode, width))."
        )
    encode, decode, width = prior.autoencoder
    return {"encode": encode, "decode": decode, "width": width}
