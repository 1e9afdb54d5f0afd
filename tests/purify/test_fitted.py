"""Purifiers that make others fit: identity, no seams, exact gradients, their parts."""

import jax
import numpy as np
import pytest
from fields import bare_config
from jax import numpy as jnp
from jax.test_util import check_grads

import purifax
from purifax import purify
from purifax.evaluation import networks
from purifax.pipelines import host_fits
from purifax.purify import Padded, Prior, Resized, Tiled, patches, resized
from purifax.run.overrides import apply

KEY = jax.random.key(4)
FITS = [
    Tiled(height=8, width=8, overlap=4),
    Tiled(height=8, width=5, overlap=4, margin=2),
    Tiled(height=30, width=8, overlap=2, margin=0),
    Padded(factor=8),
    Resized(),
]


def drawn(*shape):
    return jax.random.uniform(jax.random.key(9), shape)


def purified(recipe, purifier, x):
    return jax.jit(lambda x: recipe.around(purifier)(KEY, x))(x)


@pytest.mark.parametrize("recipe", FITS)
@pytest.mark.parametrize("size", [(21, 13), (8, 8), (1, 3), (9, 40)])
def test_the_identity_is_kept(recipe, size):
    x = drawn(*size, 2)
    np.testing.assert_allclose(purified(recipe, lambda key, x: x, x), x, atol=2e-7)
    host = np.asarray(x)
    parts = host_fits.parts(recipe, host)
    assert parts.shape == (recipe.count(x.shape), *recipe.seen(x.shape))
    found = host_fits.whole(recipe, parts, x.shape)
    np.testing.assert_allclose(found, host, atol=2e-7)
    np.testing.assert_array_equal(recipe.parts(x), parts)


@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_a_host_resizes_as_the_recipe(method):
    recipe, x = Resized(height=9, width=4, method=method), drawn(6, 7, 2)
    parts = host_fits.parts(recipe, np.asarray(x * 255))
    np.testing.assert_allclose(parts / 255, recipe.parts(x), atol=1e-6)
    found = host_fits.whole(recipe, parts, x.shape) / 255
    same = purified(recipe, lambda key, x: x, x)
    np.testing.assert_allclose(found, same, atol=2e-6)


def blur(key, x):
    """Depends on 2 pixels to each side; beyond the image it reflects, as parts do."""
    del key
    wide = jnp.pad(x, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    rows = [wide[i : i + x.shape[0]] for i in range(5)]
    found = sum(w * r for w, r in zip((1, 3, 4, 2, 1), rows, strict=True))
    columns = [found[:, i : i + x.shape[1]] for i in range(5)]
    return sum(w * c for w, c in zip((2, 1, 4, 3, 1), columns, strict=True)) / 121


@pytest.mark.parametrize("overlap", [4, 6])
@pytest.mark.parametrize("size", [(29, 33), (9, 50), (8, 8)])
def test_tiles_of_a_local_purifier_are_the_whole(overlap, size):
    x = drawn(*size, 1)
    tiles = Tiled(height=8, width=8, overlap=overlap, margin=2)
    np.testing.assert_allclose(purified(tiles, blur, x), blur(None, x), atol=1e-6)
    if tiles.count(x.shape) > 1:  # a narrower margin lets the borders in
        seams = Tiled(height=8, width=8, overlap=overlap, margin=0)
        assert np.abs(purified(seams, blur, x) - blur(None, x)).max() > 1e-3


def test_tiles_have_noise_of_their_own_and_the_first_the_image_s_key():
    def noise(key, x):
        return jax.random.normal(key, x.shape)

    tiles = Tiled(height=4, width=4, overlap=0, margin=0)
    found = purified(tiles, noise, jnp.zeros((8, 8, 1)))
    squares = found.reshape(2, 4, 2, 4, 1).swapaxes(1, 2).reshape(4, -1)
    assert np.abs(np.corrcoef(squares) - np.eye(4)).max() < 0.8
    assert len(np.unique(np.asarray(squares))) == 64
    alone = noise(KEY, jnp.zeros((4, 4, 1)))
    np.testing.assert_allclose(squares[0], alone.ravel(), rtol=1e-6)
    one = purified(tiles, noise, jnp.zeros((4, 4, 1)))
    np.testing.assert_allclose(one, alone, rtol=1e-6)


@pytest.mark.parametrize("old,new", [(45, 20), (20, 45), (224, 256), (7, 7), (3, 1)])
@pytest.mark.parametrize("method", ["linear", "cubic", "lanczos3"])
def test_resizing_is_that_of_jax(old, new, method):
    right = jax.image.resize(jnp.eye(old), (new, old), method)
    np.testing.assert_allclose(resized.matrix(old, new, method), right, atol=3e-6)


def test_without_antialiasing_an_image_is_sampled():
    """By hand: new pixels 0 and 1 of 2 lie at 0.5 and 2.5 of 4 old ones."""
    found = resized.matrix(4, 2, "linear", antialias=False)
    np.testing.assert_array_equal(found, [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])


@pytest.mark.parametrize(
    "recipe",
    [
        Tiled(height=4, width=5, overlap=2),
        Padded(factor=4),
        Resized(height=8, width=3),
        Resized(height=3, width=8, antialias=False),
    ],
)
def test_gradients_are_exact(recipe, float64):
    def bent(key, x):
        return jnp.sin(3 * x) * x + 0.1 * jax.random.normal(key, x.shape, x.dtype)

    x = jnp.asarray(np.random.default_rng(0).uniform(size=(6, 7, 1)))
    check_grads(lambda x: recipe.around(bent)(KEY, x), (x,), order=1, modes=["rev"])


def test_other_forms_are_those_within():
    tiles = Tiled(purify.ADP(steps=2), height=4, width=4, overlap=2)
    assert tiles.calls() == purify.ADP(steps=2).calls() and hasattr(tiles, "build_fast")
    assert not hasattr(Tiled(purify.JPEG()), "build_fast")
    assert Tiled(purify.JPEG()).needs == purify.JPEG().needs
    detect = Tiled(purify.Detect(steps=1), height=2, width=2, overlap=0, margin=0)
    prior = Prior(score=lambda x, sigma: -x)
    assert detect.uncalibrated
    assert not detect.calibrate(prior, drawn(3, 4, 4, 1)).uncalibrated


def test_the_network_sees_the_size_that_it_takes():
    """Of another size than the images, in Python and by overrides."""
    x = drawn(2, 13, 9, 1)
    tiles = Tiled(purify.ADP(steps=1), height=8, width=8, overlap=2)
    found = purifax.purify_images(x, "digits_dsm", key=KEY, purifier=tiles)
    assert found.shape == x.shape and float(jnp.abs(found - x).max()) > 0.01
    small = Tiled(purify.ADP(steps=1), height=5, width=8, overlap=2)
    with pytest.raises(ValueError, match="13 x 9 x 1, of which it sees 5 x 8 x 1"):
        purifax.purify_images(x, "digits_dsm", key=KEY, purifier=small)
    words = [
        ("purifier", "resized"),
        ("purifier.purifier", "adp"),
        ("purifier.purifier.sigma", "0.1"),
        ("purifier.height", "8"),
        ("purifier.width", "8"),
    ]
    made = apply(bare_config(), words).purifier
    assert made == Resized(purify.ADP(sigma=0.1), height=8, width=8)
    assert networks.seen(made, (28, 28, 1)) == (8, 8, 1)
    assert networks.seen(purify.ADP(), [28, 28, 1]) == (28, 28, 1)


def test_a_callable_is_a_purifier_within():
    made = Padded(lambda key, x: x * x.shape[0], factor=4)
    assert float(made.build(Prior())(KEY, jnp.ones((3, 4, 1)))[0, 0, 0]) == 4


@pytest.mark.parametrize(
    "recipe,fields,words",
    [
        (Tiled, {"purifier": "adp"}, "must be a recipe"),
        (Tiled, {"purifier": None}, "must be a recipe"),
        (Tiled, {"height": 4, "overlap": 4}, "less than a tile's 4 pixels"),
        (Tiled, {"overlap": 1, "margin": 1}, "overlap must be 2 or more"),
        (Tiled, {"at_once": 0}, "at_once must be 1 or more"),
        (Padded, {"factor": 0}, "factor must be 1 or more"),
        (Resized, {"method": "linaer"}, "linear"),
        (Resized, {"height": -1}, "height must be 0 or more"),
    ],
)
def test_recipes_refuse(recipe, fields, words):
    with pytest.raises(ValueError, match=words):
        recipe(**fields)


def test_patches_of_one_pixel():
    axis = patches.multiples(1, 3)
    assert axis.place == ((0, 0, 0),)
    assert axis.weight == ((0, 1, 0),)
