"""Likelihood maximisation and ScoreOpt on a Gaussian, where all is known."""

from functools import partial

import jax
import numpy as np
import optax
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture

from purifax import noise, purify, score
from purifax.purify import likelihood_ascent, likelihood_gaps
from purifax.purify.adam import adam_step, resting
from purifax.threat import Linf

pytestmark = pytest.mark.usefixtures("unoptimised")

KEY = jax.random.key(61)
MEAN, SPREAD = 0.3 + 0.4 * image(1), 0.01
WORLD = score.Gaussian(MEAN, SPREAD)
LEVEL = 0.2
SHARE = SPREAD / (SPREAD + LEVEL**2)  # of a noised image that denoising keeps


@jax.jit
def maximise(key, x, steps, world=WORLD, **more):
    return purify.maximise(
        key, x, world, jnp.full_like(steps, LEVEL), steps, spread=0.0, **more
    )


def denoised(y):
    return SHARE * y + (1 - SHARE) * MEAN


def test_adam_is_optax():
    x, steps = image(), jnp.array([0.1, 0.05, 0.2])
    ours, theirs = resting(x), x
    optimiser = optax.adam(1.0)
    state = optimiser.init(theirs)
    for i, step in enumerate(steps):
        g = jnp.sin(9 * ours[0]) * 10.0**-i
        move, state = optimiser.update(g, state)
        theirs = theirs + step * move
        ours = adam_step(ours, g, i + 1, step)
        np.testing.assert_allclose(ours[0], theirs, rtol=1e-5, atol=1e-6)


def test_a_zero_gradient_moves_nothing_and_has_a_finite_gradient():
    def last(x):
        return jnp.sum(adam_step(resting(x), 0 * x, 1, 0.1)[0])

    value, slope = jax.value_and_grad(last)(jnp.ones(3))
    assert value == 3 and np.isfinite(slope).all()


@pytest.mark.parametrize("kind", ["gap", "anchored", "regularised"])
def test_objectives_are_what_they_say(kind):
    x, start, weight = image(), image(2), 0.7
    found = {
        "gap": likelihood_gaps.gap,
        "anchored": partial(likelihood_gaps.anchored_gap, weight=weight),
        "regularised": partial(likelihood_gaps.regularised_gap, weight=weight),
    }[kind](KEY, x, start, WORLD, jnp.array(LEVEL))
    k_x, k_start = jax.random.split(KEY)
    y = noise.gaussian(k_x if kind == "regularised" else KEY, x, LEVEL)
    other = denoised(noise.gaussian(k_start, start, LEVEL))
    more = {"gap": 0.0, "anchored": x - start, "regularised": denoised(y) - other}
    expected = jnp.mean((denoised(y) - x) ** 2) + weight * jnp.mean(more[kind] ** 2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_one_step_goes_by_the_sign_of_the_gradient():
    """Of the gap, (1 - share) (share sigma z + (1 - share)(mean - x))^2 in size."""
    x, step = image(), 0.03
    _, k_loss = jax.random.split(jax.random.fold_in(KEY, 0))
    z = jax.random.normal(k_loss, x.shape)
    up = jnp.sign(SHARE * LEVEL * z + (1 - SHARE) * (MEAN - x))
    found = maximise(KEY, x, jnp.array([step]))
    expected = jnp.clip(x + step * up, 0, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_many_steps_reach_the_mode_and_an_anchor_holds_them_back():
    x, steps = image(), jnp.geomspace(0.05, 1e-3, 120)
    np.testing.assert_allclose(maximise(KEY, x, steps), MEAN, atol=0.03)
    certain = score.Gaussian(MEAN, 0.0)  # its denoised image is the mean
    half = Partial(likelihood_gaps.anchored_gap, weight=3.0)
    found = maximise(KEY, x, steps, certain, objective=half)
    np.testing.assert_allclose(found, (MEAN + 3 * x) / 4, atol=0.01)


def test_levels_are_drawn_within_the_spread():
    """The objective sees them: here it falls with the level itself."""

    def seen(key, x, start, score, sigma):
        del key, start, score
        return jnp.sum(x) * (sigma - 0.2)  # Adam's first step has the sign of this

    x, step = jnp.full((1, 1, 1), 0.5), jnp.array([0.1])

    def once(key):
        levels = jnp.array([0.2])
        bound = {"spread": 0.1, "objective": seen}
        return purify.maximise(key, x, WORLD, levels, step, **bound)[0, 0, 0]

    found = np.asarray(jax.vmap(once)(jax.random.split(KEY, 200)))
    np.testing.assert_allclose(np.abs(found - 0.5), 0.1, atol=1e-4)
    assert abs((found > 0.5).mean() - 0.5) < 4 * 0.5 / np.sqrt(200)


def test_every_step_stays_in_the_set():
    steps = jnp.full(4, 0.05)
    found = maximise(KEY, image(), steps, threat=Linf(radius=0.06))
    distance = jnp.abs(found - image())
    assert 0.05 < distance.max() < 0.06 + 1e-6
    assert jnp.abs(maximise(KEY, image(), steps) - image()).max() > 0.1


def test_the_noised_image_goes_to_where_its_noise_is_seen():
    """sigma score(y) = -z there, and what is denoised is mean + (c / sigma) z."""
    steps = jnp.geomspace(0.05, 1e-3, 200)
    run = jax.jit(partial(likelihood_ascent.maximise_noised, score=WORLD, sigma=LEVEL))
    z = jax.random.normal(KEY, image().shape)
    expected = jnp.clip(MEAN + SPREAD / LEVEL * z, 0, 1)
    np.testing.assert_allclose(
        run(KEY, image(), step_sizes=steps), expected, atol=0.005
    )
    at_once = run(KEY, image(), step_sizes=jnp.zeros(1))
    np.testing.assert_allclose(
        at_once, jnp.clip(denoised(image() + LEVEL * z), 0, 1), atol=1e-5
    )


@pytest.mark.parametrize(
    "levels, steps, spread, found",
    [
        (jnp.full(3, 0.2), jnp.full(2, 0.1), 0.0, "Each step needs a level"),
        (jnp.full(3, 0.2), jnp.full(3, 0.1), 0.3, "less than every level"),
        (jnp.full(3, 0.2), jnp.full(3, 0.1), -0.1, "must be at least 0"),
    ],
)
def test_wrong_numbers_are_refused(levels, steps, spread, found):
    with pytest.raises(ValueError, match=found):
        purify.maximise(KEY, image(), mixture(), levels, steps, spread=spread)
