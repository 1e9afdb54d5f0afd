"""Poisons without a network: their statistics, and what undoes or separates them."""

import functools

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from shared_data import arrays, needed

from purifax import batched, poison
from purifax.poison import ar, ar_filters, badnets, budget, cuda, ops, urp
from purifax.poison import lsp as lsp_module
from purifax.poison.ops import Shortcuts
from purifax.threat import L2

pytestmark = pytest.mark.usefixtures("unoptimised")
KEY = jax.random.key(31)
SHAPE = (32, 32, 3)


@jax.jit
def crafted(maker, key, images, labels, index):
    return batched(maker)(key, images, labels, index=index)


craft = jax.jit(poison.craft, static_argnames=("name", "chunk"))
search = jax.jit(ops.one_pixel_search)
responses = jax.jit(jax.vmap(ar_filters.ar_response, (0, None)))
ar_matrices = jax.jit(ar.ar_matrices, static_argnums=(1, 2), static_argnames="crop")
filters_of = jax.jit(cuda.blur_filters)


def deltas(maker, labels, shape=SHAPE, index=None):
    labels = jnp.asarray(labels)
    index = jnp.arange(len(labels)) if index is None else index
    return crafted(maker, KEY, jnp.full((len(labels), *shape), 0.5), labels, index)


def lsp(shape=SHAPE, patch=8, classes=10):
    clusters = lsp_module.lsp_clusters(jax.random.key(1), classes, shape, patch=patch)
    return Partial(
        lsp_module.linearly_separable,
        clusters=clusters,
        length=lsp_module.lsp_length(shape),
    ), clusters


LABELS = jnp.arange(1200) % 10


@functools.cache
def published_lsp():
    maker, clusters = lsp()
    return np.asarray(deltas(maker, LABELS)), clusters


def test_lsp_has_the_published_length_and_patches():
    delta = published_lsp()[0]
    norms = np.sqrt((delta**2).sum((1, 2, 3)))
    np.testing.assert_allclose(norms, 1.304, atol=1e-3)
    patches = delta.reshape(1200, 4, 8, 4, 8, 3)
    np.testing.assert_array_equal(
        patches, np.broadcast_to(patches[:, :, :1, :, :1], patches.shape)
    )
    sizes = np.abs(delta).reshape(1200, -1).max(1) * 255
    # Measured once on the released code: mean 10.5, largest about 17.
    assert 10 < sizes.mean() < 11 and 13 < sizes.max() < 18


def test_lsp_clouds_have_their_centres_and_spread():
    """Before scaling: vertices of +-10, and a deviation of sqrt(48 / 3) = 4."""
    clusters = published_lsp()[1]
    np.testing.assert_array_equal(np.abs(clusters.centres), 10.0)
    assert len(np.unique(clusters.centres.reshape(10, -1), axis=0)) == 10
    z = jax.random.normal(KEY, (400, 48))
    spread = np.std(np.einsum("nd,kde->kne", z, clusters.mixing), axis=1)
    assert abs(spread.mean() - 4.0) < 0.05


def test_lsp_is_separated_by_a_linear_classifier():
    """Least squares on 600 perturbations gets all of 600 others right."""
    delta = published_lsp()[0][:, ::8, ::8]
    x = np.c_[delta.reshape(1200, -1), np.ones(1200)]
    weights = np.linalg.lstsq(x[:600], np.eye(10)[LABELS[:600]], rcond=None)[0]
    assert (np.argmax(x[600:] @ weights, axis=1) == np.asarray(LABELS[600:])).all()


def test_lsp_vertices_differ_even_where_they_are_few():
    _, clusters = lsp((4, 4, 1), patch=2, classes=16)
    assert len(np.unique(clusters.centres.reshape(16, -1), axis=0)) == 16
    with pytest.raises(ValueError, match="too few vertices for 17 classes"):
        lsp((4, 4, 1), patch=2, classes=17)


def test_lsp_covers_sides_that_patches_do_not_divide():
    delta = deltas(lsp((10, 7, 1), patch=4)[0], [3], (10, 7, 1))[0, :, :, 0]
    assert np.unique(delta).size == 6 and (delta[8:] == delta[8:9]).all()


def taps(classes=3, channels=2, seed=0):
    """Filters that keep signals short: positive taps that sum to one."""
    b = np.random.default_rng(seed).uniform(0.2, 1.0, (classes, channels, 3, 3))
    b[..., 2, 2] = 0
    return (b / b.sum((2, 3), keepdims=True)).astype(np.float32)


def recursion(start, b):
    s = np.array(start, np.float64)
    for i in range(s.shape[0] - 2):
        for j in range(s.shape[1] - 2):
            window = s[i : i + 3, j : j + 3]
            s[i + 2, j + 2] = (b * window).sum() - b[2, 2] * window[2, 2]
    return s


def test_ar_matrices_make_what_the_recursion_makes():
    b, crop, tall, wide = taps(), 3, 9, 7
    start = np.asarray(jax.random.normal(KEY, (tall, wide)))
    want = recursion(start, b[1, 0])
    np.testing.assert_allclose(ar_filters.autoregress(start, b[1, 0]), want, atol=1e-5)
    rows, columns = np.indices((tall, wide))
    boundary = start[(rows < 2) | (columns < 2)]
    matrices = ar_matrices(jnp.asarray(b), tall - crop, wide - crop, crop=crop)
    got = np.asarray(matrices[1, 0]) @ boundary
    np.testing.assert_allclose(
        got.reshape(tall - crop, wide - crop), want[crop:, crop:], atol=1e-5
    )


def test_ar_signals_have_unit_length_and_vanish_under_their_own_filter():
    b = taps()
    matrices = ar_matrices(jnp.asarray(b), 12, 10)
    labels = jnp.array([0, 1, 2, 1])
    delta = deltas(Partial(ar.autoregressive, matrices=matrices), labels, (12, 10, 2))
    norms = jax.vmap(L2(1.0).distance)(delta, 0 * delta)
    np.testing.assert_allclose(norms, 1.0, atol=1e-5)
    answers = np.asarray(responses(delta, b))
    own = np.asarray(labels)[:, None] == np.arange(3)
    assert answers[own].max() < 1e-4 and answers[~own].min() > 0.02
    assert not np.allclose(delta[1], delta[3])


def test_the_response_is_that_of_a_rectified_convolution():
    b, delta = taps(), np.asarray(jax.random.normal(KEY, (6, 5, 2)))
    taps_off = b - np.eye(9)[8].reshape(3, 3)
    want = np.zeros(3)
    for k in range(3):
        for i in range(4):
            for j in range(3):
                window = delta[i : i + 3, j : j + 3].transpose(2, 0, 1)
                want[k] += max((taps_off[k] * window).sum(), 0)
    np.testing.assert_allclose(ar_filters.ar_response(delta, b), want, rtol=1e-5)


@needed
def test_published_ar_filters_answer_only_to_other_classes():
    b = jnp.asarray(arrays("attacks/ar_poison_coefficients_cifar10")["coeff"])
    matrices = ar_matrices(b, 32, 32)
    assert matrices.shape == (10, 3, 1024, 140)
    maker = Partial(ar.autoregressive, matrices=matrices)
    delta = deltas(maker, jnp.arange(10))
    answers = np.asarray(responses(delta, b))
    assert np.diag(answers).max() < 0.02
    # Measured on the released code: answers of 4 to 22 to the signals of others.
    assert 2 < answers[~np.eye(10, dtype=bool)].min() < answers.max() < 30
    assert abs(np.abs(delta).reshape(10, -1).max(1) * 255 - 21).mean() < 6


def test_ar_filters_that_are_found_are_stable_and_answer_to_each_other():
    size = {"channels": 1, "size": 10, "crop": 2}
    found = ar_filters.ar_coefficients(KEY, 3, jnp.arange(200), response=2.0, **size)
    np.testing.assert_allclose(found.sum((2, 3)), 1.0, atol=1e-4)
    assert (np.asarray(found)[..., 2, 2] == 0).all()
    matrices = ar_matrices(found, 10, 10, crop=2)
    assert np.isfinite(matrices).all()
    labels = jnp.arange(60) % 3
    maker = Partial(ar.autoregressive, matrices=matrices)
    delta = deltas(maker, labels, (10, 10, 1))
    answers = np.asarray(responses(delta, found))
    own = np.asarray(labels)[:, None] == np.arange(3)
    assert answers[own].max() < 1e-2 and np.median(answers[~own]) > 2
    with pytest.raises(ValueError, match="2 candidates gave . of 3 filters"):
        ar_filters.ar_coefficients(KEY, 3, jnp.arange(2), response=2.0, **size)


def slow_search(images, labels, classes):
    """The released loop: score every pixel and colour, reuse none."""
    used, found = set(), []
    _, height, width, channels = images.shape
    for k in range(classes):
        x, best = images[labels == k], (-1, None)
        for place in np.ndindex(height, width):
            for colour in np.ndindex(*[2] * channels):
                apart = np.abs(np.array(colour) - x[:, place[0], place[1]])
                score = apart.mean() / apart.std()
                if (place, colour) not in used and score > best[0]:
                    best = (score, (place, colour))
        used.add(best[1])
        found.append((*best[1][0], *best[1][1]))
    return np.array(found)


def test_one_pixel_search_is_the_released_loop():
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (30, 4, 3, 3), dtype=np.uint8)
    labels = np.arange(30) % 5
    images[:, 2, 1] = rng.integers(0, 40, (30, 3))  # where all classes would go
    found = search(images, labels, jnp.arange(5))
    got = np.c_[found.row, found.column, found.colour]
    want = slow_search(images / 255, labels, 5)
    np.testing.assert_array_equal(got, want)
    first = [jnp.argmax(ops.one_pixel_scores(images, labels == k)) for k in range(5)]
    assert len(np.unique(got, axis=0)) == 5 > len({int(best) for best in first})


def test_one_pixel_sets_one_pixel_of_every_image():
    rng = np.random.default_rng(3)
    images = rng.integers(1, 255, (6, 4, 3, 3), dtype=np.uint8)
    labels = np.array([0, 1, 0, 1, 1, 0])
    marks = Shortcuts(
        jnp.array([0, 3]), jnp.array([2, 1]), jnp.array([[1.0, 0, 1], [0, 0, 1]])
    )
    maker = Partial(ops.one_pixel, shortcuts=marks)
    args = (KEY, images, labels, jnp.arange(6), maker, budget.Pixels(1))
    given = craft(*args, name="ops")
    assert poison.verify(images, given) == 1
    want = images.copy()
    want[labels == 0, 0, 2], want[labels == 1, 3, 1] = [255, 0, 255], [0, 0, 255]
    np.testing.assert_array_equal(poison.inject(images, labels, given)[0], want)


def test_blur_is_the_convolution_written_out():
    filters = filters_of(KEY, jnp.arange(50))
    x = np.asarray(jax.random.uniform(KEY, (5, 6, 2)))
    w, y = np.asarray(filters[2]), np.zeros((5, 6, 2))
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    for a in range(3):
        for c in range(3):
            y += w[a, c] * padded[a : a + 5, c : c + 6]
    got = x + cuda.blur(None, x, jnp.array(2), filters)
    np.testing.assert_allclose(got, y / y.max(), atol=1e-6)
    assert (cuda.blurred(0 * x, filters[0]) == 0).all()


def test_blur_filters_have_one_largest_entry_and_know_their_class():
    filters = np.asarray(filters_of(KEY, jnp.arange(50))).reshape(50, 9)
    assert (filters == 1).sum(1).tolist() == [1] * 50
    others = filters[filters < 1]
    assert others.min() >= 0 and others.max() < 0.3 and abs(others.mean() - 0.15) < 0.02
    assert len(np.unique(filters.argmax(1))) > 5
    alone = cuda.blur_filters(KEY, jnp.array([7]))
    np.testing.assert_array_equal(alone[0].ravel(), filters[7])


@pytest.mark.parametrize("kind", ["uniform", "gaussian"])
def test_class_wise_noise_is_one_pattern_for_each_class(kind):
    classes, radius = jnp.arange(4), 8 / 255
    if kind == "uniform":
        patterns = urp.uniform_patterns(KEY, classes, SHAPE, radius)
        fewer = urp.uniform_patterns(KEY, jnp.array([2]), SHAPE, radius)
        assert 0.999 * radius < np.abs(patterns).max() <= radius
        # 3072 uniform numbers of deviation radius / sqrt(3), known to 1 in 100.
        np.testing.assert_allclose(np.std(patterns), radius / 3**0.5, rtol=0.02)
    else:
        patterns = urp.gaussian_patterns(KEY, classes, SHAPE, L2(0.5))
        fewer = urp.gaussian_patterns(KEY, jnp.array([2]), SHAPE, L2(0.5))
        lengths = np.sqrt((np.asarray(patterns) ** 2).sum((1, 2, 3)))
        np.testing.assert_allclose(lengths, 0.5, rtol=1e-5)
    np.testing.assert_allclose(fewer[0], patterns[2], rtol=1e-6)
    maker = Partial(urp.class_wise, patterns=patterns)
    delta = deltas(maker, [3, 0, 3])
    np.testing.assert_array_equal(delta, patterns[jnp.array([3, 0, 3])])
    assert not np.allclose(patterns[0], patterns[3])


@needed
def test_the_grid_is_the_published_trigger():
    published = arrays("attacks/badnets_grid_trigger")
    patch, mask = badnets.checker(SHAPE)
    np.testing.assert_array_equal(255 * patch, published["patch"])
    np.testing.assert_array_equal(mask, published["mask"])


def test_a_stamp_sets_what_is_under_its_mask():
    patch, mask = badnets.checker((5, 6, 2))
    images = np.full((2, 5, 6, 2), 40, np.uint8)
    maker = Partial(badnets.stamp, patch=patch, mask=mask)
    args = (KEY, images, np.zeros(2, int), jnp.array([1]), maker, budget.Pixels(9))
    given = craft(*args, name="patch")
    assert poison.verify(images, given) == 9
    want = images.copy()
    want[1, 2:, 3:] = 255 * np.array([[0, 0, 1], [0, 1, 0], [1, 0, 1]])[..., None]
    np.testing.assert_array_equal(poison.inject(images, [0, 0], given)[0], want)
    shift = Partial(badnets.additive, pattern=jnp.full((5, 6, 2), 20 / 255))
    given = craft(*args[:4], shift, budget.Pixels(30), name="shift")
    assert np.unique(poison.inject(images, [0, 0], given)[0][1]).tolist() == [60]
