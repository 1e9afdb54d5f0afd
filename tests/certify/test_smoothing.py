"""Randomized smoothing: bounds against SciPy, radii against closed forms."""

import functools

import jax
import numpy as np
import pytest
import scipy.stats
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import CLASSES, SHAPE, image, linear_classifier, weights

from purifax import certify, classify
from purifax.certify.bounds import lower_bound
from purifax.certify.smoothing import counts, decide
from purifax.score import Gaussian

KEY = jax.random.key(17)
SIGMA = 0.25
NONE = jnp.array(0.0)


def half_space(key, x, w, offset, noise=NONE):
    """Class 0 beyond a plane, with noise of its own inside."""
    score = jnp.vdot(w, x) - offset + noise * jax.random.normal(key)
    return jnp.stack([score, jnp.zeros_like(score)])


def plane(distance, noise=NONE):
    """A model for which image() is at this L2 distance from the plane."""
    w = weights()[0]
    offset = jnp.vdot(w, image()) - distance * jnp.linalg.norm(w)
    return Partial(half_space, w=w, offset=offset, noise=noise)


@jax.jit
def certified(key, model, sigma, selection, draws):
    return certify.certify(key, image(), model, sigma, selection, draws)


@functools.partial(jax.jit, static_argnums=1, static_argnames="alpha")
def bound(successes, trials, alpha):
    return lower_bound(successes, trials, alpha=alpha)


@pytest.mark.parametrize("trials", [1, 10, 100, 1000, 10_000, 100_000])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_the_bound_is_scipys_and_never_above_it(trials, alpha):
    some = np.linspace(0, trials, 101).astype(int)
    near = np.arange(max(trials - 40, 0), trials + 1)
    s = np.unique(np.concatenate([some, near]))
    exact = scipy.stats.beta.ppf(alpha, np.maximum(s, 1), trials - s + 1)
    exact = np.where(s > 0, exact, 0.0)
    found = np.asarray(bound(jnp.asarray(s), trials, alpha), np.float64)
    assert (found <= exact).all()
    np.testing.assert_allclose(found, exact, atol=4e-4)
    sure = exact > 0.5
    radii = scipy.stats.norm.ppf(exact[sure]) - scipy.stats.norm.ppf(found[sure])
    assert (radii < 0.025).all()


def test_the_bound_is_a_binomtest_interval():
    for s in (60, 93, 100):
        both = scipy.stats.binomtest(s, 100).proportion_ci(0.998, "exact")
        np.testing.assert_allclose(bound(s, 100, 0.001), both.low, rtol=1e-4)


def test_more_trials_than_float32_can_count_are_refused():
    with pytest.raises(ValueError, match="At most 100000 trials.*got 100001"):
        lower_bound(5, 100_001)


def test_counts_are_a_loop_over_draws():
    model = Partial(classify.undefended, classifier=linear_classifier())
    found = counts(KEY, image(), model, SIGMA, jnp.arange(30))
    expected = np.zeros(CLASSES, int)
    for d in range(30):
        k_noise, _ = jax.random.split(jax.random.fold_in(KEY, d))
        x = image() + SIGMA * jax.random.normal(k_noise, SHAPE)
        expected[int(jnp.argmax(linear_classifier()(x)))] += 1
    np.testing.assert_array_equal(found, expected)
    assert (expected > 0).sum() > 1
    rows = counts(KEY, image(), model, SIGMA, jnp.arange(30).reshape(6, 5))
    np.testing.assert_array_equal(rows, found)


def test_the_model_draws_a_key_of_its_own():
    """Were it the noise's key, the two noises would be one and cancel."""

    def echo(key, x):
        z = jax.random.normal(key, x.shape)
        return jnp.stack([jnp.vdot(z, x - image()), jnp.array(0.0)])

    found = counts(KEY, image(), Partial(echo), SIGMA, jnp.arange(400))
    assert 140 < found[0] < 260


@pytest.mark.parametrize("distance", [0.1, 0.25, 0.5])
def test_the_radius_of_a_half_space_is_its_distance(distance):
    selection, draws = jnp.arange(50), jnp.arange(20_000).reshape(10, 2000)
    label, radius = certified(KEY, plane(distance), SIGMA, selection, draws)
    assert label == 0
    assert 0.88 * distance < radius < distance
    label, radius = certified(KEY, plane(-distance), SIGMA, selection, draws)
    assert label == 1
    assert 0.88 * distance < radius < distance


def test_a_random_model_is_certified_with_its_randomness():
    """Noise of the model dilutes the distance: sigma Phi^-1(p) of the average."""
    own = SIGMA * jnp.linalg.norm(weights()[0])
    selection, draws = jnp.arange(50), jnp.arange(20_000).reshape(10, 2000)
    _, radius = certified(KEY, plane(0.4, own), SIGMA, selection, draws)
    assert 0.95 < radius / (0.4 / np.sqrt(2)) < 1.0


def test_the_bound_holds_as_often_as_it_says():
    """Over 400 certificates with alpha 0.1, the true radius is exceeded in 40 or fewer
    but for 4 standard errors, and abstentions carry no radius."""
    keys = jax.random.split(KEY, 400)
    numbers = {"x": image(), "model": plane(0.1), "sigma": SIGMA, "alpha": 0.1}
    draws = {"selection": jnp.arange(20), "draws": jnp.arange(200)}
    run = jax.jit(jax.vmap(Partial(certify.certify, **numbers, **draws)))
    labels, radii = map(np.asarray, run(keys))
    over = (radii > 0.1).sum()
    assert 10 < over <= 40 + 4 * np.sqrt(400 * 0.1 * 0.9)
    np.testing.assert_array_equal(radii[labels == -1], 0.0)


def test_it_abstains_on_the_border_and_where_draws_are_few():
    found = certified(KEY, plane(0.0), SIGMA, jnp.arange(20), jnp.arange(1000))
    assert [float(v) for v in found] == [-1.0, 0.0]
    few = certified(KEY, plane(5.0), SIGMA, jnp.arange(20), jnp.arange(9))
    assert few[0] == -1
    enough = certified(KEY, plane(5.0), SIGMA, jnp.arange(20), jnp.arange(10))
    assert enough[0] == 0 and enough[1] > 0


def test_the_largest_radius_of_100_draws():
    label, radius = certified(KEY, plane(50.0), SIGMA, jnp.arange(10), jnp.arange(100))
    expected = SIGMA * scipy.stats.norm.ppf(0.001 ** (1 / 100))
    np.testing.assert_allclose(radius, expected, rtol=1e-4)
    assert label == 0


def test_selection_and_estimate_do_not_share_noise():
    """With one and the same noise the chosen class would win its own draws."""
    keys = jax.random.split(KEY, 300)
    k_select, k_estimate = jax.vmap(jax.random.split, out_axes=1)(keys)
    one = {"x": image(), "model": plane(0.0), "sigma": SIGMA, "draws": jnp.arange(1)}
    tally = jax.jit(jax.vmap(Partial(counts, **one)))
    first, second = tally(k_select)[:, 0], tally(k_estimate)[:, 0]
    assert 0.35 < (first == second).mean() < 0.65
    run = Partial(certify.certify, **one, selection=jnp.arange(1), alpha=0.6)
    labels, _ = jax.jit(jax.vmap(run))(keys)
    np.testing.assert_array_equal(labels != -1, first == second)


def test_predict_is_the_binomial_test():
    def model(key, x, share):
        right = jax.random.uniform(key) < share
        return jnp.stack([right, ~right, False]).astype(jnp.float32)

    predict, answers = jax.jit(certify.predict), set()
    for share in (0.5, 0.6, 0.75, 0.9):
        bound_model = Partial(model, share=jnp.array(share))
        found = counts(KEY, image(), bound_model, SIGMA, jnp.arange(60))
        most, second, _ = sorted(np.asarray(found).tolist(), reverse=True)
        p = scipy.stats.binomtest(most, most + second).pvalue
        expected = int(jnp.argmax(found)) if p <= 0.001 else -1
        label = predict(KEY, image(), bound_model, SIGMA, jnp.arange(60))
        assert int(label) == expected
        answers.add(expected)
    assert answers == {0, -1}


def test_answers_that_are_not_finite_count_for_no_class():
    def model(key, x):
        lost = jax.random.uniform(key) < 0.5
        return jnp.where(lost, jnp.nan, jnp.array([1.0, 0.0]))

    found = counts(KEY, image(), Partial(model), SIGMA, jnp.arange(100))
    assert found[1] == 0 and 30 < found[0] < 70
    assert certified(KEY, Partial(model), SIGMA, jnp.arange(9), jnp.arange(99))[0] == -1


def test_an_ensemble_is_refused():
    model = Partial(classify.each, model=plane(0.1), draws=jnp.arange(3))
    with pytest.raises(ValueError, match=r"must return the logits \[K\] of one draw"):
        counts(KEY, image(), model, SIGMA, jnp.arange(4))


def test_decide_is_certify_on_counts_made_before():
    selection, draws = jnp.arange(20), jnp.arange(200)
    k_select, k_estimate = jax.random.split(KEY)
    first = counts(k_select, image(), plane(0.2), SIGMA, selection)
    second = counts(k_estimate, image(), plane(0.2), SIGMA, draws)
    found = decide(first, second, SIGMA, trials=200)
    expected = certify.certify(KEY, image(), plane(0.2), SIGMA, selection, draws)
    assert [float(v) for v in found] == [float(v) for v in expected]
    assert found[1] > 0
    # Draws that counted for no class are draws all the same.
    label, radius = decide(first, second, SIGMA, trials=100_000)
    assert (label, radius) == (-1, 0)


def test_dds_is_the_posterior_mean():
    """For clean images N(m, v I) it is m + (y - m) v / (v + sigma^2), then clipped."""
    score = Gaussian(0.5, 0.01)
    y = image() + 0.05 * jax.random.normal(KEY, SHAPE)
    found = certify.dds(KEY, y, score, sigma=0.2)
    np.testing.assert_allclose(found, 0.5 + (y - 0.5) * 0.01 / 0.05, rtol=1e-5)
    far = certify.dds(KEY, 100 * (y - 0.5), score, sigma=0.2)
    assert far.min() == 0 and far.max() == 1


def test_dds_certifies_the_plane_of_the_denoised_image():
    """Denoising is linear here, so a plane stays a plane and its distance is known."""
    w = weights()[0]
    shrink = 0.04 / (0.04 + SIGMA**2)
    middle = jnp.vdot(w, 0.5 + shrink * (image() - 0.5))
    offset = middle - shrink * 0.2 * jnp.linalg.norm(w)
    model = Partial(
        classify.defend,
        purifier=Partial(certify.dds, score=Gaussian(0.5, 0.04), sigma=SIGMA),
        classifier=Partial(bare, w=w, offset=offset),
    )
    draws = jnp.arange(20_000).reshape(10, 2000)
    label, radius = certified(KEY, model, SIGMA, jnp.arange(50), draws)
    assert label == 0 and 0.85 * 0.2 < radius < 1.02 * 0.2


def bare(x, w, offset):
    score = jnp.vdot(w, x) - offset
    return jnp.stack([score, jnp.zeros_like(score)])


def test_diffsmooth_averages_probabilities_over_noised_copies():
    copies = jnp.arange(4)
    shift = Partial(lambda key, x: x + 0.1 + 0 * jax.random.normal(key, x.shape))
    found = certify.diffsmooth(
        KEY, image(), shift, linear_classifier(), copies, sigma=0.2
    )
    _, k_copies = jax.random.split(KEY)
    expected = np.mean(
        [
            jax.nn.softmax(
                linear_classifier()(
                    image()
                    + 0.1
                    + 0.2 * jax.random.normal(jax.random.fold_in(k_copies, i), SHAPE)
                )
            )
            for i in range(4)
        ],
        axis=0,
    )
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-4)


def test_diffsmooth_without_noise_is_the_purified_model():
    purifier = Partial(certify.dds, score=Gaussian(0.5, 0.04), sigma=SIGMA)
    quiet = certify.diffsmooth(
        KEY, image(), purifier, linear_classifier(), jnp.arange(3), sigma=0.0
    )
    logits = linear_classifier()(purifier(KEY, image()))
    np.testing.assert_allclose(quiet, jax.nn.log_softmax(logits), rtol=1e-4, atol=1e-6)


def test_noised_is_one_draw_of_the_counts():
    model = Partial(classify.undefended, classifier=linear_classifier())
    found = certify.noised(KEY, image(), model, SIGMA)
    k_noise, _ = jax.random.split(KEY)
    x = image() + SIGMA * jax.random.normal(k_noise, SHAPE)
    np.testing.assert_allclose(found, linear_classifier()(x), rtol=1e-5, atol=1e-6)


def test_key_and_dtype_rules_are_kept(strict):
    purifier = Partial(certify.dds, score=Gaussian(0.5, 0.04), sigma=SIGMA)
    copies = jnp.arange(2)
    certify.diffsmooth(
        jax.random.key(5), image(), purifier, linear_classifier(), copies
    )
    certify.certify(KEY, image(), plane(0.1), SIGMA, jnp.arange(4), jnp.arange(8))
    certify.predict(KEY, image(), plane(0.1), SIGMA, jnp.arange(8))
