"""Masking checks: each is contradicted by what it guards against, and by nan."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from purifax.record import predicates

pytestmark = pytest.mark.usefixtures("strict")


def test_a_stronger_attack_may_not_leave_more_accuracy():
    low, high = jnp.array([0.01, -0.02, -0.06]), jnp.array([0.05, 0.03, -0.01])
    assert predicates.ordered(low, high).tolist() == [True, True, False]
    assert not predicates.ordered(jnp.nan, jnp.nan) and not predicates.ordered(
        jnp.nan, 0.1
    )


def test_accuracy_may_not_rise_above_any_weaker_attack():
    low, high = np.array([0.8, 0.3, 0.1]), np.array([0.9, 0.4, 0.2])
    assert predicates.falling(low, high)
    assert not predicates.falling(low[::-1], high[::-1])
    assert predicates.falling(np.array([0.8, 0.82]), np.array([0.85, 0.9]))
    # Above the first point, though not above the one before.
    assert not predicates.falling(np.array([0.1, 0.15, 0.3]), np.array([0.2, 0.6, 0.7]))
    assert not predicates.falling(np.array([0.8, np.nan]), np.array([0.9, np.nan]))


def test_a_huge_radius_leaves_chance():
    assert predicates.near_chance(0.09, 10) and not predicates.near_chance(0.11, 10)
    assert predicates.near_chance(0.3, 3) and not predicates.near_chance(jnp.nan, 3)


def test_perturbations_stay_inside():
    assert predicates.inside(np.array([0.0, 0.1 + 1e-6]), 0.1)
    assert not predicates.inside(np.array([0.0, 0.102]), 0.1)
    assert not predicates.inside(np.array([0.0, np.nan]), 0.1)


def test_only_images_that_moved_may_change_their_answers():
    clean, attacked = np.array([[1, 1], [2, 3]]), np.array([[1, 1], [2, 0]])
    judge = jax.jit(predicates.unchanged_at_zero)
    assert judge(clean, attacked, np.array([0.0, 0.1]))
    assert not judge(clean, attacked, np.array([0.1, 0.0]))
    # The length of a zero perturbation may be computed as sqrt(tiny).
    assert not judge(clean, attacked, np.array([0.1, 1e-12]))
