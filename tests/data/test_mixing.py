"""Augmentations that mix, cut out and cloud; labels follow the shares of images."""

import jax
import numpy as np
from jax import numpy as jnp

from purifax.data import augment, mixing, plasma

KEY = jax.random.key(0)
COUNT = 200
NUMBERED = jnp.broadcast_to(
    jnp.arange(COUNT, dtype=jnp.float32)[:, None, None, None], (COUNT, 6, 4, 2)
)
EYE = jnp.eye(COUNT)


def test_mixup_weighs_images_and_labels_alike():
    """Of images that are their own number, the mean label is the pixel."""
    x, y = jax.jit(mixing.mixup)(KEY, NUMBERED, EYE)
    np.testing.assert_allclose(y.sum(1), 1, rtol=1e-5)
    expected = np.asarray(y) @ np.arange(COUNT, dtype=np.float32)
    np.testing.assert_allclose(x[:, 0, 0, 0], expected, rtol=1e-4)
    share = np.asarray(y[jnp.arange(COUNT), jnp.arange(COUNT)])
    assert abs(share.mean() - 0.5) < 4 * np.sqrt(1 / 12 / COUNT) + 1 / COUNT


def test_cutmix_gives_each_label_its_pixels():
    x, y = jax.jit(mixing.cutmix)(KEY, NUMBERED, EYE)
    for pixels, label in zip(np.asarray(x)[..., 0], np.asarray(y), strict=True):
        counted = np.bincount(pixels.astype(int).ravel(), minlength=COUNT) / 24
        np.testing.assert_allclose(label, counted, atol=1e-6)
    foreign = (np.asarray(x[..., 0]) != np.arange(COUNT)[:, None, None]).mean((1, 2))
    assert 0.2 < foreign.mean() < 0.5 and (foreign == 0).any()


def test_a_cut_box_is_one_box():
    x, _ = mixing.cutmix(KEY, NUMBERED, EYE)
    for number, pixels in enumerate(np.asarray(x)[..., 0]):
        rows, columns = np.nonzero(pixels != number)
        if len(rows):
            high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
            assert high * wide == len(rows)


def test_cutout_blackens_a_square_of_its_size():
    keys = jax.random.split(KEY, 300)
    cut = jax.jit(
        jax.vmap(lambda key: augment.cutout(key, jnp.ones((9, 9, 2)), size=3))
    )
    black = np.asarray(cut(keys)) == 0
    assert (black[..., 0] == black[..., 1]).all()
    counts = black[..., 0].sum((1, 2))
    assert counts.max() == 9 and counts.min() >= 4
    assert black.any(0).all()
    whole = augment.cutout(KEY, jnp.ones((9, 9, 1)), size=0)
    np.testing.assert_array_equal(whole, 1)


def test_clouds_fill_their_range_and_are_smooth():
    keys = jax.random.split(KEY, 50)
    clouds = np.asarray(jax.vmap(lambda key: plasma.cloud(key, (16, 16), 0.4))(keys))
    assert (
        clouds.min() == 0 and clouds.max() <= 1 and (clouds.max((1, 2)) > 0.999).all()
    )
    step = np.abs(np.diff(clouds, axis=1)).mean()
    assert step < 0.3 * np.abs(clouds - clouds[::-1]).mean()


def test_ueraser_stays_in_the_box_and_often_does_something():
    x = jax.random.uniform(jax.random.key(1), (8, 8, 3))
    keys = jax.random.split(KEY, 400)
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: plasma.ueraser(key, x)))(keys))
    assert drawn.min() >= 0 and drawn.max() <= 1
    same = (drawn == np.asarray(x)).all((1, 2, 3)).mean()
    # Nothing: no brightness, no contrast, and no shuffle that moves a channel.
    assert abs(same - 0.25 * (0.5 + 0.5 / 6)) < 4 * np.sqrt(0.15 * 0.85 / 400)
