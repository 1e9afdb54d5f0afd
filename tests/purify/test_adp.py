"""The adaptive purifier: step sizes, bounds, stopping, what it promises about draws."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, image, mixture

from purifax import noise, purify, score
from purifax.purify import adp, adp_early, curvature

KEY = jax.random.key(6)
X, MEAN = image(), image(1)
LEVELS = jnp.array([0.3, 0.25, 0.2, 0.15])
FREE = {"rate": 0.2, "largest": 2.0, "sigma": 0.2}
HILL = replace(mixture(), variances=jnp.array([0.6, 0.9]))


def towards(x, level, mean):
    """f = -(x - m) / s with s the level: the exact step size is rate s."""
    return (mean - x) / level


LINEAR = score.from_scaled(Partial(towards, mean=MEAN))
CURVATURES = {"jvp": curvature.by_jvp, "difference": curvature.by_difference}
each_curvature = pytest.mark.parametrize("curvature", CURVATURES)


@jax.jit
def trace(key, x, score, levels, sigma, perturb, curvature, limits):
    return adp.adaptive_trace(
        key,
        x,
        score,
        levels,
        sigma=sigma,
        perturb=perturb,
        curvature=curvature,
        **limits,
    )[1]


def run(
    score,
    levels,
    x=X,
    sigma=0.0,
    key=KEY,
    perturb=noise.gaussian,
    curvature=curvature.by_jvp,
    **limits,
):
    """Images [T + 1, ...] and step sizes [T]."""
    bound = Partial(perturb), Partial(curvature)
    levels = jnp.asarray(levels, jnp.float32)
    found = trace(key, x, score, levels, sigma, *bound, limits)
    return np.asarray(found.images), np.asarray(found.step_sizes)


@each_curvature
def test_step_is_rate_times_the_exact_line_search(curvature):
    levels = np.array([0.3, 0.8, 1.5])
    images, sizes = run(LINEAR, levels, curvature=CURVATURES[curvature])
    tolerance = {"jvp": 1e-6, "difference": 1e-3}[curvature]
    np.testing.assert_allclose(sizes, 0.05 * levels, rtol=tolerance)
    for k, found in enumerate(images):
        np.testing.assert_allclose(found, MEAN + 0.95**k * (X - MEAN), atol=1e-4)


def test_bend_is_the_curvature_along_the_score():
    level = jnp.array(0.2)
    v, bend = curvature.by_jvp(X, level, HILL)
    jacobian = jax.jacfwd(lambda x: 0.2 * HILL(x, 0.2))(X).reshape(X.size, X.size)
    flat = v.ravel()
    np.testing.assert_allclose(v, 0.2 * HILL(X, 0.2), rtol=1e-5)
    expected = -flat @ jacobian @ flat / (flat @ flat)
    np.testing.assert_allclose(bend, expected, rtol=1e-4)


def test_difference_is_the_published_formula():
    """alpha = lambda delta / (1 - z), z = <v, f(x + delta v)> / <v, v>."""

    def f(x):
        return 0.2 * HILL(x, 0.2)

    v = f(X)
    for probe in (1e-3, 1e-2, 0.3):
        z = jnp.vdot(v, f(X + probe * v)) / jnp.vdot(v, v)
        found, bend = curvature.by_difference(X, jnp.array(0.2), HILL, probe=probe)
        np.testing.assert_allclose(found, v, rtol=1e-5)
        np.testing.assert_allclose(bend, (1 - z) / probe, rtol=2e-3)


def test_jvp_and_difference_agree_on_a_smooth_score():
    found = [
        run(HILL, LEVELS, **FREE, curvature=curvature)
        for curvature in CURVATURES.values()
    ]
    assert (found[0][1] > 0).all()
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-2)
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-2)


@each_curvature
def test_step_sizes_are_bounded(curvature):
    how = {"curvature": CURVATURES[curvature]}
    flat, _, steep = run(LINEAR, [1e6, 1e6, 1e-5], stop=0.0, **how)[1]
    np.testing.assert_allclose([flat, steep], [0.1, 1e-5], rtol=1e-6)
    limits = {"largest": 0.3, "smallest": 0.002}
    flat, _, steep = run(LINEAR, [1e6, 1.0, 1e-5], stop=0.0, **limits, **how)[1]
    np.testing.assert_allclose([flat, steep], [0.3, 0.002], rtol=1e-6)


def test_a_score_that_does_not_bend_takes_the_largest_step():
    constant = score.from_scaled(lambda x, level: jnp.full_like(x, 0.5))
    images, sizes = run(constant, [0.2], x=jnp.full(SHAPE, 0.3))
    np.testing.assert_allclose(sizes, 0.1)
    np.testing.assert_allclose(images[1], 0.35, rtol=1e-6)


def test_step_size_has_finite_gradients_everywhere():
    bends = jnp.array([-1.0, -0.0, 0.0, 1e-38, 1e-30, 1e-4, 0.8, 1.0, 1e30])
    sizes, slopes = jax.vmap(jax.value_and_grad(curvature.step_size))(bends)
    expected = [1e-5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0625, 0.05, 1e-5]
    np.testing.assert_allclose(sizes, expected, rtol=1e-6)
    expected = [0, 0, 0, 0, 0, 0, -0.05 / 0.64, -0.05, 0]
    np.testing.assert_allclose(slopes, expected, rtol=1e-5)


def test_a_bend_that_is_not_a_number_takes_the_smallest_step():
    np.testing.assert_allclose(curvature.step_size(jnp.array(jnp.nan)), 1e-5, rtol=1e-6)


def test_a_step_not_above_the_threshold_stops():
    images, sizes = run(LINEAR, [1e6], stop=0.1)
    np.testing.assert_array_equal(sizes, 0.0)
    np.testing.assert_array_equal(images[1], images[0])
    assert run(LINEAR, [1e6], stop=0.0999)[1] > 0
    assert run(LINEAR, [0.0199])[1] == 0, "the default threshold is 1e-3"
    assert run(LINEAR, [0.0201])[1] > 0


@each_curvature
def test_a_stopped_image_stays_stopped(curvature):
    how = CURVATURES[curvature]
    images, sizes = run(LINEAR, [0.5, 0.01, 0.5, 0.5], curvature=how)
    np.testing.assert_allclose(sizes, [0.025, 0, 0, 0], rtol=1e-3)
    for later in images[2:]:
        np.testing.assert_array_equal(later, images[1])
    assert not np.array_equal(images[0], images[1])


@each_curvature
def test_negative_curvature_stops(curvature):
    away = score.from_scaled(Partial(towards, mean=MEAN))
    away = Partial(lambda x, sigma, fn: -fn(x, sigma), fn=away)
    how = CURVATURES[curvature]
    images, sizes = run(away, [0.5, 0.5], curvature=how)
    np.testing.assert_array_equal(sizes, 0.0)
    np.testing.assert_array_equal(images[2], X)
    creeping = run(away, [0.5], curvature=how, stop=0.0)[1]
    np.testing.assert_allclose(creeping, 1e-5, rtol=1e-6)


@each_curvature
@pytest.mark.parametrize("noise_level", [0.0, 0.2])
def test_a_zero_score_stops_with_a_finite_gradient(curvature, noise_level):
    how = Partial(CURVATURES[curvature])

    @jax.jit
    @jax.value_and_grad
    def total(at):
        x, weight = at
        fn = score.from_scaled(
            Partial(lambda x, level, weight: weight * (MEAN - x), weight=weight)
        )
        y = purify.adaptive(KEY, x, fn, LEVELS, sigma=noise_level, curvature=how)
        return jnp.sum(y)

    value, (slope, by_weight) = total((X, jnp.array(0.0)))
    noised = jnp.clip(noise.gaussian(KEY, X, noise_level), 0, 1)
    np.testing.assert_allclose(value, jnp.sum(noised), rtol=1e-6)
    inside = (noised > 0) & (noised < 1)
    np.testing.assert_array_equal(slope, inside.astype(jnp.float32))
    assert jnp.isfinite(by_weight)


@each_curvature
def test_a_zero_score_stops_for_good(curvature):
    late = score.from_scaled(lambda x, level: (level > 0.5) * (MEAN - x))
    images, sizes = run(late, [0.1, 1.0], curvature=CURVATURES[curvature])
    np.testing.assert_array_equal(sizes, 0.0)
    np.testing.assert_array_equal(images[2], X)


def test_images_stay_in_the_box():
    outward = score.from_scaled(lambda x, level: 20 * (x > 0.5) - 10.0)
    images, sizes = run(outward, [0.2, 0.2])
    np.testing.assert_allclose(sizes, 0.1)
    np.testing.assert_array_equal(images[1:], (X > 0.5)[None].repeat(2, 0))


def test_without_noise_the_key_does_not_matter():
    one, two = (run(HILL, LEVELS, key=jax.random.key(k))[0] for k in (0, 1))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one[0], X)


@pytest.mark.parametrize("perturb", [noise.gaussian, noise.binary])
def test_the_chain_starts_at_the_clipped_noised_image(perturb):
    images, _ = run(HILL, LEVELS, perturb=perturb, sigma=0.4)
    expected = jnp.clip(perturb(KEY, X, 0.4), 0, 1)
    assert expected.min() == 0 and expected.max() == 1
    np.testing.assert_allclose(images[0], expected, atol=1e-6)


def test_the_trace_is_consistent():
    images, sizes = run(HILL, LEVELS, **FREE)
    assert (sizes > 0).all()
    for i, level in enumerate(LEVELS):
        v = level * HILL(images[i], level)
        stepped = np.clip(images[i] + sizes[i] * v, 0, 1)
        np.testing.assert_allclose(images[i + 1], stepped, rtol=1e-4, atol=1e-5)


def test_longer_schedules_pass_through_the_images_of_shorter_ones():
    long, short = (run(HILL, LEVELS[:n], **FREE) for n in (4, 2))
    np.testing.assert_array_equal(long[0][:3], short[0])
    np.testing.assert_array_equal(long[1][:2], short[1])


TURNED = {
    "sigma": 0.3,
    "perturb": Partial(noise.binary),
    "curvature": Partial(curvature.by_difference, probe=0.5),
    "rate": 0.3,
    "smallest": 1.0,
    "largest": 0.01,
    "stop": 0.6,
}


@jax.jit
def three_forms(key, x, knobs):
    bound = key, x, HILL, LEVELS
    return (
        purify.adaptive(*bound, **knobs),
        adp.adaptive_trace(*bound, **knobs)[0],
        adp_early.adaptive_early(*bound, **knobs),
    )


@pytest.mark.parametrize("name", TURNED)
def test_every_knob_reaches_every_form(name):
    turned = three_forms(KEY, X, FREE | {name: TURNED[name]})
    plain = three_forms(KEY, X, FREE)
    for form, other in zip(turned, plain, strict=True):
        np.testing.assert_allclose(form, turned[0], atol=1e-6)
        assert np.abs(np.asarray(form) - np.asarray(other)).max() > 1e-4
