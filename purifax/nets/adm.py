"""The denoiser of EDM for ImageNet: OpenAI's UNet (ADM) with a preconditioning.

Source: Dhariwal and Nichol 2021, arXiv 2105.05233; Karras et al. 2022, arXiv
2206.00364, table 1.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from purifax.nets.openai import OpenAIUNet
from purifax.nets.precondition import precondition

__all__ = ["ADMDenoiser"]


class ADMDenoiser(OpenAIUNet):
    """EDM's network for ImageNet at 64 pixels; fields of `OpenAIUNet`, and two more.

    With the defaults and `num_classes=1000` it is the published one, of 295,899,843
    parameters.

    Attributes:
        preconditioning: "edm", "vp", "ve" or "iddpm"; see `nets.precondition`.
        spread: standard deviation of the data, for "edm".
    """

    width: int = 192
    multiples: tuple[float, ...] = (1, 2, 3, 4)
    attention: tuple[int, ...] = (1, 2, 3)
    head_width: int | None = 64
    resize: str = "block"
    learned_variance: bool = False
    groups: int = 0
    preconditioning: str = "edm"
    spread: float = 0.5

    def __call__(
        self, x: Array, sigma: Array, label: Array | None = None, train: bool = False
    ) -> Array:
        """The clean image, [N, H, W, C], float32, in the range of x.

        Args:
            x: noisy images, in [-1, 1] where there is no noise, [N, H, W, C].
            sigma: noise levels of these, [N].
            label: class, [N], integer, where `num_classes` is not None.
            train: whether to drop out.
        """
        x, sigma = x.astype(jnp.float32), sigma.astype(jnp.float32)
        numbers = precondition(self.preconditioning, sigma, self.spread)
        skip, out, scale = (c.reshape(-1, 1, 1, 1) for c in numbers[:3])
        f = super().__call__(scale * x, numbers[3], label, train)
        return skip * x + out * f[..., : self.channels]
