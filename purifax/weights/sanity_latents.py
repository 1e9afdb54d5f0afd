"""Whether a converted network of latents denoises them, and its autoencoder gives back.

Held-out images are encoded, and their latents are denoised as images are in `sanity`,
at noise of as many times their width. The error of the autoencoder D(E(x)) is relative
to that of the images' mean,

    mean |D(E(x)) - x|^2 / mean |x - mean x|^2,

which is far below 1 for a trained one.
"""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from purifax import nets
from purifax.weights import sanity
from purifax.weights.predictions import Prediction

__all__ = ["LatentCheck", "check"]


@dataclass(frozen=True)
class LatentCheck(sanity.Check):
    """The errors of a network of latents, and that of its autoencoder.

    Attributes:
        coding: of the autoencoder, relative to the images' mean.
    """

    coding: float = 0.0

    def refusal(self) -> str:
        """Why the networks are not taken as they are read; "" if they may be."""
        if not self.coding <= 1:
            return (
                f"the autoencoder gives {self.images.removeprefix(_LATENTS)} back "
                f"worse than their mean would (error {self.coding:.3g} of 1); is the "
                "folder's vae the one of its config?"
            )
        return super().refusal()

    def table(self, rows: int = 8) -> str:
        """The errors in lines."""
        line = f"error of the autoencoder, of the images' variance: {self.coding:.3g}"
        return "\n".join(part for part in (super().table(rows), line) if part)

    def words(self) -> dict[str, Any]:
        """In plain values, for ``network.json``."""
        return super().words() | {"autoencoder": float(f"{self.coding:.5g}")}


_LATENTS = "the latents of "


def check(
    network: nets.Network,
    predicts: Prediction,
    images: np.ndarray,
    words: str,
    coder: nets.Network,
) -> LatentCheck:
    """The errors of a network of latents, of its other readings, and of its coder.

    Args:
        predicts: what the network predicts of latents.
        images: [N, H, W, C] in [0, 1].
        words: what they are, for messages.
        coder: an `AutoencoderKL`.
    """
    encode, decode = jax.jit(nets.encoder(coder)), jax.jit(nets.decoder(coder))
    latents = [encode(jnp.asarray(image)) for image in images]
    given = np.asarray([decode(z) for z in latents])
    coding = np.mean(np.square(given - images)) / max(np.var(images), 1e-12)
    placed = np.asarray(latents) / predicts.width + predicts.centre
    levels = [2 * level / predicts.width for level in sanity.LEVELS]
    found = sanity.check(network, predicts, placed, f"{_LATENTS}{words}", None, levels)
    return LatentCheck(
        found.levels,
        found.errors,
        found.images,
        found.flags,
        found.left,
        coding=float(coding),
    )
