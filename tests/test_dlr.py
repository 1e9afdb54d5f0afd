"""The scale-free losses of Auto-PGD, and the targeted ones."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from purifax import classify

LOGITS = jax.random.normal(jax.random.key(4), (6, 5))


def dlr(z, label):
    falling = np.sort(z)[::-1]
    other = falling[1] if z[label] == falling[0] else falling[0]
    return -(z[label] - other) / (falling[0] - falling[2])


def targeted_dlr(z, label, target):
    falling = np.sort(z)[::-1]
    spread = falling[0] - (falling[2] + falling[3]) / 2
    return -(z[label] - z[target]) / spread


def test_values_follow_the_published_formulas():
    for z in LOGITS:
        for y in range(5):
            found = classify.dlr(z, jnp.array(y))
            np.testing.assert_allclose(found, dlr(np.asarray(z), y), rtol=1e-5)
            for t in range(5):
                labels = (jnp.array(y), jnp.array(t))
                expected = targeted_dlr(np.asarray(z), y, t)
                found = classify.targeted_dlr(z, *labels)
                np.testing.assert_allclose(found, expected, rtol=1e-5)
                found = classify.targeted_margin(z, *labels)
                np.testing.assert_allclose(found, z[t] - z[y], rtol=1e-5)


LOSSES = [
    classify.dlr,
    lambda z, y: classify.targeted_dlr(z, y, jnp.array(2)),
    lambda z, y: classify.targeted_margin(z, y, jnp.array(2)),
]
every = pytest.mark.parametrize("loss", LOSSES, ids=["dlr", "t_dlr", "t_margin"])


@every
def test_leading_axes_are_averaged(loss):
    label = jnp.array(1)
    mean = np.mean([loss(row, label) for row in LOGITS])
    np.testing.assert_allclose(loss(LOGITS, label), mean, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES[:2], ids=["dlr", "t_dlr"])
def test_shift_and_scale_of_the_logits_do_not_matter(loss):
    for z in LOGITS:
        value = loss(z, jnp.array(3))
        np.testing.assert_allclose(loss(200 * z + 7, jnp.array(3)), value, rtol=1e-3)
        large = jax.grad(lambda s, z=z: loss(s * z, jnp.array(3)))(100.0)
        assert abs(large) < 1e-5


@every
def test_label_and_target_may_be_traced(loss):
    labels = jnp.arange(5)
    found = jax.jit(jax.vmap(loss, in_axes=(None, 0)))(LOGITS[0], labels)
    one_by_one = [loss(LOGITS[0], label) for label in labels]
    np.testing.assert_allclose(found, one_by_one, rtol=1e-5)


@every
def test_gradients_are_finite_where_logits_are_equal_or_extreme(loss):
    for z in (jnp.zeros(5), jnp.array([0.0, 5.0, 5.0, 5.0, 5.0]), 1e4 * LOGITS[0]):
        for label in range(5):
            value, slope = jax.value_and_grad(loss)(z, jnp.array(label))
            assert jnp.isfinite(value) and jnp.isfinite(slope).all()


def test_too_few_classes_are_refused():
    with pytest.raises(ValueError, match="`dlr` compares 3 classes; got logits of 2"):
        classify.dlr(jnp.zeros(2), jnp.array(0))
    with pytest.raises(ValueError, match="Use `targeted_margin`"):
        classify.targeted_dlr(jnp.zeros(3), jnp.array(0), jnp.array(1))
