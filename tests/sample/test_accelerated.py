"""Accelerated samplers: their published forms, and their bias on Gaussians."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture

from purifax import sample, schedule, score
from purifax.sample.adaptive_momentum import MomentumState, matched_momentum_step
from purifax.sample.preconditioning import (
    matched_predictor,
    preconditioned_corrector,
    preconditioned_predictor,
)

KEY = jax.random.key(61)
WIDE = (128, 128, 2)
STIFF = np.array([1.0, 0.05])
TARGET = score.Gaussian(0.3, jnp.broadcast_to(jnp.array(STIFF, jnp.float32), WIDE))
ERROR = np.sqrt(2 / (128 * 128))  # of a variance over one channel


def spread(x):
    """The variance of each channel over that of the target."""
    return np.asarray(x, np.float64).var((0, 1)) / STIFF


def start(sigma=0.0):
    z = jax.random.normal(jax.random.fold_in(KEY, 9), WIDE)
    return 0.3 + jnp.sqrt(TARGET.variance + sigma**2) * z


# Adaptive momentum.


def beta_of(before, after):
    norm = np.linalg.norm
    rho = norm(after.g - before.g) / norm(before.m)
    return ((1 - rho) / (1 + rho)) ** 2


def test_momentum_takes_its_published_steps():
    sigma, size, state = 0.3, 0.004, MomentumState.start(image())
    x, m, g_before = np.asarray(image(), np.float64), None, None
    for i in range(4):
        key = jax.random.fold_in(KEY, i)
        z = np.asarray(jax.random.normal(key, x.shape), np.float64)
        g = np.asarray(mixture()(jnp.array(x), sigma), np.float64)
        beta = 0.0
        if m is not None:
            rho = np.linalg.norm(g - g_before) / np.linalg.norm(m)
            beta = min(((1 - rho) / (1 + rho)) ** 2, 0.999)
        m = g if m is None else beta * m + (1 - beta) * g
        x = x + size * (1 + beta) ** 2 * m + np.sqrt(2 * size) * z
        state, g_before = sample.momentum_step(key, state, mixture(), sigma, size), g
        np.testing.assert_allclose(state.x, x, rtol=2e-3, atol=1e-4)
    sigmas, sizes = jnp.full(4, sigma), jnp.full(4, size)
    last, path = sample.momentum(KEY, image(), mixture(), sigmas, sizes)
    np.testing.assert_allclose(last, state.x, rtol=1e-3, atol=1e-4)
    assert path.shape == (5, *image().shape)


def stationary(beta, size, heat):
    """Variances over the target's of x' = x + A m', m' = beta m - (1 - beta) x / c."""
    gain = size * (1 + beta) ** 2
    for c in STIFF:
        step = np.array([[1 - gain * (1 - beta) / c, gain * beta], [0, beta]])
        step[1, 0] = -(1 - beta) / c
        flat = np.eye(4) - np.kron(step, step)
        yield np.linalg.solve(flat, [heat, 0, 0, 0])[0] / c


@pytest.mark.parametrize("matched", [False, True])
def test_momentum_is_colder_than_its_target_unless_matched(matched):
    """To the exact law at the beta that it finds: 0.81 and 1.00 where steps are small.

    Published: about 1 / (1 + beta)^2 for the wide channel, beta 0.11 at this step.
    """
    step = matched_momentum_step if matched else sample.momentum_step
    size = 0.005

    @jax.jit
    def run(x):
        def one(state, i):
            after = step(jax.random.fold_in(KEY, i), state, TARGET, 0.0, size)
            return after, None

        before, _ = jax.lax.scan(one, MomentumState.start(x), jnp.arange(600))
        return before, one(before, 600)[0]

    before, after = run(start())
    beta = beta_of(before, after)
    heat = 2 * size * ((1 + beta) ** 2 if matched else 1.0)
    expected = np.array(list(stationary(beta, size, heat)))
    assert (np.abs(spread(after.x) / expected - 1) < 5 * ERROR).all()
    assert abs(beta - 0.114) < 0.01
    assert abs(expected[0] - (1.0 if matched else 0.81)) < 0.01


def test_momentum_reaches_far_modes_sooner():
    """From far away, the mean of the wide channel moves (1 + beta)^2 times as fast."""
    steps, size = 200, 0.001
    x = start() + jnp.array([1.0, 0.0])[None, None]
    sizes, sigmas = jnp.full(steps, size), jnp.zeros(steps)
    fast, _ = jax.jit(sample.momentum)(KEY, x, TARGET, sigmas, sizes)
    slow, _ = jax.jit(sample.langevin)(KEY, x, TARGET, sigmas, sizes)
    left = [np.log(float(y[..., 0].mean()) - 0.3) for y in (fast, slow)]
    assert abs(left[1] / (-size * steps) - 1) < 0.1
    assert 1.6 < left[0] / left[1] < 2.0


def divergence(x):
    """KL of a Gaussian with the found moments from the target's, per pixel."""
    ratio = spread(x)
    shift = np.square(np.asarray(x, np.float64).mean((0, 1)) - 0.3) / STIFF
    return float((ratio - 1 - np.log(ratio) + shift).mean() / 2)


def test_momentum_saves_evaluations_down_a_ladder_and_its_bias_stays():
    """From noise, published momentum is nearer than Langevin with as many steps, and
    than Langevin with twice as many; given time, Langevin and the matched form win.
    """
    x = 0.3 + 3 * jax.random.normal(KEY, WIDE)
    matched = Partial(sample.momentum, step=Partial(matched_momentum_step))

    @jax.jit
    def run(sampler, sigmas):
        last, _ = sampler(KEY, x, TARGET, sigmas, 0.06 * sigmas**2)
        return score.denoise(last, sigmas[-1], TARGET)

    def after(sampler, steps):
        return divergence(run(Partial(sampler), jnp.geomspace(3.0, 0.02, steps)))

    few = after(sample.momentum, 60)
    assert few < after(sample.langevin, 60) / 4
    assert few < after(sample.langevin, 120)
    many = after(sample.momentum, 300)
    assert many > 2 * max(after(sample.langevin, 300), after(matched, 300))


def test_matched_momentum_is_dropped_where_the_score_turns_round():
    """rho = 3 for g = -2 m: published, beta is 1/4 again."""
    x = image()
    state = MomentumState(x, jnp.ones_like(x), jnp.ones_like(x))
    turned = Partial(lambda x, sigma: -2 + 0 * x)
    kept = sample.momentum_step(KEY, state, turned, 0.1, 0.01).m
    dropped = matched_momentum_step(KEY, state, turned, 0.1, 0.01).m
    np.testing.assert_allclose(kept, 0.25 - 2 * 0.75, rtol=1e-5)
    np.testing.assert_allclose(dropped, -2.0, rtol=1e-6)


def test_still_momentum_has_finite_gradients():
    def last(x):
        steps = jnp.full(3, 0.1)
        return jnp.sum(sample.momentum(KEY, x, lambda x, s: 0 * x, steps, steps)[0])

    assert np.isfinite(jax.grad(last)(image())).all()


# Preconditioning.


def even_filters(shape):
    made = sample.Filters.from_images(jax.random.uniform(KEY, (5, *shape)), alpha=1.5)
    return replace(made, pixel=made.pixel + 0.2)


def test_drift_is_the_filter_times_its_transpose():
    made = even_filters((4, 6, 2))
    basis = jnp.eye(48).reshape(48, 4, 6, 2)
    matrix = np.asarray(jax.vmap(made.noise)(basis)).reshape(48, 48).T
    g = jax.random.normal(KEY, (4, 6, 2))
    expected = matrix @ matrix.T @ np.asarray(g).ravel()
    found = np.asarray(made.drift(g)).ravel()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert np.abs(matrix - np.diag(np.diag(matrix))).max() > 0.01


def test_filters_are_the_published_statistics():
    images = np.asarray(jax.random.uniform(KEY, (7, 4, 4, 2)), np.float64)
    power = np.log1p((np.abs(np.fft.fft2(images, axes=(1, 2))) ** 2).mean(0))
    energy = (images**2).mean(0)
    found = sample.Filters.from_images(jnp.array(images, jnp.float32), alpha=4.0)
    for made, p in ((found.frequency, power), (found.pixel, energy)):
        np.testing.assert_allclose(made, 4 / (p / p.max() + 3), rtol=1e-4)
        assert made.min() >= 1 - 1e-6 and made.max() <= 4 / 3


SIDE = 96
OMEGA = 2 * np.pi * np.fft.fftfreq(SIDE)
ROUND = OMEGA[:, None] ** 2 + OMEGA[None, :] ** 2
LOW = ROUND < 1.0
SPECTRUM = (1 / (1 + 60 * ROUND))[..., None]  # 1 down to 1/1200


def coloured(x, sigma, spectrum):
    """The score of a stationary Gaussian with that spectrum."""
    ft = jnp.fft.fft2(x, axes=(0, 1)) / (spectrum + sigma**2)
    return -jnp.fft.ifft2(ft, axes=(0, 1)).real


COLOURED = Partial(coloured, spectrum=jnp.array(SPECTRUM, jnp.float32))


def power(x):
    """The periodogram over the spectrum, meaned over wide modes and over stiff ones."""
    found = np.abs(np.fft.fft2(np.asarray(x, np.float64), axes=(0, 1))) ** 2 / SIDE**2
    ratio = (found / SPECTRUM)[..., 0]
    return ratio[LOW].mean(), ratio[~LOW].mean()


def test_filters_whiten_langevin_dynamics():
    """With M M^T the covariance all modes mix alike, and 40 steps are enough; without,
    the step that the stiffest mode allows leaves the wide ones cold.
    """
    x, sigmas = jnp.zeros((SIDE, SIDE, 1)), jnp.zeros(40)
    made = sample.Filters(frequency=jnp.sqrt(jnp.array(SPECTRUM, jnp.float32)))
    size = 0.2
    found, _ = jax.jit(sample.preconditioned_langevin)(
        KEY, x, COLOURED, sigmas, jnp.full(40, size), made
    )
    exact = (1 - (1 - size) ** 80) / (1 - size / 2)
    error = np.sqrt(2 / LOW.sum())
    for part in power(found):
        assert abs(part / exact - 1) < 4 * error
    step = size * SPECTRUM.min()
    plain, _ = sample.langevin(KEY, x, COLOURED, sigmas, jnp.full(40, step))
    reached = (1 - (1 - step / SPECTRUM[..., 0]) ** 80)[LOW].mean()
    assert reached < 0.4 and abs(power(plain)[0] / reached - 1) < 5 * error


def test_published_filters_save_evaluations_where_steps_are_few():
    """Ten levels leave all modes too wide without them; the bias of the published
    predictor takes that back, and the matched one little of it.
    """
    clean = jnp.array(SPECTRUM, jnp.float32)[None] ** 0.5 * jnp.fft.fft2(
        jax.random.normal(KEY, (50, SIDE, SIDE, 1)), axes=(1, 2)
    )
    images = 0.5 + 0.1 * jnp.fft.ifft2(clean, axes=(1, 2)).real
    made = sample.Filters.from_images(images)
    x = 10 * jax.random.normal(jax.random.fold_in(KEY, 3), (SIDE, SIDE, 1))
    sigmas = jnp.append(jnp.geomspace(10.0, 0.01, 10), 0.0)

    @jax.jit
    def run(filters, predictor):
        return sample.preconditioned(
            KEY, x, COLOURED, sigmas, filters, predictor=predictor
        )[0]

    published = Partial(preconditioned_predictor)
    plain, fast, matched = (
        power(run(*how))[1]
        for how in (
            (sample.Filters(1.0, 1.0), published),
            (made, published),
            (made, Partial(matched_predictor)),
        )
    )
    assert plain > 1.4 and abs(fast - 1) < (plain - 1) / 2
    assert 1 + (plain - 1) / 2 < matched < plain


@pytest.mark.parametrize("gain", [1.0, 1.25])
def test_the_published_predictor_is_biased_and_the_matched_one_is_not(gain):
    """c m^2 / (2 m^2 - 1) in the limit of small steps: 0.735 c for m = 1.25."""
    made, first = sample.Filters(frequency=gain), 3.0
    levels = schedule.karras(first, 0.005, 300, rho=4.0)

    @jax.jit
    def run(x, predictor):
        def step(x, at):
            i, sigma, below = at
            key = jax.random.fold_in(KEY, i)
            return predictor(key, x, TARGET, sigma, below, filters=made), None

        at = (jnp.arange(len(levels) - 1), levels[:-1], levels[1:])
        return jax.lax.scan(step, x, at)[0]

    published = spread(run(start(first), Partial(preconditioned_predictor)))
    matched = spread(run(start(first), Partial(matched_predictor)))
    law = gain**2 / (2 * gain**2 - 1)
    assert (np.abs(published / law - 1) < 0.03 + 4 * ERROR).all(), published
    assert (np.abs(matched - 1) < 0.03 + 4 * ERROR).all(), matched


def test_without_a_filter_preconditioning_changes_nothing():
    levels = jnp.array([0.5, 0.3, 0.1, 0.0])
    found, path = sample.preconditioned(
        KEY, image(), mixture(), levels, sample.Filters()
    )
    expected, plain = sample.predictor_corrector(KEY, image(), mixture(), levels)
    np.testing.assert_allclose(path, plain, rtol=1e-3, atol=1e-4)
    made = even_filters(image().shape)
    other, _ = sample.preconditioned(KEY, image(), mixture(), levels, made)
    assert np.abs(other - expected).max() > 1e-3
    np.testing.assert_array_equal(found, path[-1])


def test_a_preconditioned_corrector_takes_the_norms_of_what_it_moves():
    x, made, snr = image(), even_filters(image().shape), 0.1
    found = preconditioned_corrector(KEY, x, mixture(), 0.3, made, snr=snr)
    drift = made.drift(mixture()(x, 0.3))
    z = made.noise(jax.random.normal(KEY, x.shape))
    size = 2 * (snr * jnp.linalg.norm(z.ravel()) / jnp.linalg.norm(drift.ravel())) ** 2
    expected = x + size * drift + jnp.sqrt(2 * size) * z
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
