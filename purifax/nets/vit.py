"""Vision transformers: ViT, DeiT, and the image tower of CLIP.

Source: Dosovitskiy et al. 2020, arXiv 2010.11929; Touvron et al. 2020, arXiv
2012.12877 (two tokens); Radford et al. 2021, arXiv 2103.00020 (CLIP).
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv_layer, normalise
from purifax.nets.transformer import EncoderBlock, layer_norm

__all__ = ["VisionTransformer"]

_HEADS = ("linear", "distilled", "zero_shot")
_POOLS = ("token", "mean")


class VisionTransformer(nn.Module):
    """A transformer over square patches of an image and one or two tokens beside them.

    The defaults are ViT-B/16 with 86,567,656 parameters. DeiT-S has width 384, 6 heads
    and 22,050,664 parameters. CLIP's towers normalise before the first block
    (`first_norm`), have no bias in the convolution of patches and end in a zero-shot
    head: the cosines of the projected features with embeddings of the classes, times
    exp of a parameter.

    Attributes:
        side: height and width of the images, to which the positions belong.
        patch: side of the patches.
        width: channels of a token.
        depth: blocks.
        heads: of the attention.
        hidden: width of the feed-forward networks.
        num_classes: length of the logits.
        head: "linear"; "distilled", two tokens, each with a linear layer, of which the
            mean is taken; or "zero_shot".
        embedding: length of the projected features of a zero-shot head.
        pool: "token", or "mean" of the patches, which "linear" and "zero_shot" allow.
        has_token: whether there is a token beside the patches; always, but with "mean".
        first_norm: whether tokens are normalised before the first block.
        norm_first: whether the last normalisation precedes the pooling by "mean".
        patch_bias: whether the convolution of patches has a bias.
        use_bias: whether queries, keys and values have biases.
        scaled: whether the branches have factors.
        activation: "gelu", or "quick_gelu" in OpenAI's weights of CLIP.
        epsilon: of the normalisations.
        mean: of the normalisation of images, one number or one for each channel.
        std: of that normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    side: int = 224
    patch: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    hidden: int = 3072
    num_classes: int = 1000
    head: str = "linear"
    embedding: int = 512
    pool: str = "token"
    has_token: bool = True
    first_norm: bool = False
    norm_first: bool = True
    patch_bias: bool = True
    use_bias: bool = True
    scaled: bool = False
    activation: str = "gelu"
    epsilon: float = 1e-6
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, side, side, C] in [0, 1]."""
        del train
        self._check(x)
        h = self._tokens(normalise(x, self.mean, self.std))
        if self.first_norm:
            h = layer_norm(self.epsilon, self.dtype, "norm_pre")(h)
        for i in range(self.depth):
            h = EncoderBlock(
                self.heads,
                self.hidden,
                self.epsilon,
                self.activation,
                self.use_bias,
                self.scaled,
                self.dtype,
                name=f"block{i}",
            )(h)
        last = layer_norm(self.epsilon, jnp.float32, "norm")
        if self.head == "distilled":
            h = last(h)
            logits = (
                nn.Dense(self.num_classes, name=name)(h[:, i])
                for i, name in enumerate(("head", "head_dist"))
            )
            return sum(logits, start=jnp.zeros(())) / 2
        h = last(h) if self.norm_first else h
        patches = h[:, int(self.has_token) :]
        h = h[:, 0] if self.pool == "token" else jnp.mean(patches, axis=1)
        h = h if self.norm_first else last(h)
        h = h.astype(jnp.float32)
        if self.head == "linear":
            return nn.Dense(self.num_classes, name="head")(h)
        return self._cosines(h)

    def _tokens(self, x: Array) -> Array:
        """Patches with their positions, and the tokens before them: [N, T, width]."""
        h = conv_layer(
            self.width,
            (self.patch, self.patch),
            (self.patch, self.patch),
            padding="VALID",
            use_bias=self.patch_bias,
            dtype=self.dtype,
            name="patches",
        )(x)
        h = h.reshape(len(h), -1, self.width)
        start = nn.initializers.normal(0.02)
        names = ("token", "token_dist")[: self._beside()]
        for name in reversed(names):
            token = self.param(name, start, (self.width,)).astype(h.dtype)
            token = jnp.broadcast_to(token, (len(h), 1, self.width))
            h = jnp.concatenate([token, h], axis=1)
        positions = self.param("positions", start, (h.shape[1], self.width))
        return h + positions[None].astype(h.dtype)

    def _beside(self) -> int:
        """The tokens beside the patches."""
        return 2 if self.head == "distilled" else int(self.has_token)

    def _cosines(self, h: Array) -> Array:
        """The cosines with the classes' embeddings, times a positive number."""
        start = nn.initializers.normal(self.width**-0.5)
        h = nn.Dense(self.embedding, use_bias=False, kernel_init=start, name="proj")(h)
        classes = self.param("classes", start, (self.num_classes, self.embedding))
        log_scale = self.param("log_scale", nn.initializers.constant(4.6052), (1,))
        return jnp.exp(log_scale[0]) * _unit(h) @ _unit(classes).T

    def _check(self, x: Array) -> None:
        for name, known in (("head", _HEADS), ("pool", _POOLS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` must be one of {known}; got {getattr(self, name)!r}."
                )
        if not self.has_token and (self.head == "distilled" or self.pool == "token"):
            raise ValueError('without a token, `pool` must be "mean" of a head of one.')
        if self.side % self.patch:
            raise ValueError(
                f"{self.side} pixels are no whole patches of {self.patch}."
            )
        if x.shape[1:3] != (self.side, self.side):
            raise ValueError(
                f"this transformer has positions for images of {self.side} x "
                f"{self.side}; got {x.shape[1]} x {x.shape[2]}."
            )


def _unit(h: Array) -> Array:
    square = jnp.sum(jnp.square(h), axis=-1, keepdims=True)
    return h / jnp.sqrt(jnp.maximum(square, 1e-24))
