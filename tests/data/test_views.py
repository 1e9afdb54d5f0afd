"""SimCLR's views: what is kept of an image, what changes, and its gradient."""

from functools import partial

import jax
import numpy as np
from jax import numpy as jnp

from purifax.data.views import recoloured, resized_crop, simclr_view

KEYS = jax.random.split(jax.random.key(31), 60)
COLOURS = jax.random.uniform(jax.random.key(32), (6, 5, 3), minval=0.3, maxval=0.6)
GREY = jnp.array([0.299, 0.587, 0.114])


def test_a_crop_of_a_ramp_is_a_flatter_ramp_inside_it():
    ramp = jnp.linspace(0.1, 0.9, 9)[None, :, None] + jnp.zeros((9, 1, 1))
    found = np.asarray(jax.jit(jax.vmap(resized_crop, (0, None)))(KEYS, ramp))[..., 0]
    assert np.ptp(found, axis=1).max() < 1e-6
    inner = np.diff(found[:, 0], axis=1)[:, 2:-2] / 0.1
    side = inner.mean(axis=1)
    np.testing.assert_allclose(inner, np.repeat(side[:, None], 4, 1), atol=1e-4)
    # From the widest of the smallest areas at the narrowest ratio to the whole image.
    assert np.sqrt(0.08 * 3 / 4) - 1e-4 < side.min() < 0.5
    assert 0.8 < side.max() <= 1 + 1e-4
    assert found.min() >= 0.1 - 1e-6 and found.max() <= 0.9 + 1e-6


def test_hue_and_saturation_keep_the_brightness_of_every_pixel():
    """Light and contrast move all pixels along one line; the rest does not move it."""
    found = np.asarray(jax.jit(jax.vmap(recoloured, (0, None)))(KEYS, COLOURS))
    before = np.asarray(COLOURS @ GREY).ravel()
    inside = ((found > 0) & (found < 1)).all(axis=(1, 2, 3))
    assert inside.sum() > 20
    after = (found[inside] @ np.asarray(GREY)).reshape(inside.sum(), -1)
    for row in after:
        slope, offset = np.polyfit(before, row, 1)
        np.testing.assert_allclose(slope * before + offset, row, atol=1e-5)
        assert 0.36 - 1e-3 < slope < 1.96 + 1e-3
    flat = recoloured(KEYS[0], jnp.full((2, 2, 3), 0.5))
    np.testing.assert_allclose(flat, flat[0, 0, 0], atol=1e-6)


@jax.jit
@partial(jax.vmap, in_axes=(0, None))
def viewed(key, x):
    """A view, and the gradient of its sum."""
    total = jax.grad(lambda x: jnp.sum(simclr_view(key, x)))
    return simclr_view(key, x), total(x)


def test_views_stay_in_the_box_differ_and_have_a_gradient():
    for x in (COLOURS, COLOURS[..., :1]):
        found, slopes = map(np.asarray, viewed(KEYS, x))
        assert found.shape == (60, *x.shape)
        assert found.min() >= 0 and found.max() <= 1
        assert len(np.unique(found.mean(axis=(1, 2, 3)).round(6))) > 50
        assert np.isfinite(slopes).all()
        assert np.abs(slopes).sum((1, 2, 3)).min() > 0
    views = np.asarray(viewed(KEYS, COLOURS)[0])
    grey = np.ptp(views, axis=-1).max(axis=(1, 2)) < 1e-6
    assert 0.05 < grey.mean() < 0.4
