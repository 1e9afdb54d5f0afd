"""Samplers that descend: published steps, exact laws, orders of convergence."""

import jax
import numpy as np
import pytest
from flax import nnx
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture

from purifax import noise, sample, schedule, score
from purifax.transform import remat

KEY = jax.random.key(21)
TIMES = jnp.array([0.6, 0.35, 0.2, 0.05, 0.001])
SAMPLERS = {
    "ancestral": sample.ancestral,
    "ancestral large": Partial(sample.ancestral, variance=Partial(sample.large)),
    "ddim": sample.ddim,
    "ddim half": Partial(sample.ddim, eta=0.5),
    "sde": sample.sde,
    "euler": sample.euler,
    "heun": sample.heun,
    "heun churned": Partial(sample.heun, churn=8.0),
    "dpm_solver": sample.dpm_solver,
    "predictor_corrector": Partial(sample.predictor_corrector, snr=0.05),
}
every = pytest.mark.parametrize("name", SAMPLERS)


# Published steps in the published coordinates: y in [-1, 1] times sqrt(alpha_bar).


def to_published(x, alpha_bar):
    return np.sqrt(alpha_bar) * (2 * np.asarray(x, np.float64) - 1)


def from_published(y, alpha_bar):
    return (y / np.sqrt(alpha_bar) + 1) / 2


def predicted_noise(x, sigma):
    """epsilon of DDPM at the image x + sigma z; the same in all coordinates."""
    return -float(sigma) * np.asarray(mixture()(x, sigma), np.float64)


def levels(i=1):
    kept = np.asarray(noise.VP().alpha_bar(TIMES), np.float64)
    sigmas = np.sqrt(1 / kept - 1) / 2
    return kept[i], kept[i + 1], sigmas[i], sigmas[i + 1]


def check(found, y, alpha_bar):
    np.testing.assert_allclose(
        found, from_published(y, alpha_bar), rtol=2e-4, atol=2e-5
    )


@pytest.mark.parametrize("kind", ["small", "large", "learned"])
def test_ancestral_step_is_ddpms(kind):
    above, below, sigma, lower = levels()
    x, z = image(), np.asarray(jax.random.normal(KEY, image().shape), np.float64)
    beta = 1 - above / below
    tilde = beta * (1 - below) / (1 - above)
    fraction = Partial(lambda x, sigma: x)
    v = np.asarray(x, np.float64)
    spread, variance = {
        "small": (tilde, Partial(sample.small)),
        "large": (beta, Partial(sample.large)),
        "learned": (
            np.exp(v * np.log(beta) + (1 - v) * np.log(tilde)),
            Partial(sample.learned, fraction=fraction),
        ),
    }[kind]
    y, e = to_published(x, above), predicted_noise(x, sigma)
    y = (y - beta / np.sqrt(1 - above) * e) / np.sqrt(1 - beta) + np.sqrt(spread) * z
    found = sample.ancestral_step(KEY, x, mixture(), sigma, lower, variance=variance)
    check(found, y, below)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ddim_step_is_the_published_one(eta):
    above, below, sigma, lower = levels()
    x, z = image(), np.asarray(jax.random.normal(KEY, image().shape), np.float64)
    y, e = to_published(x, above), predicted_noise(x, sigma)
    c = eta * np.sqrt((1 - above / below) * (1 - below) / (1 - above))
    clean = (y - np.sqrt(1 - above) * e) / np.sqrt(above)
    y = np.sqrt(below) * clean + np.sqrt(1 - below - c**2) * e + c * z
    check(sample.ddim_step(KEY, x, mixture(), sigma, lower, eta=eta), y, below)


def test_ddim_spans_euler_and_ancestral():
    _, _, sigma, lower = levels()
    x = image()
    still = sample.ddim_step(KEY, x, mixture(), sigma, lower)
    np.testing.assert_allclose(
        still, sample.euler_step(x, mixture(), sigma, lower), rtol=1e-4, atol=1e-6
    )
    loose = sample.ddim_step(KEY, x, mixture(), sigma, lower, eta=1.0)
    ancestral = sample.ancestral_step(KEY, x, mixture(), sigma, lower)
    np.testing.assert_allclose(loose, ancestral, rtol=1e-4, atol=1e-6)


def test_sde_in_time_is_diffpures():
    """y + dt beta (y / 2 + s) + sqrt(beta dt) z, s the score of the scaled image."""
    x, dt = image(), 0.05
    t, beta = 0.2, 0.1 + 0.2 * 19.9
    above, below = (float(noise.VP().alpha_bar(s)) for s in (t, t - dt))
    z = np.asarray(jax.random.normal(jax.random.fold_in(KEY, 0), x.shape), np.float64)
    sigma = noise.VP().sigma(t)
    y = to_published(x, above)
    s = -predicted_noise(x, sigma) / np.sqrt(1 - above)
    y = y + dt * beta * (y / 2 + s) + np.sqrt(beta * dt) * z
    times = jnp.array([t, t - dt])
    found, path = sample.sde_in_time(KEY, x, mixture(), noise.VP(), times)
    check(found, y, below)
    np.testing.assert_array_equal(path[0], x)


def test_dpm_solver_is_its_algorithm_2():
    """In the published variables: alpha, sigma and lambda of a VP process."""
    kept = np.asarray(noise.VP().alpha_bar(TIMES), np.float64)
    alpha, spread = np.sqrt(kept), np.sqrt(1 - kept)
    lam, sigmas = np.log(alpha / spread), spread / alpha / 2
    x = image()
    y, before = to_published(x, kept[0]), None
    for i in range(4):
        at = from_published(y, kept[i])
        clean = 2 * (at - sigmas[i] * predicted_noise(jnp.array(at), sigmas[i])) - 1
        h = lam[i + 1] - lam[i]
        mixed = clean
        if before is not None:
            r = (lam[i] - lam[i - 1]) / h
            mixed = (1 + 1 / (2 * r)) * clean - before / (2 * r)
        y = spread[i + 1] / spread[i] * y - alpha[i + 1] * np.expm1(-h) * mixed
        before = clean
    found, _ = sample.dpm_solver(KEY, x, mixture(), jnp.array(sigmas))
    np.testing.assert_allclose(found, from_published(y, kept[-1]), rtol=1e-3, atol=1e-4)


def test_heun_step_is_edms_with_churn():
    x, z = image(), np.asarray(jax.random.normal(KEY, image().shape), np.float64)
    sigma, below, grow, inflate = 0.4, 0.15, 0.2, 1.01
    y, high = np.asarray(x, np.float64), sigma * (1 + grow)
    y = y + np.sqrt(high**2 - sigma**2) * inflate * z
    slope = predicted_noise(jnp.array(y), high)
    there = y + (below - high) * slope
    mean = (slope + predicted_noise(jnp.array(there), below)) / 2
    found = sample.heun_step(
        KEY, x, mixture(), sigma, below, grow=grow, inflate=inflate
    )
    np.testing.assert_allclose(found, y + (below - high) * mean, rtol=2e-4, atol=1e-5)
    to_zero = sample.heun_step(KEY, x, mixture(), sigma, 0.0)
    tweedie = score.denoise(x, sigma, mixture())
    np.testing.assert_allclose(to_zero, tweedie, rtol=1e-4, atol=1e-5)


def test_churn_stays_between_its_levels():
    sigmas, x = jnp.array([1.0, 0.5, 0.2, 0.1]), image()
    bound = {"churn": 1.5, "smallest": 0.3, "largest": 0.8}
    _, path = sample.heun(KEY, x, mixture(), sigmas, **bound)
    for i, grow in enumerate([0.0, np.sqrt(2) - 1, 0.0]):
        key = jax.random.fold_in(KEY, i)
        pair = sigmas[i], sigmas[i + 1]
        x = sample.heun_step(key, x, mixture(), *pair, grow=grow)
        np.testing.assert_allclose(path[i + 1], x, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["ancestral", "ancestral large", "sde", "ddim half"])
def test_the_step_to_the_image_is_without_noise(name):
    found, _ = SAMPLERS[name](KEY, image(), mixture(), jnp.array([0.3, 0.0]))
    tweedie = score.denoise(image(), 0.3, mixture())
    np.testing.assert_allclose(found, tweedie, rtol=1e-4, atol=1e-5)


def test_a_corrector_moves_by_snr_times_its_noise():
    x, snr = image(), 0.1
    found = sample.corrector_step(KEY, x, mixture(), 0.3, snr=snr)
    s, z = mixture()(x, 0.3), jax.random.normal(KEY, x.shape)
    size = 2 * (snr * jnp.linalg.norm(z.ravel()) / jnp.linalg.norm(s.ravel())) ** 2
    expected = x + size * s + jnp.sqrt(2 * size) * z
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# Laws of whole chains, on points of the plane with three exact modes.

MODES = score.Mixture(
    means=jnp.array([[0.1, 0.2], [0.8, 0.3], [0.5, 0.9]]),
    variances=jnp.array([0.004, 0.01, 0.02]),
    log_weights=jnp.log(jnp.array([0.5, 0.2, 0.3])),
)
COUNT = 2000


def points(key, sigma):
    """Draws [COUNT, 2] of the mixture at a level."""
    k_mode, k_place = jax.random.split(key)
    mode = jax.random.categorical(k_mode, MODES.log_weights, shape=(COUNT,))
    spread = jnp.sqrt(MODES.variances + sigma**2)[mode][:, None]
    return MODES.means[mode] + spread * jax.random.normal(k_place, (COUNT, 2))


def same_law(found, drawn):
    """Kolmogorov and Smirnov's two-sample test along three lines, each at 0.1%."""
    limit = 1.95 * np.sqrt(2 / COUNT)
    for line in ([1.0, 0.0], [0.0, 1.0], [0.6, -0.8]):
        a, b = (np.sort(np.asarray(p, np.float64) @ line) for p in (found, drawn))
        at = np.concatenate([a, b])
        gap = np.abs(
            np.searchsorted(a, at, "right") - np.searchsorted(b, at, "right")
        ).max()
        assert gap / COUNT < limit, (line, gap / COUNT, limit)


@jax.jit
def descend_all(sampler, keys, xs, sigmas):
    return jax.vmap(lambda k, x: sampler(k, x, MODES, sigmas)[0])(keys, xs)


@pytest.mark.parametrize("name", [n for n in SAMPLERS if n != "predictor_corrector"])
@pytest.mark.parametrize("ends", [(1.5, 0.0), (0.4, 0.1)])
def test_every_sampler_has_the_law_of_the_end_from_any_start(name, ends):
    first, last = ends
    lowest = max(last, 0.01)
    sigmas = schedule.karras(first, lowest, 40)
    sigmas = sigmas if last == 0 else jnp.append(sigmas[:-1], lowest * 0.999)
    k_start, k_run, k_fresh = jax.random.split(KEY, 3)
    keys = jax.random.split(k_run, COUNT)
    sampler = Partial(SAMPLERS[name])
    found = descend_all(sampler, keys, points(k_start, first), sigmas)
    same_law(found, points(k_fresh, last))


def test_the_two_sample_test_sees_a_wrong_level():
    a, b = jax.random.split(KEY)
    same_law(points(a, 0.0), points(b, 0.0))
    with pytest.raises(AssertionError):
        same_law(points(a, 0.1), points(b, 0.0))


WIDE = (128, 128, 2)


def test_a_corrector_alone_is_stationary_with_its_bias():
    """Variance V (1 + snr^2) where the step follows the norm of a wide image."""
    target, total, snr = score.Gaussian(0.3, 0.2), 0.2 + 0.3**2, 0.4
    k_start, k_run = jax.random.split(KEY)
    x = 0.3 + jnp.sqrt(total) * jax.random.normal(k_start, WIDE)
    levels = jnp.full(20, 0.3)
    last, _ = sample.predictor_corrector(k_run, x, target, levels, snr=snr)
    ratio = np.asarray(last, np.float64).var() / total
    assert abs(ratio / (1 + snr**2) - 1) < 4 * np.sqrt(2 / x.size)


@pytest.mark.parametrize("name", ["ancestral", "ancestral large", "ddim", "sde"])
def test_between_equal_levels_nothing_happens(name, unoptimised):
    """Not even where a program is compiled badly: s^2 - s^2 may be rounded twice."""
    target, x = score.Gaussian(0.3, 0.2), jax.random.uniform(KEY, (8, 8, 2))
    last, _ = SAMPLERS[name](jax.random.key(1), x, target, jnp.full(4, 0.3))
    np.testing.assert_allclose(last, x, atol=1e-5)


def test_predictor_and_corrector_reach_the_clean_law():
    target = score.Gaussian(0.3, jnp.broadcast_to(jnp.array([0.05, 0.3]), WIDE))
    k_start, k_run = jax.random.split(KEY)
    spread = jnp.sqrt(target.variance + 1.5**2)
    x = 0.3 + spread * jax.random.normal(k_start, WIDE)
    levels = schedule.karras(1.5, 0.01, 60)
    last, _ = sample.predictor_corrector(k_run, x, target, levels, snr=0.1)
    for channel, variance in enumerate((0.05, 0.3)):
        found = np.asarray(last, np.float64)[..., channel]
        assert abs(found.mean() - 0.3) < 4 * np.sqrt(variance / found.size)
        # Of the discretisation: snr^2, and half the growth of one step.
        assert abs(found.var() / variance - 1) < 0.04 + 4 * np.sqrt(2 / found.size)


# Orders of convergence, on a Gaussian in float64.

VARIANCE = np.array([0.05, 0.3])
GAUSSIAN = {"mean": jnp.array([0.2, 0.9]), "variance": jnp.array(VARIANCE)}
ENDS = 1.5, 0.05
COARSE, FINE = 48, 96


def gaps(sampler, power, start=0.3):
    """How far the mean of a chain from two starts shrinks too much or too little."""
    target = score.Gaussian(*(jnp.asarray(v, jnp.float64) for v in GAUSSIAN.values()))
    top, end = (VARIANCE + s**2 for s in ENDS)
    exact = (end / top) ** power
    for steps in (COARSE, FINE):
        sigmas = jnp.geomspace(*ENDS, steps + 1)
        run = jax.jit(lambda x, s=sigmas: sampler(KEY, x, target, s)[0])
        x = jnp.full(2, start, jnp.float64)
        yield np.abs((run(x + 1) - run(x)) - exact).max()


@pytest.mark.parametrize(
    "name, order", [("euler", 1), ("ddim", 1), ("heun", 2), ("dpm_solver", 2)]
)
def test_order_of_convergence(name, order, float64):
    """The flow keeps every place in the law: distances shrink as the spread does."""
    coarse, fine = gaps(SAMPLERS[name], 0.5)
    assert abs(np.log2(coarse / fine) - order) < 0.1, (coarse, fine)


@pytest.mark.parametrize("name", ["ancestral", "ancestral large", "sde"])
def test_the_posterior_mean_is_exact_at_any_number_of_steps(name, float64):
    """Distances shrink as the square of the spread; the step's mean is no estimate."""
    assert max(gaps(SAMPLERS[name], 1.0)) < 1e-7


@pytest.mark.parametrize("name", ["ancestral", "sde"])
def test_order_of_convergence_of_the_variance(name):
    """Of the end's law, over half a million independent pixels."""
    side, variance, (top, end) = 512, 0.05, (0.5, 0.1)
    target = score.Gaussian(0.4, variance)
    k_start, k_run = jax.random.split(KEY)
    z = jax.random.normal(k_start, (side, side, 2))
    x = 0.4 + jnp.sqrt(variance + top**2) * z

    @jax.jit
    def bias(sigmas):
        last = SAMPLERS[name](k_run, x, target, sigmas)[0]
        return jnp.mean(jnp.square(last - 0.4)) / (variance + end**2) - 1

    coarse, fine = (float(bias(jnp.geomspace(top, end, n + 1))) for n in (8, 16))
    error = 3 * np.sqrt(2 / z.size) / abs(fine)
    assert abs(np.log2(coarse / fine) - 1) < error + 0.2, (coarse, fine)


def test_sde_in_time_converges_with_order_one(float64):
    process = noise.VP(width=2.0)

    def sampler(key, x, target, sigmas):
        times = jnp.linspace(*(process.time(s) for s in ENDS), sigmas.shape[0])
        return sample.sde_in_time(key, x, target, process, times)

    coarse, fine = gaps(sampler, 1.0)
    assert abs(np.log2(coarse / fine) - 1) < 0.1, (coarse, fine)


# What all share.


def test_a_longer_run_passes_through_the_states_of_a_shorter():
    sigmas = jnp.array([0.5, 0.3, 0.2, 0.1])
    for name in ("ddim half", "dpm_solver"):
        run = Partial(SAMPLERS[name], KEY, image(), mixture())
        long, short = run(sigmas)[1], run(sigmas[:3])[1]
        np.testing.assert_allclose(long[:3], short, rtol=1e-6)
        np.testing.assert_array_equal(long[0], image())


@pytest.mark.parametrize("name", ["ancestral", "dpm_solver"])
def test_recomputation_changes_no_gradient(name):
    sigmas = jnp.array([0.5, 0.3, 0.2, 0.1, 0.0])

    @jax.jit
    def gradients(x):
        def total(x, scan):
            run = SAMPLERS[name](KEY, x, mixture(), sigmas, scan=scan)
            return jnp.sum(jnp.sin(run[0]))

        return [jax.grad(total)(x, scan) for scan in (remat.none, remat.square_root)]

    stored, nested = gradients(image())
    np.testing.assert_allclose(stored, nested, rtol=1e-4, atol=1e-6)
    assert np.abs(stored).max() > 1e-3


@every
def test_a_schedule_that_rises_is_refused(name):
    with pytest.raises(ValueError, match="must fall from the noise to the image"):
        SAMPLERS[name](KEY, image(), mixture(), jnp.array([0.1, 0.5]))


class Shrink(nnx.Module):
    def __init__(self):
        self.gain = nnx.Param(jnp.array(0.25))

    def __call__(self, x, sigma):
        return (0.5 - x) / (self.gain[...] + sigma**2)


def shrink(x, sigma):
    return (0.5 - x) / (0.25 + sigma**2)


def equinox_shrink():
    eqx = pytest.importorskip("equinox")

    class Module(eqx.Module):
        gain: jax.Array

        def __call__(self, x, sigma):
            return (0.5 - x) / (self.gain + sigma**2)

    return Module(jnp.array(0.25))


@pytest.mark.parametrize("make", [lambda: shrink, Shrink, equinox_shrink])
def test_any_callable_is_a_score(make):
    """As an argument, bound and jitted, and under a gradient."""
    net, x, sigmas = make(), image(), jnp.array([0.5, 0.2, 0.0])
    expected = sample.ddim(KEY, x, score.Gaussian(0.5, 0.25), sigmas)[0]
    plain = sample.ddim(KEY, x, net, sigmas)[0]
    np.testing.assert_allclose(plain, expected, rtol=1e-5)

    @jax.jit
    @jax.grad
    def pulled(x):
        return jnp.sum(sample.heun(KEY, x, net, sigmas)[0])

    assert np.isfinite(pulled(x)).all()
