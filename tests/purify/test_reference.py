"""The reference mode against an independent port of the released arithmetic."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

import purifax
from purifax import noise, purify, score

KEY = jax.random.key(3)
SHAPE = (3, 4, 2)
STOP = 0.04


def flattening(x, level, mean):
    """Bends more the nearer the mean: near images stop sooner. Also for NumPy."""
    return (mean - x) / ((mean - x) ** 2 + level)


def port(images, noise, network, levels, tau=STOP, delta=1e-3, rate=0.05):
    """ADP as its released code computes it, one batch, in NumPy."""
    x = np.clip(images + noise, 0, 1) * 255 / 256 + 1 / 512
    active = np.ones(len(x), bool)
    path, sizes = [x], []
    for level in levels:
        v = network(x, level)
        ahead = network(x + delta * v, level)
        flat = (len(x), -1)
        vv, va = ((a.reshape(flat) * v.reshape(flat)).sum(1) for a in (v, ahead))
        alpha = np.clip(rate * delta / (1 - va / vv), 1e-5, 0.1)
        active = active & (alpha > tau)
        if not active.any():
            break
        alpha = alpha * active
        moved = (x + alpha.reshape(-1, 1, 1, 1) * v) * 256 / 255 - 1 / 510
        x = np.clip(moved, 0, 1)
        path.append(x)
        sizes.append(alpha)
    return np.stack(path), np.array(sizes).reshape(-1, len(images))


def fixed(key, x, sigma, added):
    """Noise handed in from outside."""
    return x + sigma * added


def grid(x):
    return np.asarray(x, np.float64) * 255 / 256 + 1 / 512


def world(offsets):
    """Images at several distances from the mean, and one field of noise."""
    signs = np.where(np.random.default_rng(0).random(SHAPE) > 0.4, 1.0, -1.0)
    mean = np.full(SHAPE, 0.45)
    images = mean + np.reshape(offsets, (-1, 1, 1, 1)) * signs
    added = np.random.default_rng(1).normal(size=SHAPE)
    return images, mean, added


@jax.jit
def run(key, images, mean, levels, perturb, sigma):
    fn = score.from_scaled(Partial(flattening, mean=mean))
    return purify.reference(
        key, images, fn, levels, perturb=perturb, sigma=sigma, stop=STOP
    )


def compare(images, mean, added, levels, sigma):
    """Ours and the port's, in float64, at every step; returns the port's."""
    perturb = Partial(fixed, added=jnp.asarray(added))
    given = jnp.asarray(images), jnp.asarray(mean), jnp.asarray(levels)
    assert given[0].dtype == jnp.float64
    last, path, sizes = run(KEY, *given, perturb, sigma)
    expected, alphas = port(
        images, sigma * added, lambda x, s: flattening(x, s, mean), levels
    )
    steps = len(alphas)
    np.testing.assert_allclose(path[: steps + 1], expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(sizes[:steps], alphas, rtol=1e-7)
    np.testing.assert_allclose(last, expected[-1], rtol=1e-9, atol=1e-10)
    for later in path[steps + 1 :]:
        np.testing.assert_array_equal(later, last)
    np.testing.assert_array_equal(sizes[steps:], 0)
    return expected, alphas


def test_golden_vectors_while_every_image_moves(float64):
    images, mean, added = world([0.35, 0.4, 0.45])
    _, alphas = compare(images, mean, added, np.full(3, 0.5), 0.05)
    assert len(alphas) == 3 and (alphas > 0).all()


def test_golden_vectors_where_images_stop_at_different_steps(float64):
    images, mean, added = world([0.05, 0.3, 0.34, 0.4, 0.5])
    path, alphas = compare(images, mean, added, np.full(12, 0.5), 0.05)
    taken = (alphas > 0).sum(0)
    assert len(set(taken)) >= 3 and taken[0] == 0
    assert len(alphas) < 12, "the loop is to end when the last image stops"
    drifting = np.abs(np.diff(path[1:, 0], axis=0)).max()
    assert drifting > 5e-4, "a stopped image drifts while a batch-mate is active"


def test_golden_vectors_with_levels_that_change(float64):
    images, mean, added = world([0.2, 0.3, 0.4])
    compare(images, mean, added, np.array([0.9, 0.3, 0.7, 0.05, 0.9]), 0.1)


def test_a_batch_that_stops_at_once_is_returned_in_grid_space(float64):
    images, mean, added = world([0.05, 0.1])
    path, alphas = compare(images, mean, added, np.full(4, 0.5), 0.05)
    assert len(alphas) == 0
    np.testing.assert_allclose(path[-1], grid(np.clip(images + 0.05 * added, 0, 1)))


def both(images, levels, stopped_level=1e-3):
    """Image 0 stops at once and image 1 never: by the reference and by `adaptive`."""

    def network(x, level):
        """Steep for dark images, which so stop at once; flat for bright ones."""
        return (0.5 - x) / jnp.where(jnp.mean(x) < 0.3, stopped_level, level)

    fn = score.from_scaled(network)
    bound = {"score": fn, "levels": jnp.asarray(levels, jnp.float32), "sigma": 0.0}
    theirs = purify.reference(KEY, images, **bound)
    ours = purifax.batched(Partial(purify.adaptive, **bound))(KEY, images)
    return theirs, ours


def test_contrast_of_a_stopped_image_grows_beside_an_active_one():
    dark = 0.2 + 0.1 * jax.random.uniform(KEY, SHAPE)
    images = jnp.stack([dark, jnp.full(SHAPE, 0.9)])
    (_, path, sizes), ours = both(images, jnp.full(5, 1.5))
    assert (sizes[:, 0] == 0).all() and (sizes[:, 1] > 0).all()
    np.testing.assert_allclose(path[0], grid(images), rtol=1e-6)
    for k in range(1, 6):
        expected = 0.5 + (256 / 255) ** (k - 1) * (np.asarray(dark) - 0.5)
        np.testing.assert_allclose(path[k, 0], expected, atol=2e-6)
    np.testing.assert_array_equal(ours[0], dark)


def test_reference_depends_on_batch_mates_and_adaptive_does_not():
    dark = 0.2 + 0.1 * jax.random.uniform(KEY, SHAPE)
    beside = {}
    for name, mate in (("active", 0.9), ("stopped", 0.1)):
        images = jnp.stack([dark, jnp.full(SHAPE, mate)])
        beside[name] = both(images, jnp.full(5, 1.5))
    active, stopped = (beside[name][0][0][0] for name in ("active", "stopped"))
    assert np.abs(active - stopped).max() > 1e-3
    np.testing.assert_allclose(stopped, grid(dark), rtol=1e-6)
    for name in beside:
        np.testing.assert_array_equal(beside[name][1][0], dark)


def test_adaptive_has_no_affine_drift():
    """Ten steps of vanishing size leave a bright image; the reference spreads it."""
    bright = (0.6 + 0.3 * jax.random.uniform(KEY, SHAPE))[None]
    (last, _, sizes), ours = both(bright, jnp.full(10, 1.0))
    shrink = 0.95**10
    np.testing.assert_allclose(ours[0], 0.5 + shrink * (bright[0] - 0.5), atol=1e-5)
    assert (sizes > 0).all()
    drift = (256 / 255) ** 9
    expected = 0.5 + shrink * drift * (np.asarray(bright) - 0.5)
    np.testing.assert_allclose(last, expected, atol=1e-4)


def test_images_of_a_batch_draw_their_own_noise():
    images, mean, _ = world([0.1, 0.2])
    images = jnp.asarray(images, jnp.float32)
    mean = jnp.asarray(mean, jnp.float32)
    _, path, _ = run(KEY, images, mean, jnp.full(1, 0.5), Partial(noise.gaussian), 0.2)
    for i in range(2):
        noised = noise.gaussian(jax.random.fold_in(KEY, i), images[i], 0.2)
        np.testing.assert_allclose(path[0, i], grid(jnp.clip(noised, 0, 1)), rtol=1e-5)


def test_a_zero_score_is_not_a_number_beside_an_active_image():
    """0.5 is the fixed point of the grid map, so the score there stays zero."""
    images = jnp.stack([jnp.full(SHAPE, 0.5), jnp.full(SHAPE, 0.9)])
    (last, _, _), ours = both(images, jnp.full(2, 1.5))
    assert jnp.isnan(last[0]).all() and jnp.isfinite(last[1]).all()
    np.testing.assert_array_equal(ours[0], images[0])


def test_reference_uses_keys_once_and_mixes_no_dtypes(strict):
    images = jnp.full((2, *SHAPE), 0.3)
    fn = score.from_scaled(lambda x, level: (0.5 - x) / level)
    purify.reference(jax.random.key(0), images, fn, jnp.full(2, 1.0))


@pytest.mark.parametrize("rate, largest", [(0.02, 0.1), (0.05, 0.03)])
def test_numbers_reach_the_step(rate, largest):
    fn = score.from_scaled(lambda x, level: (0.5 - x) / level)
    images = jnp.full((1, *SHAPE), 0.3)
    levels = jnp.full(1, 1.2)
    _, _, sizes = purify.reference(
        KEY, images, fn, levels, sigma=0.0, rate=rate, largest=largest
    )
    np.testing.assert_allclose(sizes, min(rate * 1.2, largest), rtol=1e-3)
