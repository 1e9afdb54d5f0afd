"""Corruptions of training sets: grey as Pillow, noise as told, projection."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from PIL import Image

from purifax import purify
from purifax.purify import project

KEY = jax.random.key(0)


def test_grey_is_that_of_pillow(strict):
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    levels[0, :4] = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]]
    theirs = np.asarray(Image.fromarray(levels).convert("L"))
    ours = purify.grayscale(jax.random.key(0), jnp.asarray(levels / np.float32(255)))
    assert ours.shape == levels.shape
    for channel in np.moveaxis(np.asarray(ours) * 255, -1, 0):
        np.testing.assert_array_equal(np.rint(channel), theirs)


def test_grey_comes_as_often_as_asked():
    x = jnp.array([[[1.0, 0.0, 0.0]]])
    keys = jax.random.split(KEY, 2000)
    grey = jax.vmap(lambda key: purify.grayscale(key, x, probability=0.4))(keys)
    changed = np.any(np.asarray(grey) != np.asarray(x), axis=(1, 2, 3))
    assert abs(changed.mean() - 0.4) < 3 * np.sqrt(0.24 / 2000)


@pytest.mark.parametrize("channels", [1, 2])
def test_what_has_no_colours_stays(channels):
    x = jnp.full((2, 2, channels), 0.123)
    np.testing.assert_array_equal(purify.grayscale(KEY, x), x)


def test_noise_has_its_deviation_and_stays_in_the_box():
    x = jnp.full((100, 100, 3), 0.5)
    apart = np.asarray(purify.noised(KEY, x, sigma=0.05) - x)
    assert abs(apart.std() - 0.05) < 4 * 0.05 / np.sqrt(2 * apart.size)
    assert abs(apart.mean()) < 4 * 0.05 / np.sqrt(apart.size)
    far = purify.noised(KEY, x, sigma=5.0)
    assert far.min() == 0 and far.max() == 1


def test_a_projected_image_has_nothing_along_the_weights():
    weights = jax.random.normal(KEY, (4, 5, 6, 3))
    basis = project.orthonormal(weights)
    x = jax.random.uniform(jax.random.key(1), (5, 6, 3))
    left = purify.orthogonal(KEY, x, basis)
    along = np.einsum("khwc,hwc->k", np.asarray(weights), np.asarray(left))
    assert np.abs(along).max() < 1e-4
    np.testing.assert_allclose(purify.orthogonal(KEY, left, basis), left, atol=1e-6)
    # Only the span is lost: what is orthogonal to it already stays.
    lost = np.asarray(x - left).ravel()
    rows = np.asarray(basis).reshape(4, -1)
    np.testing.assert_allclose(rows.T @ (rows @ lost), lost, atol=1e-5)
