"""A convolution whose input gradient is again an ordinary convolution.

`lax.conv_general_dilated` transposes to a convolution with permuted dimension
labels. XLA's CPU backend runs such a convolution several times slower inside a
loop body (`scan`, `while_loop`, `map`), where attacks and exact gradients through a
sampler are computed. Here the transpose flips the kernel first and then convolves
with the ordinary labels. Values, forward mode, reverse mode and batching are those
of `lax.conv_general_dilated`; only the form of the input gradient differs.

The transpose is the same primitive with strides and input dilation exchanged, so that
second derivatives are ordinary convolutions as well. A chain along the force of an
energy needs them.

The gradient in the kernel keeps JAX's own rule, since training steps are not scanned.

On CPUs, wide 3 x 3 convolutions and their input gradients use fewer products; see
`winograd`. The choice is made when the primitive is lowered, so that other platforms
and transformations are not affected. It is faster where each core is a device of its
own, as in all commands. A single device of many cores may split a direct convolution
over the cores, but not the other one. Where a precision is requested, by the
convolution, by `jax.default_matmul_precision` or by
JAX_DEFAULT_MATMUL_PRECISION=highest, every convolution is direct.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
from jax import Array, lax
from jax import numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from purifax.nets import winograd

__all__ = ["conv"]

_LABELS = ("NHWC", "HWIO", "NHWC")
_STATIC = ("strides", "padding", "spread", "dilation", "precision")


def conv(
    x: Array,
    kernel: Array,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """`lax.conv_general_dilated` for NHWC images, with a loop-friendly gradient.

    Args:
        x: [N, H, W, C].
        kernel: [h, w, C, K].
        window_strides: strides of the two spatial axes.
        padding: "SAME", "VALID" or explicit pairs.
        lhs_dilation, rhs_dilation, dimension_numbers, feature_group_count,
            batch_group_count, precision, preferred_element_type: as in `lax`, with
            the labels above by default; a grouped or input-dilated convolution, other
            labels and an explicit element type go straight to `lax`.

    Returns:
        [N, H', W', K].

    To be given to a Linen layer: `nn.Conv(..., conv_general_dilated=conv)`.
    """
    labels = dimension_numbers or _LABELS
    plain = (
        feature_group_count == batch_group_count == 1
        and x.ndim == 4
        and _named(x, kernel, labels) == _named(x, kernel, _LABELS)
        and all(d == 1 for d in lhs_dilation or (1, 1))
        and preferred_element_type is None
    )
    if not plain:
        return lax.conv_general_dilated(
            x,
            kernel,
            window_strides,
            padding,
            lhs_dilation,
            rhs_dilation,
            dimension_numbers=labels,
            feature_group_count=feature_group_count,
            batch_group_count=batch_group_count,
            precision=precision,
            preferred_element_type=preferred_element_type,
        )
    dilation = tuple(rhs_dilation or (1, 1))
    window = [(n - 1) * d + 1 for n, d in zip(kernel.shape[:2], dilation, strict=True)]
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(x.shape[1:3], window, window_strides, padding)
    return _conv_p.bind(
        *_alike(x, kernel),
        strides=tuple(window_strides),
        padding=tuple((int(low), int(high)) for low, high in padding),
        spread=(1, 1),
        dilation=dilation,
        precision=precision,
    )


def _named(x: Array, kernel: Array, labels: Any) -> lax.ConvDimensionNumbers:
    return lax.conv_dimension_numbers(x.shape, kernel.shape, labels)


def _forward(
    x: Array,
    kernel: Array,
    *,
    strides: tuple[int, int],
    padding: tuple[tuple[int, int], ...],
    spread: tuple[int, int],
    dilation: tuple[int, int],
    precision: Any,
) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        lhs_dilation=spread,
        rhs_dilation=dilation,
        dimension_numbers=_LABELS,
        precision=precision,
    )


def _on_cpu(x: Array, kernel: Array, **how: Any) -> Array:
    """`_forward`, with fewer products where that is faster."""
    usual: Any = jax.config
    exact = how["precision"] or usual.jax_default_matmul_precision
    plain = not exact and how["strides"] == how["spread"] == (1, 1)
    where = how["padding"], how["dilation"]
    if plain and winograd.pays(x, kernel, *where):
        return winograd.convolve(x, kernel, *where)
    return _forward(x, kernel, **how)


def _anywhere(x: Array, kernel: Array, **how: Any) -> Array:
    """The lowering for the platform in use, for calls outside `jit`."""
    ways = {"cpu": partial(_on_cpu, **how), "default": partial(_forward, **how)}
    return lax.platform_dependent(x, kernel, **ways)


def _transpose_input(cotangent: Array, x: Any, kernel: Array, **how: Any) -> Array:
    """The adjoint in x: convolve with the flipped kernel, strides for dilation."""
    padding = []
    for axis, (low, _) in enumerate(how["padding"]):
        wide = (kernel.shape[axis] - 1) * how["dilation"][axis] + 1
        size = (x.aval.shape[axis + 1] - 1) * how["spread"][axis] + 1
        out = (cotangent.shape[axis + 1] - 1) * how["strides"][axis] + 1
        before = wide - 1 - low
        padding.append((before, size + wide - 1 - out - before))
    flipped = jnp.swapaxes(kernel[::-1, ::-1], 2, 3)
    exchanged = {"strides": how["spread"], "spread": how["strides"]}
    return _conv_p.bind(
        *_alike(cotangent, lax.optimization_barrier(flipped)),
        **how | exchanged | {"padding": tuple(padding)},
    )


def _transpose_kernel(cotangent: Array, x: Array, kernel: Any, **how: Any) -> Array:
    """The adjoint in the kernel, by JAX's own rule."""
    transpose = jax.linear_transpose(lambda k: _forward(x, k, **how), kernel.aval)
    return transpose(cotangent)[0]


def _batch(args: tuple, axes: tuple, **how: Any) -> tuple[Array, int]:
    """A shared kernel folds the new axis into N; one kernel an example maps `lax`."""
    x, kernel = args
    x_axis, kernel_axis = axes
    if kernel_axis is not None:
        mapped = jax.vmap(lambda a, k: _forward(a, k, **how), in_axes=axes)
        return mapped(x, kernel), 0
    x = jnp.moveaxis(x, x_axis, 0)
    size, n = x.shape[:2]
    y = _conv_p.bind(x.reshape(size * n, *x.shape[2:]), kernel, **how)
    return y.reshape(size, n, *y.shape[1:]), 0


def _alike(x: Array, kernel: Array) -> tuple[Array, Array]:
    """Both operands varying over the same axes of a `shard_map`, as `lax` does it."""
    wanted = _varying(x) | _varying(kernel)

    def vary(operand: Array) -> Array:
        missing = tuple(wanted - _varying(operand))
        return lax.pcast(operand, missing, to="varying") if missing else operand

    return vary(x), vary(kernel)


def _varying(operand: Array) -> frozenset:
    """The axes of a `shard_map` over which an array varies, in old and new jax."""
    kind = jax.typeof(operand)
    if hasattr(kind, "manual_axis_type"):
        return kind.manual_axis_type.varying
    return getattr(kind, "vma", frozenset())


def _abstract(x: Any, kernel: Any, **how: Any) -> Any:
    """Shape and dtype from `lax`; the rest of the type is that of x."""
    plain = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (x, kernel)]
    y = jax.eval_shape(lambda a, k: _forward(a, k, **how), *plain)
    return x.update(shape=y.shape, dtype=y.dtype, weak_type=False)


_conv_p = Primitive("purifax_conv")
_conv_p.def_impl(jax.jit(_anywhere, static_argnames=_STATIC))
_conv_p.def_abstract_eval(_abstract)
for _rule, _platform in ((_forward, None), (_on_cpu, "cpu")):
    _lowering = mlir.lower_fun(_rule, multiple_results=False)
    mlir.register_lowering(_conv_p, _lowering, platform=_platform)
ad.defbilinear(_conv_p, _transpose_input, _transpose_kernel)
batching.primitive_batchers[_conv_p] = _batch
