"""Exact gradients of purifiers: finite differences, recomputed and stored."""

from functools import partial

import jax
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import image, mixture

from purifax import energy, guide, noise, purify, sample
from purifax.noise.discrete import linear_betas
from purifax.purify import (
    distance,
    gdmp,
    likelihood_ascent,
    likelihood_gaps,
    mimic,
    puregen,
    puregen_filter,
)
from purifax.threat import L2
from purifax.transform import remat

KEY = jax.random.key(81)


def levels():
    return jnp.array([0.3, 0.1, 0.0])


def times():
    return jnp.array([0.1, 0.04, 1e-5])


def diffuse(sampler, score=None):
    score = mixture() if score is None else score
    return Partial(
        purify.diffuse_from, score=score, sigmas=levels(), sampler=Partial(sampler)
    )


def led(verb, **more):
    scales = jnp.array([2.0, 1.0])
    return Partial(verb, score=mixture(), sigmas=levels(), scales=scales, **more)


def climbed(**more):
    steps = jnp.array([0.02, 0.01])
    sigmas = jnp.full(2, 0.25)
    return Partial(
        purify.maximise, score=mixture(), sigmas=sigmas, step_sizes=steps, **more
    )


def classed():
    def logits(x, sigma):
        return jnp.stack([jnp.sum(jnp.sin(3 * x)), jnp.sum(x * x)]) / (1 + sigma)

    return guide.by_classifier(mixture(), Partial(logits), 1, 3.0)


def chain(verb):
    known = mixture()
    fn = energy.Mixture(known.means, known.variances, known.log_weights)
    steps = jnp.array([0.003, 0.002, 0.001])
    return Partial(verb, energy=fn, step_sizes=steps, temperature=0.5)


PURIFIERS = {
    "langevin": lambda: chain(purify.langevin),
    "mala": lambda: chain(purify.mala),
    "puregen ddpm": lambda: Partial(
        puregen.puregen_ddpm,
        score=mixture(),
        noise=noise.VPDiscrete(linear_betas(8, 0.01, 0.3)),
        times=jnp.array([5, 4, 2, -1]),
    ),
    "puregen, above its limit": lambda: Partial(
        puregen_filter.filtered,
        purifier=Partial(
            puregen.puregen_rounds,
            purifiers=[chain(purify.langevin), diffuse(sample.ancestral)],
            draws=jnp.arange(2),
        ),
        energy=chain(purify.langevin).keywords["energy"],
        limit=-1e3,
    ),
    "sde": lambda: diffuse(sample.sde),
    "ancestral": lambda: diffuse(sample.ancestral),
    "ddim": lambda: diffuse(Partial(sample.ddim, eta=0.5)),
    "heun": lambda: diffuse(Partial(sample.heun, churn=1.0)),
    "dpm_solver": lambda: diffuse(sample.dpm_solver),
    "predictor_corrector": lambda: diffuse(
        Partial(sample.predictor_corrector, snr=0.05)
    ),
    "guided by a classifier": lambda: diffuse(sample.sde, classed()),
    "in time": lambda: Partial(
        purify.diffuse_in_time, score=mixture(), noise=noise.VP(), times=times()
    ),
    "gradual": lambda: Partial(
        purify.gradual,
        score=mixture(),
        noise=noise.VP(),
        stages=[(times()[:2], jnp.arange(2)), (times()[1:], jnp.arange(1))],
    ),
    "gdmp": lambda: led(gdmp.guided_rounds, draws=jnp.arange(2)),
    "guided by ssim": lambda: led(
        purify.guided, distance=Partial(distance.dissimilarity)
    ),
    "mimic": lambda: led(
        mimic.mimic_from_noise, distance=Partial(distance.mean_square)
    ),
    "maximise": lambda: climbed(threat=L2(radius=0.1)),
    "maximise regularised": lambda: climbed(
        objective=Partial(likelihood_gaps.regularised_gap)
    ),
    "maximise noised": lambda: Partial(
        likelihood_ascent.maximise_noised,
        score=mixture(),
        sigma=0.2,
        step_sizes=jnp.array([0.02, 0.01]),
    ),
}


@pytest.mark.parametrize("name", PURIFIERS)
def test_the_exact_gradient_is_the_slope_and_recomputed_states_are_the_stored(
    name, float64, unoptimised
):
    """Central differences along a fixed direction, good to ten digits."""
    purifier, x = PURIFIERS[name](), 0.3 + 0.4 * image()
    weight, way = image(1) - 0.4, 1e-6 * (image(2) - 0.5)

    @jax.jit
    @partial(jax.value_and_grad, argnums=(0, 1))
    def pulled(x, report):
        scan = Partial(remat.witness, scan=remat.every_step, report=report)
        return jnp.sum(weight * jnp.sin(2 * purifier(KEY, x, scan=scan)))

    nothing = jnp.zeros(2)
    _, (gradient, (gap, states)) = pulled(x, nothing)
    risen = pulled(x + way, nothing)[0] - pulled(x - way, nothing)[0]
    error = abs(risen / 2 - jnp.vdot(gradient, way))
    assert error < 1e-5 * jnp.linalg.norm(gradient) * jnp.linalg.norm(way)
    assert gap / states < 1e-13 and states >= 2
