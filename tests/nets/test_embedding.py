"""Sinusoidal features of a time, against NumPy."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from purifax.nets.embedding import sinusoid


@pytest.mark.parametrize("cosines_first", [False, True])
@pytest.mark.parametrize("shift", [0, 1])
def test_features_against_loops(cosines_first, shift):
    times, period, scale = [0, 3, 250], 500.0, 1.5
    expected = []
    for t in times:
        angles = [scale * t * period ** (-k / (4 - shift)) for k in range(4)]
        parts = [list(map(math.sin, angles)), list(map(math.cos, angles))]
        expected.append(sum(parts[::-1] if cosines_first else parts, []))
    options = {"shift": shift, "period": period, "scale": scale}
    found = sinusoid(jnp.array(times), 8, cosines_first=cosines_first, **options)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, atol=3e-5)


def test_the_shift_makes_the_lowest_frequency_one_over_the_period():
    t = jnp.array([100.0])
    found = sinusoid(t, 8, shift=1, period=1e4)[0, 3]
    np.testing.assert_allclose(found, math.sin(0.01), rtol=1e-5)
    found = sinusoid(t, 8, period=1e4)[0, 3]
    np.testing.assert_allclose(found, math.sin(0.1), rtol=1e-5)


def test_an_odd_width_ends_with_a_zero():
    t = jnp.array([0.5])
    found = sinusoid(t, 5, cosines_first=True)
    np.testing.assert_array_equal(found[:, :4], sinusoid(t, 4, cosines_first=True))
    np.testing.assert_array_equal(found[:, 4], 0)


@pytest.mark.parametrize(("width", "shift"), [(1, 0), (3, 1)])
def test_a_width_without_frequencies_is_refused(width, shift):
    with pytest.raises(ValueError, match=f"at least {2 * shift + 2}.*got {width}"):
        sinusoid(jnp.zeros(1), width, shift=shift)
