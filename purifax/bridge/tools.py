"""A purifax model or purifier for tools in PyTorch, and a plain callable for the rest.

`as_torch` is a `torch.nn.Module` on tensors in [0, 1] whose backward pass is JAX's
vector-Jacobian product of the program of the forward pass: an attack tool gets the
exact gradient of purification and classification, in the gradient mode chosen by
`purifax.backward`. `as_callable` is the same on NumPy arrays, for tools that need
answers only.

Images are [N, C, H, W], as those tools have them, unless `layout="NHWC"` is given. What
a purifier gives has the layout of its images. A batch that can only be of the other
layout is refused.

Tools call with batches of any size. Images are processed in batches of one size, filled
up with zeros, so that nothing compiles twice.

A random model needs keys, which these tools do not have. Every call takes the next key
of a seed: call c of a bridge uses `fold_in(key(seed), c)`, image i of the call
`fold_in(that, i)`, and the backward pass the key of its forward pass. So a tool that
averages over calls averages over the randomness, and the same seed repeats the same
attack. A fixed key makes the model deterministic; then image i of a call gets the same
noise in every call, which is another threat model, and not the harder one to defend
against.

    module = bridge.as_torch(model, batch=32, seed=0).eval()
    adversarial = torchattacks.PGD(module, eps=8 / 255)(images, labels)
    seen = foolbox.PyTorchModel(module, bounds=(0, 1))     # Foolbox takes the module

PyTorch is imported when `as_torch` is called; install it with `purifax[torch]`.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp

from purifax.bridge.layouts import check_batch, check_layout, to_first, to_last
from purifax.bridge.libraries import library
from purifax.recipe import checks
from purifax.transform.batching import batched
from purifax.types import Model, Purifier, as_pytree

__all__ = ["Keys", "as_callable", "as_torch"]


class Keys:
    """The keys of the calls of a bridge: a sequence from a seed, or one for all calls.

    Attributes:
        seed: of the sequence; an integer from 0 to 2**32 - 1.
        call: the number of the next call; set it to go back or ahead.
        fixed: whether every call gets the key of number `call`.

    >>> keys = Keys(seed=0)
    >>> first, second = keys.draw(), keys.draw()
    >>> keys.call
    2
    >>> keys.call = 0
    >>> bool((keys.draw() == first) & (first != second))
    True
    """

    def __init__(self, seed: int = 0, *, fixed: bool = False) -> None:
        checks.seed("`seed`", seed)
        self.seed = seed
        self.call = 0
        self.fixed = fixed

    def draw(self) -> Array:
        """The key of the next call."""
        key = jax.random.fold_in(jax.random.key(self.seed), self.call)
        self.call += not self.fixed
        return key


def as_callable(
    model: Model | Purifier,
    *,
    batch: int = 32,
    seed: int = 0,
    fixed: bool = False,
    layout: str = "NCHW",
) -> Callable[[np.ndarray], np.ndarray]:
    """A model as `f(images) -> logits` on NumPy arrays, any number of images a call.

    For attacks that need answers only (the decision-based and score-based ones of
    Foolbox and ART, or a tool of another framework).

    Args:
        model: `(key, x) -> logits [K]` of one image [H, W, C], or a purifier,
            `(key, x) -> like x`.
        batch: images processed at once; the last batch is filled up.
        seed, fixed: of the keys of its calls, see `Keys`, its attribute `keys`.
        layout: of the images, and of those that a purifier gives: "NCHW" or "NHWC".

    Returns:
        The callable: float32 images in [0, 1] to logits [N, K] or purified images,
        float32.

    Raises:
        ValueError: at the call, images that are not floats, have not four axes or can
            only be of the other layout; or a model that gives neither.

    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.0)])
    >>> f = as_callable(model, batch=2)
    >>> f(np.ones((3, 1, 2, 2), np.float32)).tolist()
    [[4.0, 0.0], [4.0, 0.0], [4.0, 0.0]]
    """
    check_layout(layout)
    return _Callable(model, batch, Keys(seed, fixed=fixed), layout)


class _Callable:
    """See `as_callable`."""

    def __init__(
        self, model: Model | Purifier, batch: int, keys: Keys, layout: str
    ) -> None:
        self._run = _Run(model, batch)
        self._layout = layout
        self.keys = keys

    def __call__(self, images: np.ndarray) -> np.ndarray:
        x = _last(np.asarray(images), self._layout)
        return _given(self._run.forward(self.keys.draw(), x), self._layout)


def as_torch(
    model: Model | Purifier,
    *,
    batch: int = 32,
    seed: int = 0,
    fixed: bool = False,
    layout: str = "NCHW",
) -> Any:
    """A model or purifier as a `torch.nn.Module` on images [N, C, H, W] in [0, 1].

    A model gives logits [N, K], and a purifier images of the layout of its own.

    The gradient in the images is JAX's, of the whole model under the keys of the
    forward pass. Results have the device and dtype of the input tensor; the computation
    is JAX's, in float32, on JAX's device. A second backward pass through the gradient
    is not supported, and the parameters of the model are constants: the module has one
    parameter, which is empty, and by which a tool finds its device.

    Args:
        model: `(key, x) -> logits [K]` of one image [H, W, C], or a purifier,
            `(key, x) -> like x`.
        batch: images processed at once; the last batch is filled up.
        seed, fixed: of the keys of its calls, see `Keys`, its attribute `keys`.
        layout: of the images, and of those that a purifier gives: "NCHW" or "NHWC".

    Raises:
        ModuleNotFoundError: PyTorch is not installed.
        ValueError: at the call, images that are not floats, have not four axes or can
            only be of the other layout; or a model that gives neither.
    """
    check_layout(layout)
    torch = library("torch", "install purifax[torch], or use `bridge.as_callable`")
    run = _Run(model, batch)

    class Bridged(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, images: Any, key: Array) -> Any:
            x = images.detach().cpu()
            x = x.float() if x.is_floating_point() else x  # NumPy has no bfloat16
            ctx.key, ctx.x = key, _last(x.numpy(), layout)
            found = _given(run.forward(key, ctx.x), layout)
            return torch.from_numpy(found).to(images)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, slope: Any) -> Any:
            v = slope.detach().cpu().float().numpy()
            v = to_last(v) if v.ndim == 4 and layout == "NCHW" else v
            pulled = _given(run.backward(ctx.key, ctx.x, v), layout)
            return torch.from_numpy(pulled).to(slope), None

    class Module(torch.nn.Module):
        """A purifax model as a module; `keys` are the keys of its calls."""

        def __init__(self) -> None:
            super().__init__()
            self.keys = Keys(seed, fixed=fixed)
            # Empty: tools ask the parameters of a module for its device.
            self.place = torch.nn.Parameter(torch.zeros(0), requires_grad=False)

        def forward(self, images: Any) -> Any:
            """Logits [N, K] of images, or purified images."""
            return Bridged.apply(images, self.keys.draw())

    return Module()


class _Run:
    """A model on any number of images, in batches of one size."""

    def __init__(self, model: Model | Purifier, batch: int) -> None:
        if batch < 1:
            raise ValueError(f"`batch` must be 1 or more; got {batch}.")
        self._model, self._batch = as_pytree(model), batch

    def forward(self, key: Array, x: np.ndarray) -> np.ndarray:
        """Logits [N, K] of images [N, H, W, C], or purified images."""
        return self._each(lambda i, rows: _logits(self._model, key, i, rows), x)

    def backward(self, key: Array, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """The gradient [N, H, W, C] of sum(slope * logits) in the images."""
        return self._each(
            lambda i, rows, v: _pullback(self._model, key, i, rows, v), x, slope
        )

    def _each(self, fn: Callable[..., Array], *arrays: np.ndarray) -> np.ndarray:
        """Results of whole batches, without those of the filling."""
        count, done = len(arrays[0]), []
        # Without images, one batch of filling gives the shape of the result.
        for start in range(0, max(1, count), self._batch):
            index = np.arange(start, start + self._batch)
            done.append(fn(index, *(_filled(a, start, self._batch) for a in arrays)))
        # A copy: arrays of JAX are read-only, and tools write into their arrays.
        return np.concatenate([np.asarray(part) for part in done])[:count]


@jax.jit
def _logits(model: Model, key: Array, index: Array, x: Array) -> Array:
    found = batched(model)(key, x, index=index)
    if found.ndim != 2 and found.shape != x.shape:
        raise ValueError(
            "the model must give logits [K] or an image like its own for one image "
            f"{list(x.shape[1:])}; it gives {list(found.shape[1:])}."
        )
    return found.astype(jnp.float32)


@jax.jit
def _pullback(model: Model, key: Array, index: Array, x: Array, slope: Array) -> Array:
    _, pull = jax.vjp(lambda x: _logits(model, key, index, x), x)
    return pull(slope)[0]


def _filled(array: np.ndarray, start: int, batch: int) -> np.ndarray:
    """`batch` rows from `start`, with zeros beyond the end."""
    rows = array[start : start + batch]
    whole = np.zeros((batch, *array.shape[1:]), np.float32)
    whole[: len(rows)] = rows
    return whole


def _last(images: np.ndarray, layout: str) -> np.ndarray:
    """Images [N, H, W, C] of a batch of float images; their values are not checked."""
    if images.ndim != 4 or not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            "images must be floats in [0, 1] with four axes, the first over images; "
            f"got {images.dtype} of shape {images.shape}."
        )
    check_batch(images.shape, layout)
    return to_last(images) if layout == "NCHW" else images


def _given(found: np.ndarray, layout: str) -> np.ndarray:
    """Logits as they are, and images [N, H, W, C] in the tool's layout."""
    first = found.ndim == 4 and layout == "NCHW"
    return np.ascontiguousarray(to_first(found)) if first else found
