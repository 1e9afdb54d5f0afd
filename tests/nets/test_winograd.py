"""Convolutions by fewer products against direct ones."""

import re

import jax
import numpy as np
import pytest
from jax import lax
from jax import numpy as jnp

from purifax.nets import winograd
from purifax.nets.conv import conv

LABELS = ("NHWC", "HWIO", "NHWC")


def _drawn(side, inputs, outputs, count=2):
    x = jax.random.normal(jax.random.key(0), (count, *side, inputs))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, inputs, outputs))
    return x, kernel / (3 * inputs**0.5)


def _direct(x, kernel, padding, dilation):
    return lax.conv_general_dilated(
        x,
        kernel,
        (1, 1),
        padding,
        rhs_dilation=dilation,
        dimension_numbers=LABELS,
        precision="highest",
    )


@pytest.mark.parametrize(
    ("side", "padding", "dilation"),
    [
        ((8, 8), ((1, 1), (1, 1)), (1, 1)),
        ((7, 10), ((0, 0), (0, 0)), (1, 1)),
        ((5, 6), ((2, 0), (1, 3)), (1, 1)),
        ((3, 3), ((0, 0), (0, 0)), (1, 1)),
        ((9, 8), ((2, 2), (2, 2)), (2, 2)),
        ((16, 13), ((4, 4), (4, 4)), (4, 4)),
        ((12, 13), ((1, 1), (3, 3)), (1, 3)),
        ((12, 13), ((2, 2), (0, 1)), (2, 1)),
        ((11, 12), ((0, 1), (3, 0)), (3, 3)),
        ((9, 8), ((-1, 0), (1, -2)), (1, 1)),
    ],
)
def test_it_is_the_direct_convolution(side, padding, dilation):
    x, kernel = _drawn(side, 3, 5)
    found = jax.jit(winograd.convolve, static_argnums=(2, 3))(
        x, kernel, padding, dilation
    )
    wanted = _direct(x, kernel, padding, dilation)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 3e-6


def test_its_error_in_float32_is_that_of_a_direct_convolution():
    """Root mean square against float64, 1,152 products a sum."""
    x, kernel = _drawn((16, 16), 128, 128)
    padding = ((1, 1), (1, 1))
    with jax.enable_x64(True):
        wide = [jnp.asarray(np.asarray(a), jnp.float64) for a in (x, kernel)]
        exact = np.asarray(_direct(*wide, padding, (1, 1)))
    errors = [
        np.sqrt(np.mean(np.square(np.asarray(y) - exact)))
        for y in (
            winograd.convolve(x, kernel, padding),
            _direct(x, kernel, padding, (1, 1)),
        )
    ]
    assert errors[0] < 1.5 * errors[1] < 1e-6


def _taken(side, channels, **how):
    """Whether the compiled program has four convolutions, of one column each."""
    side = (side, side) if isinstance(side, int) else side
    x, kernel = _drawn(side, channels, channels, count=1)
    how = {"window_strides": (1, 1), "padding": "SAME"} | how
    program = jax.jit(lambda x, k: conv(x, k, **how)).lower(x, kernel)
    found = re.findall(r"stablehlo\.convolution.*tensor<3x(\d)x", program.as_text())
    assert found in (["3"], ["1"] * 4)
    return found[0] == "1"


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="it is for CPUs")
def test_it_is_taken_where_it_pays():
    assert _taken(16, 64)
    assert _taken(16, 64, rhs_dilation=(2, 4))
    assert not _taken(16, 63)
    assert not _taken(15, 64)
    assert not _taken(16, 64, padding="VALID"), "few outputs, whatever comes in"
    assert _taken(18, 64, padding="VALID")
    assert not _taken(16, 64, window_strides=(2, 2))
    assert not _taken((64, 4), 64, rhs_dilation=(1, 4)), "half of it is padding"


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="it is for CPUs")
def test_it_is_not_taken_where_a_precision_is_asked_for():
    assert _taken(16, 65)
    assert not _taken(16, 65, precision="highest")
    with jax.default_matmul_precision("highest"):
        assert not _taken(16, 65)
    assert _taken(16, 65)


@pytest.mark.parametrize("channels", [64, 67, 128, 130, 256])
@pytest.mark.parametrize("side", [(16, 16), (128, 2), (8, 32), (20, 13)])
def test_an_image_does_not_depend_on_those_beside_it(side, channels):
    """Bit for bit, at the fewest pixels that it is taken for."""
    x, kernel = _drawn(side, channels, channels, count=7)
    run = jax.jit(lambda x, k: conv(x, k, (1, 1), "SAME"))
    whole = np.asarray(run(x, kernel))
    for count in (1, 2, 3, 5):
        assert (np.asarray(run(x[:count], kernel)) == whole[:count]).all()


def test_derivatives_are_those_of_the_direct_convolution():
    x, kernel = _drawn((16, 16), 128, 128)
    push, _ = _drawn((16, 16), 128, 128)
    padding = ((1, 1), (1, 1))

    def both(fn):
        run = jax.jit(lambda x, k: jax.jvp(lambda y: jnp.sin(fn(y, k)), (x,), (push,)))
        slope = jax.grad(lambda x, k: jnp.sum(jnp.sin(fn(x, k))), (0, 1))
        return [*run(x, kernel), *jax.jit(slope)(x, kernel)]

    ours = both(lambda x, k: conv(x, k, (1, 1), padding))
    theirs = both(lambda x, k: _direct(x, k, padding, (1, 1)))
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(a - b).max() < 1e-5 * max(1, np.abs(b).max())


def test_calls_outside_jit_have_the_same_bits():
    x, kernel = _drawn((16, 16), 128, 128)
    compiled = jax.jit(lambda x, k: conv(x, k, (1, 1), "SAME"))(x, kernel)
    assert (np.asarray(conv(x, kernel, (1, 1), "SAME")) == np.asarray(compiled)).all()
    with jax.disable_jit():
        bare = conv(x, kernel, (1, 1), "SAME")
    assert np.abs(np.asarray(bare) - np.asarray(compiled)).max() < 1e-5
