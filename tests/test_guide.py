"""Guidance against Bayes's rule on a mixture whose modes are the classes."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import guide, sample, schedule, score

KEY = jax.random.key(41)
MODES = score.Mixture(
    means=jnp.array([[0.1, 0.2], [0.8, 0.3], [0.5, 0.9]]),
    variances=jnp.array([0.004, 0.01, 0.02]),
    log_weights=jnp.log(jnp.array([0.5, 0.2, 0.3])),
)
X, SIGMA = jnp.array([0.55, 0.45]), jnp.array(0.3)


def of_class(x, sigma, label):
    """The exact score of one mode, chosen by a traced label."""
    chosen = (jnp.arange(3) == label).astype(x.dtype)
    mean, variance = chosen @ MODES.means, chosen @ MODES.variances
    return (mean - x) / (variance + sigma**2)


def posterior(x, sigma):
    """Exact logits of the class of x + sigma z, up to a constant."""
    total = MODES.variances + sigma**2
    square = jnp.sum(jnp.square(x[None] - MODES.means), axis=1)
    return MODES.log_weights - 0.5 * square / total - jnp.log(total) + 7.0


@jax.jit
def at(guided, x, sigma):
    return guided(x, sigma)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_a_classifier_at_scale_one_makes_the_conditional_score(label):
    guided = guide.by_classifier(MODES, posterior, label)
    conditional = guide.class_conditional(of_class, label)
    np.testing.assert_allclose(
        at(guided, X, SIGMA), at(conditional, X, SIGMA), rtol=1e-4
    )
    np.testing.assert_allclose(
        at(conditional, X, SIGMA), of_class(X, SIGMA, label), rtol=1e-6
    )


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.5])
def test_both_guidances_are_one_with_exact_parts(scale):
    conditional = guide.class_conditional(of_class, 1)
    free = guide.classifier_free(conditional, MODES, scale)
    by_classifier = guide.by_classifier(MODES, posterior, 1, scale)
    expected = MODES(X, SIGMA) + scale * (of_class(X, SIGMA, 1) - MODES(X, SIGMA))
    np.testing.assert_allclose(at(free, X, SIGMA), expected, rtol=1e-5)
    np.testing.assert_allclose(at(by_classifier, X, SIGMA), expected, rtol=1e-4)


def test_sampling_under_guidance_draws_the_class():
    """Of mode 1, mean and variance within four standard errors."""
    count, sigmas = 2000, schedule.karras(2.0, 0.01, 40)
    guided = guide.by_classifier(MODES, posterior, 1)
    k_start, k_run = jax.random.split(KEY)
    spread = jnp.sqrt(2.0**2 + 0.01)
    starts = MODES.means[1][None] + spread * jax.random.normal(k_start, (count, 2))
    run = jax.vmap(Partial(sample.ddim, score=guided, sigmas=sigmas, eta=1.0))
    found = np.asarray(jax.jit(run)(jax.random.split(k_run, count), starts)[0])
    error = np.sqrt(0.01 / count)
    assert (np.abs(found.mean(0) - np.array([0.8, 0.3])) < 4 * error).all()
    bias = 0.03
    assert (np.abs(found.var(0) / 0.01 - 1) < bias + 4 * np.sqrt(2 / count)).all()


def test_bounded_clips_what_is_denoised():
    x = jnp.array([0.9, 0.1])
    wide = score.Gaussian(jnp.array([1.5, 0.4]), 0.01)
    guided = guide.bounded(wide)
    clean = np.clip(score.denoise(x, SIGMA, wide), 0, 1)
    np.testing.assert_allclose(score.denoise(x, SIGMA, guided), clean, atol=1e-6)
    assert clean[0] == 1.0 and 0 < clean[1] < 1


def test_guided_scores_are_pytrees_with_traced_labels():
    labels = jnp.arange(3)
    found = jax.vmap(lambda k: guide.by_classifier(MODES, posterior, k)(X, SIGMA))(
        labels
    )
    for label in labels:
        np.testing.assert_allclose(
            found[label], of_class(X, SIGMA, label), rtol=1e-4, atol=1e-5
        )
    second = jax.grad(
        lambda x: guide.by_classifier(MODES, posterior, 1)(x, SIGMA).sum()
    )
    assert np.isfinite(second(X)).all()
