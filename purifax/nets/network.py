"""A network and its variables as one callable.

Linen modules work on batches and do not hold their parameters. The rest of purifax
works on one image and on plain functions `f(x, ...)`. A `Network` connects the two: it
is called on one example, and it is a pytree whose leaves are the parameters, so that
these can be traced, sharded and differentiated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from purifax.types import expect, floating, noun

__all__ = ["Network", "count", "init"]


@noun
@dataclass(frozen=True)
class Network:
    """A Linen module bound to its variables: a function of one example.

    A call adds a leading batch axis to every argument, applies the module in inference
    mode (running averages, no dropout) and removes the axis again. Without that axis a
    normalisation layer would silently treat the rows of the image as the batch.
    `jax.vmap` of a `Network` is the batched network.

    Attributes:
        module: the architecture; static, compared by its fields, so a rebuilt but equal
            module does not retrace a jitted function.
        variables: the collections made by `init`: "params", and "batch_stats" where
            the module keeps running averages.
        shape: of the images that the network was made for, (H, W, C); static. None is
            not known, and not checked. Many a network runs on images of another size,
            whose answers mean nothing.

    >>> import jax, jax.numpy as jnp
    >>> from purifax.nets import MLP, Network, init
    >>> module, x = MLP(num_classes=10), jnp.zeros((8, 8, 1))
    >>> Network(module, init(jax.random.key(0), module, x))(x).shape
    (10,)
    """

    module: nn.Module = field(metadata={"static": True})
    variables: Any
    shape: tuple[int, ...] | None = field(default=None, metadata={"static": True})

    def __call__(self, x: ArrayLike, *conditions: ArrayLike) -> Array:
        """Apply the module to one example.

        Args:
            x: one image, [H, W, C] in [0, 1].
            conditions: further arguments of the module, each without its batch axis;
                for a score network the noise level sigma, [].

        Returns:
            The module's output without its batch axis: logits [K] or an image
            [H, W, C].

        Raises:
            ValueError: the image is not floating, or not of `shape`.
        """
        floating(x)
        if self.shape is not None:
            hint = "The network was made for one image of this shape."
            expect("`x`", x, self.shape, float, hint=hint)
        batched = (jnp.asarray(argument)[None] for argument in (x, *conditions))
        output: Any = self.module.apply(self.variables, *batched)
        return output[0]

    def __repr__(self) -> str:
        """One line, such as `Network(SmallScore, 204,612 parameters)`."""
        leaves = jax.tree.leaves(self.variables)
        kind = type(self.module).__name__
        if not all(hasattr(leaf, "shape") for leaf in leaves):
            return f"Network({kind})"  # jax puts other objects in place of the arrays
        return f"Network({kind}, {count(self.variables):,} parameters)"


def init(
    key: Array, module: nn.Module, x: ArrayLike, *conditions: ArrayLike
) -> dict[str, Any]:
    """Draw the variables of a module, given the arguments of one example.

    Call it outside `jit`: compiling the many random draws of a large network as one
    program takes much longer than running them.

    Args:
        key: a typed key.
        x: one image, [H, W, C]; only its shape and dtype matter.
        conditions: the module's further arguments for one example, such as sigma, [].

    Returns:
        {"params": ...}, with "batch_stats" where the module keeps running averages.

    >>> import jax, jax.numpy as jnp
    >>> from purifax.nets import SmallScore, init
    >>> sorted(init(jax.random.key(0), SmallScore(), jnp.zeros((32, 32, 3)), 1.0))
    ['params']
    """
    shapes = (
        jax.ShapeDtypeStruct((1, *argument.shape), argument.dtype)
        for argument in map(jnp.asarray, (x, *conditions))
    )
    return dict(module.lazy_init(key, *shapes))


def count(variables: Any) -> int:
    """The number of parameters; running averages are not counted.

    Args:
        variables: what `init` returns, or its shapes from `jax.eval_shape`.

    >>> import jax.numpy as jnp
    >>> from purifax.nets import count
    >>> count({"params": {"kernel": jnp.zeros((3, 2))}, "batch_stats": jnp.zeros(9)})
    6
    """
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))
