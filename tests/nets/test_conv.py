"""The loop-friendly convolution is `lax.conv_general_dilated` in every respect."""

import functools
import re

import jax
import numpy as np
import pytest
from jax import lax
from jax import numpy as jnp

from purifax.nets.conv import conv

LABELS = ("NHWC", "HWIO", "NHWC")
CASES = {
    # name: height, width, kernel, strides, padding, dilation
    "same": (8, 7, (3, 3), (1, 1), "SAME", (1, 1)),
    "same_stride_2_even": (8, 6, (3, 3), (2, 2), "SAME", (1, 1)),
    "same_stride_2_odd": (9, 7, (3, 3), (2, 2), "SAME", (1, 1)),
    "torch_stride_2": (8, 9, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)),
    "valid_uneven_strides": (7, 9, (3, 2), (3, 2), "VALID", (1, 1)),
    "dilated": (8, 8, (3, 3), (1, 1), ((2, 2), (2, 2)), (2, 2)),
    "dilated_stride": (9, 8, (3, 3), (2, 1), "SAME", (2, 3)),
    "point_stride_2": (8, 7, (1, 1), (2, 2), "VALID", (1, 1)),
    "even_kernel": (8, 7, (4, 2), (1, 2), "SAME", (1, 1)),
    "wide_padding": (5, 4, (2, 3), (1, 2), ((4, 0), (1, 5)), (1, 1)),
    "cropping": (8, 8, (3, 3), (2, 1), ((-1, 0), (1, -2)), (1, 1)),
}
each_case = pytest.mark.parametrize("case", CASES)


def plain(x, kernel, strides, padding, rhs_dilation=(1, 1), **how):
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=rhs_dilation,
        dimension_numbers=LABELS,
        **how,
    )


def arguments(case, count=3):
    height, width, window, *_ = CASES[case]
    keys = jax.random.split(jax.random.key(0), 4)
    x, dx = (jax.random.normal(k, (count, height, width, 3)) for k in keys[:2])
    w, dw = (jax.random.normal(k, (*window, 3, 4)) for k in keys[2:])
    return x, w, dx, dw


@functools.partial(jax.jit, static_argnames=("how", "case"))
def everything(how, case, x, w, dx, dw):
    """Value, both tangents, both cotangents, and reverse over either mode."""
    *_, strides, padding, dilation = CASES[case]

    def run(x, w):
        return how(x, w, strides, padding, rhs_dilation=dilation)

    def bend(x, w):
        along = jnp.cos(x), jnp.sin(w)
        push = jax.jvp(lambda *a: jnp.tanh(run(*a)), (x, w), along)[1]
        return jnp.sum(jnp.sin(push))

    def push(x, w):
        return jnp.sum(jnp.sin(jax.grad(lambda x: jnp.sum(jnp.sin(run(x, w))))(x)))

    value, tangent = jax.jvp(run, (x, w), (dx, dw))
    _, pull = jax.vjp(run, x, w)
    return {
        "value": value,
        "jvp": tangent,
        "vjp": pull(jnp.cos(value)),
        "grad of jvp": jax.grad(bend, argnums=(0, 1))(x, w),
        "grad of grad": jax.grad(push, argnums=(0, 1))(x, w),
    }


@each_case
def test_values_and_derivatives_are_those_of_lax(case):
    given = arguments(case)
    ours, theirs = (everything(how, case, *given) for how in (conv, plain))
    for name in theirs:
        compare(ours[name], theirs[name], name)


def compare(ours, theirs, name=""):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4, err_msg=name)


AXES = {"shared kernel": (0, None), "kernel each": (0, 0), "shared image": (None, 0)}


@pytest.mark.parametrize("axes", AXES.values(), ids=AXES)
@pytest.mark.parametrize("case", ["torch_stride_2", "dilated"])
def test_maps_over_examples_as_lax_does(case, axes):
    *_, strides, padding, dilation = CASES[case]
    x, w, _, _ = arguments(case)
    x = jnp.stack([x, 2 * x + 1]) if axes[0] == 0 else x
    w = jnp.stack([w, jnp.sin(w)]) if axes[1] == 0 else w

    @functools.partial(jax.jit, static_argnames="how")
    def run(how, x, w):
        fn = functools.partial(how, rhs_dilation=dilation)
        mapped = jax.vmap(lambda a, b: fn(a, b, strides, padding), axes)
        value, pull = jax.vjp(mapped, x, w)
        return value, pull(jnp.cos(value))

    compare(run(conv, x, w), run(plain, x, w))


def test_maps_over_an_inner_axis():
    x, w, _, _ = arguments("same")
    stacked = jnp.stack([x, 2 * x], axis=2)
    found = jax.vmap(lambda a: conv(a, w, (1, 1), "SAME"), in_axes=2, out_axes=1)
    expected = jnp.stack([conv(x, w, (1, 1), "SAME")] * 2, axis=1)
    factors = jnp.array([1.0, 2.0]).reshape(1, 2, 1, 1, 1)
    np.testing.assert_allclose(found(stacked), expected * factors, rtol=1e-4, atol=1e-4)


def primitives(fn, *given):
    return {str(e.primitive) for e in jax.make_jaxpr(fn)(*given).eqns}


@pytest.mark.parametrize(
    "how",
    [
        {"feature_group_count": 2},
        {"batch_group_count": 2},
        {"lhs_dilation": (2, 2)},
        {"preferred_element_type": jnp.float32},
        {"dimension_numbers": ("NWHC", "HWIO", "NHWC")},
    ],
    ids=lambda how: next(iter(how)),
)
def test_other_convolutions_go_straight_to_lax(how):
    groups = how.get("feature_group_count", 1)
    x = jax.random.normal(jax.random.key(0), (4, 6, 6, 4))
    w = jax.random.normal(jax.random.key(1), (3, 3, 4 // groups, 4))
    padding = ((1, 1), (1, 1))
    found = conv(x, w, (1, 1), padding, **how)
    plain_how = {"dimension_numbers": LABELS} | how
    expected = lax.conv_general_dilated(x, w, (1, 1), padding, **plain_how)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    names = primitives(lambda a, b: conv(a, b, (1, 1), padding, **how), x, w)
    assert "purifax_conv" not in names


def test_the_labels_that_linen_passes_keep_the_own_rule():
    x, w, _, _ = arguments("same")
    numbers = lax.conv_dimension_numbers(x.shape, w.shape, LABELS)
    for given in (None, LABELS, numbers):
        names = primitives(
            lambda a, b, n=given: conv(a, b, (1, 1), "SAME", dimension_numbers=n), x, w
        )
        assert names == {"purifax_conv"}


@pytest.mark.parametrize("order", [1, 2])
def test_the_input_gradients_keep_the_ordinary_labels(order):
    """No convolution of permuted labels is left in a transpose, nor in its own."""
    x, w, _, _ = arguments("torch_stride_2")

    def slope(fn):
        return lambda x: jnp.sum(jnp.sin(jax.grad(fn)(x)))

    def labels(how):
        fn = lambda x: jnp.sum(jnp.sin(how(x, w, (2, 2), ((1, 1), (1, 1)))))  # noqa: E731
        for _ in range(order):
            fn = slope(fn)
        text = jax.jit(fn).lower(x).as_text()
        found = re.findall(r"dim_numbers = (\[.*?->\[.*?\])", text)
        return {label.replace(" ", "") for label in found}

    ordinary = {"[b,0,1,f]x[0,1,i,o]->[b,0,1,f]"}
    assert labels(conv) == ordinary != labels(plain)


def test_bfloat16_is_kept():
    x, w, _, _ = (a.astype(jnp.bfloat16) for a in arguments("same"))
    value, pull = jax.vjp(lambda a, b: conv(a, b, (1, 1), "SAME"), x, w)
    assert {value.dtype, *(g.dtype for g in pull(value))} == {jnp.dtype(jnp.bfloat16)}


def test_precision_reaches_every_convolution():
    x, w, _, _ = arguments("same")
    how = {"precision": lax.Precision.HIGHEST}

    def slopes(x, w):
        run = jax.vjp(lambda a, b: conv(a, b, (1, 1), "SAME", **how), x, w)
        return run[1](run[0])

    text = jax.jit(slopes).lower(x, w).as_text()
    convolutions = [line for line in text.splitlines() if "convolution(" in line]
    assert len(convolutions) >= 3
    assert all("HIGHEST" in line for line in convolutions)
