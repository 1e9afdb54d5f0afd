"""PyTorch modules as networks and purifiers of purifax, through a callback.

    classifier = bridge.from_torch(module.eval())                # (x) -> logits
    denoiser = bridge.from_torch(net.eval(), role="denoiser")    # (x, sigma) -> like x
    score = purifax.score.from_denoiser(denoiser)
    purifier = bridge.from_torch(cleaner.eval(), role="purifier")  # (key, x) -> x

A call leaves the program of JAX, runs the module and returns; derivatives are those of
`torch.autograd`, see `bridge.callback`. All images that a program maps over at that
point are one batch of the module: `vmap`, `purifax.batched` and EOT samples make one
call.

A `purifax` program that is compiled for several devices calls the module once for each,
with its share of the images, in threads of this process.
"""

import sys
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp

from purifax.bridge.callback import call
from purifax.bridge.forward import (
    ROLES,
    Forward,
    check_mode,
    named,
    takes_generators,
)
from purifax.bridge.layouts import check_layout
from purifax.recipe.spelling import nearest
from purifax.types import expect, floating, noun

__all__ = [
    "TorchNetwork",
    "TorchPurifier",
    "from_torch",
    "is_tensor",
    "is_torch",
    "module_called",
    "torch_networks",
]


@noun
@dataclass(frozen=True)
class TorchNetwork:
    """A torch module as a function of one image; see `from_torch`.

    Attributes:
        forward: the module's program; static, equal for the same module.
    """

    forward: Forward = field(metadata={"static": True})

    def __call__(self, x: Any, *conditions: Any) -> Array:
        """What the module answers to one image.

        Args:
            x: [H, W, C].
            conditions: of the image, each [], such as the noise level sigma; the module
                gets each as [N].

        Raises:
            ValueError: the image is not floating, or has no three axes; or as in
                `from_torch`.
        """
        return call(self.forward, _image(x), *conditions)[0]

    @property
    def variables(self) -> dict[str, np.ndarray]:
        """The parameters and buffers of the module."""
        return self.forward.variables()


@noun
@dataclass(frozen=True)
class TorchPurifier:
    """A torch module as a purifier of one image; see `from_torch`."""

    forward: Forward = field(metadata={"static": True})

    def __call__(self, key: Array, x: Any) -> Array:
        """The purified image, like x: [H, W, C].

        Raises:
            ValueError: as of a `TorchNetwork`.
        """
        x = _image(x)
        if self.forward.draws == "no":
            return call(self.forward, x)[0]
        # Two words of 31 bits: a seed of torch fits into a signed integer.
        seed = jax.random.bits(key, (2,), jnp.uint32) >> 1
        return call(self.forward, x, seed)[0]

    @property
    def variables(self) -> dict[str, np.ndarray]:
        """The parameters and buffers of the module."""
        return self.forward.variables()


def from_torch(
    module: Any,
    *,
    role: str = "classifier",
    layout: str = "NCHW",
    random: bool = False,
) -> Any:
    """Wrap a `torch.nn.Module` as a function of one image, with exact gradients.

    The module runs where its parameters are, in the dtype of the first of them; what it
    gives comes back in the dtype of the image. Its parameters are constants and are
    read at each call. It must be in evaluation mode, on one device, and answer to an
    image alike whatever the others of the batch are; all three are checked, the last on
    two images of noise for each shape of images.

    Args:
        module: takes images [N, C, H, W] in the range of those here, [0, 1].
        role: "classifier", `(x) -> logits [K]`; "score", "noise" or "denoiser",
            `(x, sigma) -> like x`, see `purifax.score` for what makes a score of the
            last two; "energy", `(x) -> []`; "purifier", `(key, x) -> like x`.
        layout: of the module's images, "NCHW" or "NHWC".
        random: of a purifier that draws from torch's global generator: it is seeded
            from the key of each image, and images run one at a time. A purifier whose
            `forward` takes `generators`, one `torch.Generator` for each image, gets
            them without this, and all images at once.

    Returns:
        A pytree without leaves. Equal for the same module, so that it is compiled once.

    Raises:
        ModuleNotFoundError: PyTorch is not installed.
        ValueError: no module, one in training mode, an unknown role or layout; at the
            first call for a shape, a module that does not take or give such images,
            mixes images, or draws unasked; at a gradient, one that is cut off.
    """
    check_layout(layout)
    if role not in ROLES:
        raise ValueError(f"`role` must be one of ROLES; got {role!r}{_near(role)}")
    if not is_torch(module):
        raise ValueError(
            f"from_torch takes a torch.nn.Module; got {type(module).__name__}. A "
            "function of tensors becomes one as the `forward` of a class."
        )
    check_mode(module)
    drawing = role == "purifier" and takes_generators(module)
    draws = "global" if random else "generators" if drawing else "no"
    if random and (role != "purifier" or drawing):
        raise ValueError(
            f"random=True is for a purifier that draws from torch's global generator; "
            f"{named(module)} is a {role}"
            f"{' that takes generators' if drawing else ''}."
        )
    forward = Forward(module, role, layout, draws)
    return TorchPurifier(forward) if role == "purifier" else TorchNetwork(forward)


def is_torch(thing: Any) -> bool:
    """Whether a thing is a `torch.nn.Module`; PyTorch is not imported for it.

    >>> is_torch(abs)
    False
    """
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def is_tensor(thing: Any) -> bool:
    """Whether a thing is a torch tensor; PyTorch is not imported for it.

    >>> is_tensor(1.0)
    False
    """
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.Tensor)


def module_called(thing: Any, role: str) -> Any:
    """The thing itself, but of a torch module what `from_torch` makes of it.

    >>> module_called(abs, "classifier") is abs
    True
    """
    return from_torch(thing, role=role) if is_torch(thing) else thing


def torch_networks(tree: Any) -> list[Any]:
    """The torch modules inside a callable, such as a score made of one, as `variables`.

    >>> torch_networks((abs, 1.0))
    []
    """

    def wrapped(node: Any) -> bool:
        return isinstance(node, TorchNetwork | TorchPurifier)

    return [node for node in jax.tree.leaves(tree, is_leaf=wrapped) if wrapped(node)]


def _near(role: str) -> str:
    return nearest(role, ROLES)


def _image(x: Any) -> Array:
    """The image, of floats and with three axes."""
    floating(x)
    hint = "It is one image [H, W, C]; `jax.vmap` or `purifax.batched` is for a batch."
    expect("`x`", x, (None, None, None), float, hint=hint)
    return jnp.asarray(x)
