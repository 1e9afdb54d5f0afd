"""Schedules: their ends, their ratios, and what they refuse."""

import numpy as np
import pytest
from jax import numpy as jnp

from purifax import schedule


def test_linear_steps_are_equal():
    values = schedule.linear(0.5, 0.1, 5)
    np.testing.assert_allclose(values, [0.5, 0.4, 0.3, 0.2, 0.1], rtol=1e-6)


def test_geometric_ratios_are_equal():
    np.testing.assert_allclose(schedule.geometric(8, 1, 4), [8, 4, 2, 1], rtol=1e-6)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_geometric_refuses_ends_that_are_not_positive(ends):
    with pytest.raises(ValueError, match="must be positive; got .* use `linear`"):
        schedule.geometric(*ends, 3)


def test_langevin_steps_go_with_the_square_of_the_level():
    steps = schedule.langevin_steps(jnp.array([4.0, 2.0, 0.5]))
    np.testing.assert_allclose(steps, [64 * 6.2e-6, 16 * 6.2e-6, 6.2e-6], rtol=1e-6)


def test_tiny_imagenet_ladder():
    ladder = schedule.geometric(90.0, 0.01, 500)
    np.testing.assert_allclose(ladder[jnp.array([0, -1])], [90.0, 0.01], rtol=1e-5)


def test_subset_keeps_both_ends_and_the_order():
    whole = schedule.linear(1.0, 0.0, 232)
    for length in (2, 7, 231, 232):
        part = schedule.subset(whole, length)
        assert part.shape == (length,)
        assert part[0] == whole[0] and part[-1] == whole[-1]
        assert (jnp.diff(part) < 0).all()
    np.testing.assert_array_equal(schedule.subset(whole, 232), whole)
    np.testing.assert_array_equal(schedule.subset(whole, 1), whole[:1])


@pytest.mark.parametrize("length", [0, 11])
def test_subset_refuses_a_length_it_cannot_give(length):
    with pytest.raises(ValueError, match=f"between 1 and the schedule's 10.*{length}"):
        schedule.subset(jnp.arange(10.0), length)
