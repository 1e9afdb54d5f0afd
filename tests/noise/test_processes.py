"""Noise processes: inverses, published values, and what they refuse."""

import math

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from purifax import noise, schedule
from purifax.noise.discrete import cosine_betas
from purifax.noise.process import alpha_bar_of, sigma_of

PROCESSES = {
    "VE": (noise.VE(), 0.0, 1.0),
    "EDM": (noise.EDM(), 0.002, 80.0),
    "VP": (noise.VP(), 1e-4, 1.0),
    "SubVP": (noise.SubVP(), 1e-4, 1.0),
    "VPCosine": (noise.VPCosine(), 1e-4, 0.98),
    "VPDiscrete": (noise.VPDiscrete(), 0.0, 999.0),
    "narrow VP": (noise.VP(first=1.0, last=1.0, width=1.0), 1e-4, 1.0),
}
every = pytest.mark.parametrize("name", PROCESSES)
preserving = pytest.mark.parametrize("name", ["VP", "VPCosine", "VPDiscrete"])


@every
def test_time_inverts_sigma_and_sigma_rises(name):
    process, first, last = PROCESSES[name]
    times = jnp.linspace(first, last, 60)
    sigmas = process.sigma(times)
    assert (jnp.diff(sigmas) > 0).all()
    np.testing.assert_allclose(process.time(sigmas), times, rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(process.sigma(process.time(sigmas)), sigmas, rtol=2e-5)


@every
def test_a_process_may_be_traced_with_its_times(name):
    process, first, last = PROCESSES[name]
    middle = (first + last) / 2
    jitted = jax.jit(lambda p, t: (p.sigma(t), p.scale(t), p.time(p.sigma(t))))
    found = jitted(process, middle)
    eager = (process.sigma(middle), process.scale(middle), middle)
    np.testing.assert_allclose(found, eager, rtol=1e-4)


@preserving
def test_preserving_processes_keep_unit_variance(name):
    """a^2 (1 + (width sigma)^2) = 1, and sigma and alpha_bar give each other."""
    process, first, last = PROCESSES[name]
    times = jnp.linspace(first, last, 9)
    kept = process.alpha_bar(times)
    np.testing.assert_allclose(process.scale(times) ** 2, kept, rtol=1e-5)
    sigmas = process.sigma(times)
    np.testing.assert_allclose(kept * (1 + 4 * sigmas**2), 1.0, rtol=1e-4)
    np.testing.assert_allclose(alpha_bar_of(sigmas), kept, rtol=1e-4)
    some = kept[3:]
    np.testing.assert_allclose(sigma_of(some), sigmas[3:], rtol=1e-4)


def integral(beta, t, steps=20000):
    """The integral of beta over [0, t] by midpoints, in float64."""
    middles = (np.arange(steps) + 0.5) / steps * t
    return beta(middles).mean() * t


@pytest.mark.parametrize("t", [0.01, 0.1, 0.5, 1.0])
def test_linear_processes_solve_their_published_equations(t):
    total = integral(lambda s: 0.1 + 19.9 * s, t)
    np.testing.assert_allclose(noise.VP().scale(t), math.exp(-total / 2), rtol=1e-5)
    deviation = math.sqrt(1 - math.exp(-total))
    found = 2 * noise.VP().scale(t) * noise.VP().sigma(t)
    np.testing.assert_allclose(found, deviation, rtol=1e-5)
    found = 2 * noise.SubVP().scale(t) * noise.SubVP().sigma(t)
    np.testing.assert_allclose(found, 1 - math.exp(-total), rtol=1e-5)


def test_cosine_is_precise_where_noise_is_small():
    def kept(t):
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    for t in (1e-4, 0.01, 0.3, 0.95):
        ratio = kept(t) / kept(0)
        exact = math.sqrt(1 / ratio - 1) / 2
        np.testing.assert_allclose(noise.VPCosine().sigma(t), exact, rtol=1e-4)


def test_the_discrete_chain_is_the_product_of_its_betas():
    chain, betas = noise.VPDiscrete(), np.linspace(1e-4, 0.02, 1000)
    kept = np.cumprod(1 - betas)
    labels = jnp.array([0, 1, 99, 500, 999])
    np.testing.assert_allclose(chain.alpha_bar(labels), kept[labels], rtol=1e-4)
    assert chain.sigma(-1) == 0 and chain.scale(jnp.array(-1)) == 1
    np.testing.assert_array_equal(chain.label(chain.sigma(labels)), labels)
    between = chain.alpha_bar(jnp.array(99.5))
    mean = math.sqrt(kept[99] * kept[100])
    np.testing.assert_allclose(between, mean, rtol=1e-5)


def test_published_chain_of_a_poison_defence():
    """100 of 4000 cosine steps leave alpha_bar 0.997513."""
    chain = noise.VPDiscrete(cosine_betas(4000))
    np.testing.assert_allclose(chain.alpha_bar(99), 0.997513, atol=2e-6)
    assert chain.betas.max() == np.float32(0.999)
    smooth = noise.VPCosine().sigma(100 / 4000)
    np.testing.assert_allclose(chain.sigma(99), smooth, rtol=1e-4)


def test_karras_levels_are_edms():
    levels = schedule.karras()
    assert levels.shape == (19,) and levels[-1] == 0
    i = np.arange(18)
    exact = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    np.testing.assert_allclose(noise.EDM().time(levels[:-1]), exact, rtol=1e-4)


@pytest.mark.parametrize(
    "process, sigma",
    [
        (noise.VE(0.01, 1.0), 2.0),
        (noise.VE(0.01, 1.0), 0.001),
        (noise.VP(), 100.0),
        (noise.SubVP(), 1e5),
        (noise.VPCosine(), -0.1),
        (noise.VPDiscrete(), 100.0),
        (noise.EDM(), jnp.array([0.1, -1.0])),
        (noise.VP(), float("nan")),
    ],
)
def test_a_level_that_is_not_reached_is_refused(process, sigma):
    with pytest.raises(ValueError, match="cannot reach sigma = "):
        process.time(sigma)


@pytest.mark.parametrize(
    "levels, message",
    [
        ([0.0, 0.1, 0.2], r"0 -> 0.1. Did you mean `sigmas\[::-1\]`"),
        ([0.2, 0.1, -0.1], "the last alone may be 0"),
        ([0.2, 0.0, 0.0], "the last alone may be 0"),
        ([0.2, float("nan"), 0.0], "must fall"),
        ([float("inf"), 0.1], "finite"),
        ([0.2], "at least two"),
    ],
)
def test_a_schedule_that_cannot_be_descended_is_refused(levels, message):
    with pytest.raises(ValueError, match=message):
        schedule.falling(jnp.array(levels))


def test_a_traced_schedule_passes():
    levels = jnp.array([0.0, 1.0])
    np.testing.assert_array_equal(jax.jit(schedule.falling)(levels), levels)


@pytest.mark.parametrize("time", [-2, 1000, 999.5, jnp.array([3, 1000])])
def test_a_label_outside_the_chain_is_refused(time):
    with pytest.raises(ValueError, match="times from -1 .clean. to 999; got"):
        noise.VPDiscrete().sigma(time)


def test_karras_needs_positive_ends():
    with pytest.raises(ValueError, match="must be positive"):
        schedule.karras(1.0, 0.0, 4)
