"""Functions of torch tensors as host functions, and their derivatives by torch.

The derivatives differentiate the very program of the function by `torch.autograd`:

    pullback   autograd.grad(y, x, v)
    tangent    the derivative in v of the pullback, which is linear in v

Both are differentiable again, so that derivatives of every order are torch's own.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from purifax.bridge.libraries import library, pytorch

__all__ = ["Pullback", "Tangent", "TorchFunction"]


class TorchFunction:
    """A host function made of tensors; see `bridge.callback.HostFunction`."""

    def tensors(self, *given: Any) -> Sequence[Any]:
        """The results for N images, in torch's current mode of gradients."""
        raise NotImplementedError

    def results(self, *shapes: jax.ShapeDtypeStruct) -> list[jax.ShapeDtypeStruct]:
        """Shapes and dtypes of the results for one image."""
        raise NotImplementedError

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """The results for N images."""
        torch = pytorch()

        shapes = (jax.ShapeDtypeStruct(a.shape[1:], a.dtype) for a in arrays)
        wanted, count = self.results(*shapes), len(arrays[0])
        if not count:
            return [np.zeros((0, *s.shape), s.dtype) for s in wanted]
        given = [_tensor(array) for array in arrays]
        with torch.no_grad():
            found = self.tensors(*given)
        return [_array(y, s.dtype) for y, s in zip(found, wanted, strict=True)]

    def check_slope(self, wrt: tuple[int, ...], *shapes: jax.ShapeDtypeStruct) -> None:
        """Refuse arguments `wrt` in which there is no derivative, before any is taken.

        Args:
            shapes: of the arguments, for one image.
        """

    def tangent(self, wrt: tuple[int, ...], size: int) -> "Tangent":
        """See `HostFunction.tangent`."""
        return Tangent(self, wrt, size)

    def transpose(self) -> "TorchFunction":
        """See `HostFunction.transpose`; of those alone that are linear."""
        raise NotImplementedError(f"{type(self).__name__} is not linear")


@dataclass(frozen=True)
class Pullback(TorchFunction):
    """`(x..., v...) -> J^T v`: cotangents of the arguments `wrt` of a function.

    Attributes:
        size: how many arguments x the function has.
    """

    fn: TorchFunction
    wrt: tuple[int, ...]
    size: int

    def tensors(self, *given: Any) -> Sequence[Any]:
        """The cotangents."""
        torch = pytorch()

        deeper = torch.is_grad_enabled()
        with _recorded(twice=deeper):
            x = _variables(given[: self.size], self.wrt)
            y = self.fn.tensors(*x)
            return _grad(y, [x[i] for i in self.wrt], given[self.size :], deeper)

    def results(self, *shapes: jax.ShapeDtypeStruct) -> list[jax.ShapeDtypeStruct]:
        """Those of the arguments."""
        return [shapes[i] for i in self.wrt]

    def transpose(self) -> "Tangent":
        """The tangent."""
        return Tangent(self.fn, self.wrt, self.size)


@dataclass(frozen=True)
class Tangent(TorchFunction):
    """`(x..., dx...) -> J dx`, along tangents of the arguments `wrt` of a function.

    Attributes:
        size: how many arguments x the function has.
    """

    fn: TorchFunction
    wrt: tuple[int, ...]
    size: int

    def tensors(self, *given: Any) -> Sequence[Any]:
        """The tangents of the results."""
        torch = pytorch()

        deeper = torch.is_grad_enabled()
        with _recorded(twice=True):
            x = _variables(given[: self.size], self.wrt)
            y = self.fn.tensors(*x)
            v = [torch.zeros_like(one, requires_grad=True) for one in y]
            pulled = _grad(y, [x[i] for i in self.wrt], v, True)
            return _grad(pulled, v, given[self.size :], deeper)

    def results(self, *shapes: jax.ShapeDtypeStruct) -> list[jax.ShapeDtypeStruct]:
        """Those of the function."""
        self.fn.check_slope(self.wrt, *shapes[: self.size])
        return self.fn.results(*shapes[: self.size])

    def transpose(self) -> "Pullback":
        """The pullback."""
        return Pullback(self.fn, self.wrt, self.size)


@contextlib.contextmanager
def _recorded(*, twice: bool) -> Iterator[None]:
    """Within it torch records what it does; `twice`, for more than one derivative.

    Of torch's forms of attention, only the plain one has a second derivative.
    """
    torch = pytorch()
    attention = library("torch.nn.attention", "install torch 2.6 or newer")
    plain = attention.sdpa_kernel(attention.SDPBackend.MATH)
    with torch.enable_grad(), plain if twice else contextlib.nullcontext():
        yield


def _variables(given: Sequence[Any], wrt: tuple[int, ...]) -> list[Any]:
    """The arguments, those of `wrt` such that torch follows what comes of them."""
    return [
        a.detach().requires_grad_() if i in wrt and not a.requires_grad else a
        for i, a in enumerate(given)
    ]


def _grad(y: Sequence[Any], x: list[Any], v: Sequence[Any], deeper: bool) -> list[Any]:
    """sum_i v_i dy_i / dx; zero for what y does not depend on."""
    torch = pytorch()

    pairs = [(a, b) for a, b in zip(y, v, strict=True) if a.requires_grad]
    if not pairs:
        return [torch.zeros_like(one) for one in x]
    known, slopes = zip(*pairs, strict=True)
    return list(
        torch.autograd.grad(
            known,
            x,
            slopes,
            create_graph=deeper,
            allow_unused=True,
            materialize_grads=True,
        )
    )


def _tensor(array: np.ndarray) -> Any:
    """A tensor of its own; NumPy's bfloat16 and unsigned integers go through others."""
    torch = pytorch()

    if array.dtype.kind in "iu":
        return torch.from_numpy(array.astype(np.int64))
    if array.dtype.kind == "f" and array.dtype.itemsize > 2:
        return torch.from_numpy(array.copy())
    return torch.from_numpy(array.astype(np.float32))


def _array(tensor: Any, dtype: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    double = tensor.dtype.itemsize > 4
    return (tensor if double else tensor.float()).numpy().astype(dtype)
