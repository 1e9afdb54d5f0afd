"""Augmentation of one image: keyed, exact, the same under jit and vmap."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from purifax.data import augment

X = np.asarray(jax.random.uniform(jax.random.key(0), (7, 5, 3)) + 0.1)
KEYS = jax.random.split(jax.random.key(1), 400)
BOTH = pytest.mark.parametrize("change", [augment.flip, augment.pad_and_crop])


def over_keys(change, x):
    return np.asarray(jax.jit(jax.vmap(lambda key: change(key, x)))(KEYS))


@BOTH
def test_jit_and_vmap_change_nothing(change, strict):
    def keys():
        return jax.random.split(jax.random.key(1), 8)

    single = np.stack([change(key, X) for key in keys()])
    jitted = np.stack([jax.jit(change)(key, X) for key in keys()])
    np.testing.assert_array_equal(jitted, single)
    images = jnp.broadcast_to(X, (8, *X.shape))
    np.testing.assert_array_equal(jax.vmap(change)(keys(), images), single)


@BOTH
def test_key_decides(change):
    np.testing.assert_array_equal(change(KEYS[0], X), change(KEYS[0], X))
    assert len(np.unique(over_keys(change, X), axis=0)) > 1


@BOTH
@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.float32, jnp.bfloat16])
def test_shape_and_dtype_are_kept(change, dtype):
    out = change(KEYS[0], jnp.asarray(X * 100).astype(dtype))
    assert (out.shape, out.dtype) == (X.shape, dtype)


def test_flip_mirrors_the_columns_half_of_the_time():
    flipped = over_keys(augment.flip, X)
    mirrored = (flipped == X[:, ::-1]).all((1, 2, 3))
    same = (flipped == X).all((1, 2, 3))
    assert (mirrored ^ same).all()
    # Four standard errors of a fair coin thrown 400 times.
    assert abs(mirrored.mean() - 0.5) < 4 * 0.5 / np.sqrt(400)


def test_crop_is_a_shift_with_zeros_behind_it():
    pad = 2
    padded = np.pad(X, ((pad, pad), (pad, pad), (0, 0)))
    shifts = [
        padded[r : r + 7, c : c + 5]
        for r in range(2 * pad + 1)
        for c in range(2 * pad + 1)
    ]
    crops = over_keys(lambda key, x: augment.pad_and_crop(key, x, pad), X)
    matches = np.stack([(crops == shift).all((1, 2, 3)) for shift in shifts])
    assert (matches.sum(0) == 1).all()
    assert matches.any(1).all()
    # Each of the 25 shifts 16 times of 400; five standard errors of a binomial.
    assert np.abs(matches.sum(1) - 16).max() < 5 * np.sqrt(16 * 24 / 25)


def test_no_padding_is_the_identity():
    np.testing.assert_array_equal(augment.pad_and_crop(KEYS[0], X, 0), X)


def test_four_pixels_are_the_default():
    crops = over_keys(augment.pad_and_crop, jnp.ones((9, 9, 1)))
    zeros = (crops == 0).all((2, 3)).sum(1)
    assert zeros.max() == 4


def test_to_float_is_the_unit_interval():
    values = np.arange(256, dtype=np.uint8)
    out = augment.to_float(jnp.asarray(values))
    assert out.dtype == jnp.float32
    np.testing.assert_allclose(out, values / 255, rtol=1e-6)
