"""The Square attack: its patches by hand, its optimum, and honest comparisons."""

import collections
import functools

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, image, weights

from purifax import attack
from purifax.attack import square_attack
from purifax.attack.square_attack import _bump
from purifax.threat import L1, L2, Linf

KEYS = jax.random.split(jax.random.key(2), 12)
LABEL = jnp.array(0)
GREY = jnp.full((9, 11, 3), 0.5)
RADIUS = 0.125


def offset_model(key, x, w, noise):
    """A linear model whose key moves all images alike."""
    return jnp.stack([noise * jax.random.normal(key) + jnp.vdot(w, x), jnp.array(0.0)])


@functools.partial(jax.jit, static_argnames="kind")
def compiled(keys, x, model, threat, shares, kind):
    fn = Partial(attack.square, model=model, threat=threat, shares=shares)
    return jax.vmap(fn, in_axes=(0, None, None))(keys, x, LABEL)


def many(keys, x, model, threat, shares):
    found = compiled(keys, x, model, threat, jnp.asarray(shares), kind=type(threat))
    return np.asarray(found)


W = jax.random.normal(jax.random.key(8), GREY.shape)


def run(threat, shares):
    """What becomes of a grey image, by key, [12, 9, 11, 3]."""
    return many(KEYS, GREY, Partial(offset_model, w=W, noise=0.0), threat, shares)


def gain(x_adv):
    return -np.tensordot(x_adv, W, 3)


def test_the_schedule_is_the_published_one():
    shares = np.asarray(square_attack.square_shares(10_000))
    np.testing.assert_allclose(shares[:11], 0.8)
    for i, last in enumerate((50, 200, 500, 1000, 2000, 4000, 6000, 8000, 9999)):
        np.testing.assert_allclose(shares[last], 0.8 / 2 ** (i + 1), rtol=1e-6)
    for place in (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000):
        np.testing.assert_allclose(shares[place + 1] / shares[place], 0.5)
    np.testing.assert_array_equal(square_attack.square_shares(3000), shares[:3000])
    scaled = square_attack.square_shares(1000, first=0.4, span=1000)
    np.testing.assert_allclose(scaled, shares[::10] / 2)


def test_linf_begins_with_vertical_stripes():
    found = run(Linf(RADIUS), np.zeros(0, np.float32)) - 0.5
    np.testing.assert_allclose(np.abs(found), RADIUS, atol=1e-6)
    np.testing.assert_array_equal(found, np.broadcast_to(found[:, :1], found.shape))
    assert (found.std((2,)) > 0).all() and (found.std((3,)) > 0).any()
    assert len({f.tobytes() for f in found}) == len(found)


@pytest.mark.parametrize("side", [1, 3, 6, 9])
def test_linf_patches_are_squares_of_one_sign_a_channel(side):
    share = np.float32(side**2 / GREY[..., 0].size)
    before = run(Linf(RADIUS), np.zeros(0, np.float32))
    after = run(Linf(RADIUS), np.full(1, share))
    taken = 0
    for a, b in zip(before, after, strict=True):
        rows, columns, channels = np.nonzero(np.abs(b - a) > 1e-6)
        if not len(rows):
            continue
        taken += 1
        assert np.ptp(rows) < side and np.ptp(columns) < side
        np.testing.assert_allclose(np.abs(b - a)[rows, columns, channels], 2 * RADIUS)
        for c in set(channels):
            top, left = rows[channels == c].min(), columns[channels == c].min()
            patch = b[top : top + side, left : left + side, c] - 0.5
            signs = np.sign((b - a)[..., c][np.abs(b - a)[..., c] > 1e-6])
            assert len(set(signs)) == 1
            assert (np.sign(patch)[rows[channels == c] - top] != 0).all()
    assert taken >= 2, "choose keys of which some are taken"


def test_every_place_of_the_image_can_be_reached():
    keys = jax.random.split(jax.random.key(3), 256)
    x = jnp.full((3, 4, 1), 0.5)
    w = jnp.ones_like(x)
    found = many(
        *(keys, x, Partial(offset_model, w=w, noise=0.0), Linf(RADIUS)),
        np.full(300, 1 / 12, np.float32),
    )
    np.testing.assert_allclose(found, 0.5 - RADIUS, atol=1e-6)


def test_a_linear_model_is_solved_exactly_in_linf():
    w = weights()[0]
    model = Partial(offset_model, w=w, noise=0.0)
    found = many(KEYS[:2], image(), model, Linf(0.07), np.full(700, 1 / 16, np.float32))
    best = np.clip(np.asarray(image()) - 0.07 * np.sign(w), 0, 1)
    np.testing.assert_allclose(found, np.stack([best, best]), atol=1e-6)


@functools.cache
def nested(height, width):
    """The published bump of one half, by adding nested rectangles."""
    total = np.zeros((height, width))
    row, column = height // 2, width // 2
    for k in range(max(row, column) + 1):
        inside = np.zeros_like(total)
        inside[max(row - k, 0) : row + k + 1, max(column - k, 0) : column + k + 1] = 1
        total += inside / (k + 1) ** 2
    return total / max(np.linalg.norm(total), 1e-30)


@pytest.mark.parametrize("side", [1, 3, 5, 9])
def test_a_bump_is_two_opposite_nested_halves(side):
    grid = np.indices((11, 12))
    rows, columns = jnp.asarray(grid[0] - 1), jnp.asarray(grid[1] - 2)
    found = _bump((rows, columns), side, jnp.float32)
    half = side // 2
    expected = np.zeros((11, 12))
    expected[1 : 1 + half, 2 : 2 + side] = nested(half, side)
    expected[1 + half : 1 + side, 2 : 2 + side] = -nested(side - half, side)
    np.testing.assert_allclose(found, expected / np.sqrt(2), atol=1e-6)


def test_l2_begins_with_bumps_of_the_whole_radius():
    found = run(L2(RADIUS), np.zeros(0, np.float32)) - 0.5
    lengths = np.sqrt((found**2).sum((1, 2, 3)))
    np.testing.assert_allclose(lengths, RADIUS, rtol=1e-5)
    assert len({f.tobytes() for f in found}) == len(found)
    square = jnp.full((25, 25, 1), 0.5)
    model = Partial(offset_model, w=square, noise=0.0)
    big = many(KEYS[:4], square, model, L2(RADIUS), np.zeros(0))[..., 0] - 0.5
    bump = np.asarray(_bump(jnp.indices((5, 5)), 5, jnp.float32)) * RADIUS / 5
    shapes = {
        (turned, sign): sign * (bump.T if turned else bump)
        for turned in (False, True)
        for sign in (1, -1)
    }
    seen = collections.Counter()
    for one in big:
        for tile in one.reshape(5, 5, 5, 5).swapaxes(1, 2).reshape(25, 5, 5):
            for name, shape in shapes.items():
                seen[name] += np.allclose(tile, shape, atol=1e-6)
    assert sum(seen.values()) == 100 and min(seen.values()) > 10


def test_an_l2_patch_moves_one_square_into_another_and_keeps_the_length():
    side, share = 3, np.float32(9 / GREY[..., 0].size)
    before = run(L2(RADIUS), np.zeros(0, np.float32)) - 0.5
    after = run(L2(RADIUS), np.full(1, share)) - 0.5
    taken = 0
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(np.linalg.norm(b), RADIUS, rtol=1e-4)
        if np.allclose(a, b):
            continue
        taken += 1
        # The length goes from both squares into the first: nothing else changes.
        same = np.isclose(a, b, rtol=1e-3, atol=1e-7).all(-1)
        emptied = np.isclose(b, 0, atol=1e-7).all(-1) & ~same
        filled = ~same & ~emptied
        for place in (emptied, filled):
            rows, columns = np.nonzero(place)
            assert not len(rows) or np.ptp(rows) < side and np.ptp(columns) < side
        assert filled.sum() > 0
        held = (a[~same] ** 2).sum((0,))
        np.testing.assert_allclose((b[~same] ** 2).sum((0,)), held, rtol=1e-2)
    assert taken >= 2


def test_l2_climbs_far_on_a_linear_model():
    w = weights()[0]
    x, model = jnp.full(SHAPE, 0.5), Partial(offset_model, w=w, noise=0.0)
    found = many(KEYS[:2], x, model, L2(0.4), np.full(600, 1 / 16, np.float32))
    reached = np.tensordot(0.5 - found, w, 3) / (0.4 * np.linalg.norm(w))
    assert (reached > 0.5).all() and (reached <= 1 + 1e-5).all()


@pytest.mark.parametrize("threat", [Linf(RADIUS), L2(RADIUS)], ids=["Linf", "L2"])
def test_more_queries_go_on_and_never_do_worse(threat):
    shares = np.asarray(square_attack.square_shares(24, span=24))
    gains = [gain(run(threat, shares[:count])) for count in (0, 8, 16, 24)]
    for less, more in zip(gains, gains[1:], strict=False):
        assert (more >= less - 1e-5).all() and (more > less + 1e-3).any()


@pytest.mark.parametrize("threat", [Linf(RADIUS), L2(RADIUS)], ids=["Linf", "L2"])
def test_the_luck_of_a_key_does_not_outlive_its_query(threat):
    """An offset common to all images, new in each query, changes no decision."""
    shares = square_attack.square_shares(30, span=30)
    quiet, loud = (
        many(KEYS, GREY, Partial(offset_model, w=W, noise=noise), threat, shares)
        for noise in (0.0, 20.0)
    )
    np.testing.assert_allclose(gain(quiet), gain(loud), atol=1e-3)


def test_a_patch_that_breaks_the_model_is_not_taken():
    def model(key, x):
        logits = offset_model(key, x, jnp.ones_like(x), 0.0)
        return jnp.where(jnp.any(x < 0.45), jnp.nan, logits)

    x = jnp.full((4, 4, 1), 0.55)
    found = many(KEYS, x, Partial(model), Linf(0.2), jnp.full(40, 0.25))
    first = many(KEYS, x, Partial(model), Linf(0.2), jnp.zeros(0))
    fine = (first >= 0.45).all((1, 2, 3))
    np.testing.assert_array_equal(found[fine] >= 0.45, True)


def test_l1_is_l2_with_lengths_in_l1():
    shares = np.full(12, np.float32(9 / GREY[..., 0].size))
    for count in (0, 12):
        found = run(L1(2.0), shares[:count]) - 0.5
        np.testing.assert_allclose(np.abs(found).sum((1, 2, 3)), 2.0, rtol=1e-4)
    assert (gain(run(L1(2.0), shares)) > gain(run(L1(2.0), shares[:0])) + 0.1).any()
    bump = np.asarray(_bump(jnp.indices((5, 5)), 5, jnp.float32, 1))
    np.testing.assert_allclose([bump[:2].sum(), bump[2:].sum()], [0.5, -0.5], rtol=1e-5)
    far = many(
        *(KEYS[:4], image(), Partial(offset_model, w=weights()[0], noise=0.0)),
        *(L1(1.0), np.full(60, 1 / 16, np.float32)),
    )
    moved = np.abs(far - np.asarray(image())).sum((1, 2, 3))
    assert moved.max() <= 1 + 1e-5 and far.min() >= 0 and far.max() <= 1
