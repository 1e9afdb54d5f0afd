"""Wide residual classifiers, with the variants that robust training has used.

They take images in [0, 1] and normalise them internally. Batch normalisation is as in
`resnet`. Paddings, strides and epsilons are those of the published torch models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from purifax.nets.activations import activation
from purifax.nets.layers import conv3, conv_layer, normalise
from purifax.nets.resnet import batch_norm, kaiming

__all__ = ["WideResNet"]

_HEADS = ("linear", "cosine")


class WideResNet(nn.Module):
    """Wide residual network with blocks normalised before each convolution.

    There are two published layouts:

    - `biased=False`, the common one: convolutions have no biases, the first convolution
      of a stage is strided, and a shortcut with a convolution starts after the first
      normalisation (36,479,194 parameters at 28-10 with 10 classes).
    - `biased=True`, that of ADP's classifiers: convolutions have biases, the second
      convolution of a stage's first block is strided, a shortcut with a convolution
      starts from the block's input, and the last normalisation has momentum 0.1
      (36,489,290 parameters at 28-10 with 10 classes, 36,546,980 with 100).

    Source: Zagoruyko and Komodakis 2016, arXiv 1605.07146; Gowal et al. 2020, arXiv
    2010.03593 (silu, `shifted`); Dai et al. 2021, arXiv 2110.05626 (pssilu); Pang et
    al. 2020, arXiv 2002.08619 (cosine); Huang et al. 2021, arXiv 2110.03825 (`widths`);
    Ding et al. 2020, arXiv 1812.02637 (`standardised`).

    Attributes:
        depth: 6n + 4.
        widen: factor on the widths 16, 32, 64.
        num_classes: length of the logits.
        biased: which of the two layouts.
        dropout: probability, between the two convolutions of a block, in training (give
            `apply` a "dropout" key).
        widths: channels of the three stages; () is 16, 32 and 64 times `widen`.
        activation: "relu", "silu" or "pssilu", which has two parameters for the whole
            network: x (sigmoid(|a| x) - |b|) / (1 - |b|).
        shifted: whether strided 3x3 convolutions pad the last side only, like "SAME"
            in XLA, instead of both sides like torch.
        head: "linear", or "cosine": the last layer has no bias, and its rows and the
            features have length one.
        standardised: whether the pixels of each image are brought to mean 0 and
            deviation 1, over all its channels, before the normalisation.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    depth: int = 28
    widen: int = 10
    num_classes: int = 10
    biased: bool = False
    dropout: float = 0.0
    widths: tuple[int, ...] = ()
    activation: str = "relu"
    shifted: bool = False
    head: str = "linear"
    standardised: bool = False
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        self._check()
        widths = self.widths or tuple(16 * self.widen * 2**i for i in range(3))
        act = self._activation()
        h = normalise(_standardised(x) if self.standardised else x, self.mean, self.std)
        h = conv3(
            16,
            use_bias=self.biased,
            kernel_init=kaiming,
            dtype=self.dtype,
            name="conv1",
        )(h)
        for stage, width in enumerate(widths):
            for i in range((self.depth - 4) // 6):
                h = _Block(
                    width,
                    2 if stage > 0 and i == 0 else 1,
                    self.biased,
                    self.shifted,
                    self.dropout,
                    self.dtype,
                    name=f"block{stage + 1}_{i}",
                )(h, act, train)
        momentum = 0.1 if self.biased else 0.9
        h = act(batch_norm(train, self.dtype, "bn1", momentum)(h))
        h = jnp.mean(h, axis=(1, 2)).astype(jnp.float32)
        if self.head == "linear":
            return nn.Dense(self.num_classes, name="fc")(h)
        return _Cosine(self.num_classes, name="fc")(h)

    def _check(self) -> None:
        if self.depth < 10 or self.depth % 6 != 4:
            raise ValueError(
                f"`depth` must be 6n + 4 (16, 22, 28, 34, ...); got {self.depth}. "
                f"Did you mean {max(10, round((self.depth - 4) / 6) * 6 + 4)}?"
            )
        if self.head not in _HEADS:
            raise ValueError(f"`head` must be one of {_HEADS}; got {self.head!r}.")
        if len(self.widths) not in (0, 3):
            raise ValueError(
                f"`widths` are those of three stages; got {self.widths}. Leave it "
                "empty for 16, 32 and 64 times `widen`."
            )

    def _activation(self) -> Callable[[Array], Array]:
        if self.activation != "pssilu":
            return activation(self.activation)
        alpha = self.param("alpha", nn.initializers.ones, (1,))
        beta = self.param("beta", nn.initializers.constant(1e-8), (1,))
        a, b = (jnp.abs(p[0]).astype(self.dtype) for p in (alpha, beta))
        return lambda h: h * (jax.nn.sigmoid(a * h) - b) / (1 - b)


class _Block(nn.Module):
    """shortcut(h) + conv(act(norm(conv(act(norm(h))))))."""

    features: int
    stride: int
    biased: bool
    shifted: bool
    dropout: float
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, act: Callable[[Array], Array], train: bool) -> Array:
        options = {
            "use_bias": self.biased,
            "kernel_init": kaiming,
            "dtype": self.dtype,
        }
        first, second = (1, self.stride) if self.biased else (self.stride, 1)
        r = act(batch_norm(train, self.dtype, "bn1")(h))
        if self.stride != 1 or h.shape[-1] != self.features:
            h = conv_layer(
                self.features,
                (1, 1),
                (self.stride, self.stride),
                padding="VALID",
                name="shortcut",
                **options,
            )(h if self.biased else r)
        padding = {"padding": "SAME"} if self.shifted else {}
        r = conv3(self.features, first, name="conv1", **options, **padding)(r)
        if self.biased:
            r = nn.Dropout(self.dropout, deterministic=not train)(r)
        r = act(batch_norm(train, self.dtype, "bn2")(r))
        if not self.biased:
            r = nn.Dropout(self.dropout, deterministic=not train)(r)
        return h + conv3(self.features, second, name="conv2", **options)(r)


class _Cosine(nn.Module):
    """The cosines of the angles between features and the rows of a matrix."""

    num_classes: int

    @nn.compact
    def __call__(self, h: Array) -> Array:
        shape = (h.shape[-1], self.num_classes)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        return _unit(h, -1) @ _unit(kernel, 0)


def _unit(h: Array, axis: int) -> Array:
    square = jnp.sum(jnp.square(h), axis=axis, keepdims=True)
    return h / jnp.sqrt(jnp.maximum(square, 1e-24))


def _standardised(x: Array) -> Array:
    """Each image less its mean, over its deviation or, if larger, pixels^(-1/2)."""
    axes, count = (1, 2, 3), x[0].size
    centred = x - jnp.mean(x, axis=axes, keepdims=True)
    variance = jnp.sum(jnp.square(centred), axis=axes, keepdims=True) / (count - 1)
    return centred / jnp.sqrt(jnp.maximum(variance, 1 / count))
