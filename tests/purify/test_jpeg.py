"""Bit depth and JPEG against their definitions and against another encoder."""

import io
from functools import partial

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from PIL import Image

from purifax import backward, purify
from purifax.purify import jpeg as jpeg_module
from purifax.purify.jpeg import tables

KEY = jax.random.key(71)


def photograph(rows, columns, channels):
    """8-bit values that vary as in a picture: waves, an edge, a little noise."""
    draw = np.random.default_rng(rows + channels)
    i, j = np.mgrid[:rows, :columns] / 32
    waves = [np.sin(2 * np.pi * (a * i + b * j)) for a, b in draw.uniform(0, 3, (6, 2))]
    mix = draw.normal(size=(6, channels))
    v = np.stack(waves, -1) @ mix * 25 + 120 + 60 * (i > j)[..., None]
    return np.clip(v + draw.normal(size=v.shape) * 4, 0, 255).astype(np.uint8)


def by_pillow(v, quality, subsampled):
    file, sampling = io.BytesIO(), 2 if subsampled else 0
    grey = v[..., 0] if v.shape[-1] == 1 else v
    coded = Image.fromarray(grey)
    coded.save(file, "JPEG", quality=quality, subsampling=sampling)
    return np.asarray(Image.open(file), np.float64).reshape(v.shape)


@partial(jax.jit, static_argnames="subsampled")
def jpeg(v, quality, subsampled=True):
    coder = purify.jpeg_420 if subsampled else jpeg_module.jpeg_444
    return 255 * coder(KEY, jnp.asarray(v, jnp.float32) / 255, quality=quality)


@pytest.mark.parametrize("subsampled", [True, False])
@pytest.mark.parametrize("shape", [(32, 32, 3), (27, 21, 3), (28, 28, 1)])
def test_jpeg_is_that_of_pillow(shape, subsampled):
    """Up to coefficients at a rounding's edge, where libjpeg's integers differ: less
    than a grey level on average and four at most but for few, while JPEG itself changes
    the image by more.
    """
    v = photograph(*shape)
    for quality in (10, 50, 75, 95):
        theirs = by_pillow(v, quality, subsampled)
        apart = np.abs(np.asarray(jpeg(v, quality, subsampled)) - theirs)
        assert apart.mean() < (1.0 if quality > 90 else 0.6), (quality, apart.mean())
        assert np.quantile(apart, 0.95) < 4
        assert np.abs(theirs - v).mean() > 2 * apart.mean()


def test_quality_orders_the_error_and_the_highest_has_almost_none():
    v = photograph(32, 32, 3)
    found = [
        np.abs(np.asarray(jpeg(v, q, subsampled=False)) - v).mean()
        for q in (5, 30, 75, 100)
    ]
    assert found == sorted(found, reverse=True) and found[-1] < 0.8


def test_the_tables_are_those_that_pillow_writes():
    file = io.BytesIO()
    for quality in (1, 20, 49, 50, 83, 100):
        file.seek(0)
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        written = Image.open(file).quantization
        for ours, theirs in zip(tables(quality), written.values(), strict=True):
            np.testing.assert_array_equal(ours.ravel(), theirs)


def test_channels_that_are_no_colours_are_coded_alone():
    v = photograph(8, 12, 2)
    both = jpeg(v, 30)
    alone = [jpeg(v[..., i : i + 1], 30) for i in range(2)]
    np.testing.assert_array_equal(both, jnp.concatenate(alone, -1))


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_bit_depth_keeps_so_many_values(bits):
    x = jnp.arange(256.0).reshape(16, 16, 1) / 255
    found = np.asarray(purify.bit_depth(KEY, x, bits=bits))
    assert len(np.unique(found)) == 2**bits
    assert np.abs(found - x).max() < 0.501 / (2**bits - 1)
    again = purify.bit_depth(KEY, jnp.array(found), bits=bits)
    np.testing.assert_array_equal(again, found)


@pytest.mark.parametrize(
    "purifier", [purify.jpeg_420, jpeg_module.jpeg_444, purify.bit_depth]
)
def test_rounding_has_no_gradient_and_the_straight_one_is_the_identity(purifier):
    x = jnp.asarray(photograph(8, 8, 3), jnp.float32) / 255
    exact = jax.grad(lambda x: jnp.sum(purifier(KEY, x)))(x)
    assert not exact.any()
    straight = backward.straight_through(Partial(purifier))
    assert (jax.grad(lambda x: jnp.sum(straight(KEY, x)))(x) == 1).all()


def test_numbers_that_mean_nothing_are_refused():
    x = jnp.zeros((8, 8, 1))
    with pytest.raises(ValueError, match="between 1 and 100; got 0"):
        purify.jpeg_420(KEY, x, quality=0)
    with pytest.raises(ValueError, match="at least 1; got 0"):
        purify.bit_depth(KEY, x, bits=0)
