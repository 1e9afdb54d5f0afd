"""Networks that are not purifax's, as a user would define them in a module of his own.

Each maps one image [8, 8, 1] and a noise level [] to an image; `Classes` gives logits.
"""

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx
from jax.tree_util import Partial


class Linen(nn.Module):
    """A convolution, on batches as Linen's are; its averages are in "batch_stats"."""

    width: int = 4
    dtype: type = jnp.float32

    @nn.compact
    def __call__(self, x, sigma):
        h = nn.Conv(self.width, (3, 3), dtype=self.dtype)(x)
        h = nn.BatchNorm(use_running_average=True)(h)
        return nn.Conv(x.shape[-1], (1, 1))(nn.silu(h)) * sigma[:, None, None, None]


class Activated(nn.Module):
    """A field that JSON cannot hold."""

    activation: object = nn.silu

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(self.activation(x.reshape(len(x), -1)))


class Nnx(nnx.Module):
    """With running averages and dropout, which are off in inference."""

    def __init__(self, width, rngs):
        self.first = nnx.Conv(1, width, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.rest = nnx.List([nnx.Linear(width, 1, rngs=rngs)])

    def __call__(self, x, sigma):
        h = self.drop(nnx.silu(self.norm(self.first(x))))
        return self.rest[0](h) * sigma


class Equinox(eqx.Module):
    """An MLP, which holds functions among its leaves, and a number beside it."""

    mlp: eqx.nn.MLP
    factor: float = 1.0

    def __call__(self, x, sigma):
        return self.factor * self.mlp(x.ravel()).reshape(x.shape) * sigma


def function(params, x, sigma):
    for layer in params["layers"]:
        x = x * layer["scale"] + layer["shift"]
    return x * sigma


def keyword(x, sigma, weights):
    return (weights @ x.ravel()).reshape(x.shape) * sigma


def classes(params, x):
    return params["w"] @ x.ravel()


def nnx_built(width=4):
    return Nnx(width, nnx.Rngs(7))


def equinox_built(width=5, factor=1.0):
    mlp = eqx.nn.MLP(64, 64, width, 1, key=jax.random.key(7))
    return Equinox(mlp, factor)


def activated():
    return Activated(nn.tanh)


def bound_tuple():
    return Partial(pairs, (jnp.ones(2), jnp.ones(2)))


def pairs(params, x):
    return params[0] * x.mean() + params[1]


def broken():
    raise RuntimeError("no such file\nand more lines")
