"""The score networks of Song et al. 2021, also in the form of Karras et al. 2022.

    DDPMpp      (x_t, 999 t) -> unit noise       DDPM++, variance preserving
    NCSNpp      (x, sigma) -> scaled score       NCSN++, variance exploding
    SongUNet    (x, sigma) -> clean image        either, preconditioned (EDM)

Source: Song et al. 2021, arXiv 2011.13456, section 4 and appendix H; Karras et al.
2022, arXiv 2206.00364, appendix F and table 1.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from purifax.nets.precondition import log, precondition
from purifax.nets.song_unet import Song

__all__ = ["DDPMpp", "NCSNpp", "SongUNet"]


class DDPMpp(Song):
    """DDPM++: predicts the unit noise of x_t under a variance preserving process.

    Its second input is 999 times the time of the process. The fields are those of
    `purifax.nets.song_unet.Song`. Their defaults make the published continuous network
    for CIFAR-10, with 61,804,419 parameters; that of DiffPure is the deep one
    (`blocks=8`), with 106,632,579. NCSN++ trained on the same process also has
    `filtered` and `residual_input`.
    """

    def __call__(
        self, x: Array, t: Array, label: Array | None = None, train: bool = False
    ) -> Array:
        """The unit noise, [N, H, W, C], float32.

        Args:
            x: x_t in the network's own range, [-1, 1] where there is no noise,
                [N, H, W, C].
            t: 999 times the process's time, [N].
            label: of classes, [N] integers, if there are any.
        """
        return self.unet(x, t, train, label)


class NCSNpp(Song):
    """NCSN++: predicts the scaled score under the variance exploding process.

    The fields are those of `purifax.nets.song_unet.Song`. Their defaults make the
    published continuous network, with 62,758,915 parameters (107,587,075 with
    `blocks=8`). The published code divides by sigma after the last layer; this network
    does not.
    """

    embedding: str = "fourier"
    filtered: bool = True
    residual_input: bool = True

    def __call__(
        self, x: Array, sigma: Array, label: Array | None = None, train: bool = False
    ) -> Array:
        """The scaled score f = sigma * score, [N, H, W, C], float32.

        Args:
            x: noisy images, in [0, 1] where there is no noise, [N, H, W, C].
            sigma: noise levels of these, [N].
            label: of classes, [N] integers, if there are any.
        """
        return self.unet(2 * x - 1, log(sigma), train, label)


class SongUNet(Song):
    """EDM's networks for CIFAR-10: a denoiser around DDPM++ or NCSN++.

        D(x, sigma) = c_skip x + c_out F(c_in x, c_noise)

    With the defaults, and `augmentations=9` as published, it has 55,733,891 parameters.
    NCSN++ is `embedding="fourier", filtered=True, residual_input=True`. The fields are
    those of `purifax.nets.song_unet.Song`, and:

    Attributes:
        preconditioning: "edm", "vp" or "ve"; see `nets.precondition`.
        spread: standard deviation of the data, for "edm".

    Source: Karras et al. 2022, arXiv 2206.00364, table 1 and section 5.
    """

    multiples: tuple[int, ...] = (2, 2, 2)
    dropout: float = 0.13
    preconditioning: str = "edm"
    spread: float = 0.5

    def __call__(
        self,
        x: Array,
        sigma: Array,
        label: Array | None = None,
        augmentation: Array | None = None,
        train: bool = False,
    ) -> Array:
        """The clean image, [N, H, W, C], float32, in the range of x.

        Args:
            x: noisy images, in [-1, 1] where there is no noise, [N, H, W, C].
            sigma: noise levels of these, [N].
            label: of classes, [N] integers, if there are any.
            augmentation: [N, A], if there is any.
        """
        sigma = sigma.astype(jnp.float32)
        numbers = precondition(self.preconditioning, sigma, self.spread)
        skip, out, scale = (c.reshape(-1, 1, 1, 1) for c in numbers[:3])
        x = x.astype(jnp.float32)
        f = self.unet(scale * x, numbers[3], train, label, augmentation)
        return skip * x + out * f
