"""Signals of one axis, [T, 1]: networks, losses, samplers, purifiers and poisons."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

import purifax
from purifax import attack, classify, loss, nets, purify, sample, score
from purifax.data.trivial import trivial_augment, warped
from purifax.threat import Linf

pytestmark = pytest.mark.usefixtures("unoptimised")
KEY = jax.random.key(17)
LENGTH = 12


def network(width=8):
    module = nets.SignalScore(width=width, dilations=(1, 2), centre=0.4, spread=0.3)
    variables = nets.init(KEY, module, jnp.zeros((LENGTH, 1)), 1.0)
    return nets.Network(module, variables)


def signals(count=3):
    return jax.random.uniform(jax.random.key(3), (count, LENGTH, 1))


def test_an_untrained_network_is_the_score_of_gaussian_signals():
    x, sigma = signals()[0], jnp.array(0.2)
    known = score.Gaussian(0.4, 0.3**2)
    got = score.from_scaled(network())(x, sigma)
    np.testing.assert_allclose(got, known(x, sigma), rtol=1e-5, atol=1e-5)


def stirred():
    """A network whose last layer is not zero."""
    made = network()
    leaves = jax.tree.map(
        lambda a: a + 0.1 * jax.random.normal(KEY, a.shape), made.variables
    )
    return nets.Network(made.module, leaves)


def test_a_network_sees_as_far_as_its_dilations():
    made, x = stirred(), signals()[0]
    slope = jax.jacrev(lambda x: made(x, jnp.array(0.3))[5, 0])(x)[:, 0]
    seen = np.flatnonzero(np.abs(slope) > 1e-9)
    assert seen.min() == 2 and seen.max() == 8


@pytest.mark.parametrize("name", ["diffuse", "adaptive", "langevin"])
def test_purifiers_take_signals_and_do_not_mix_them(name):
    known = score.from_scaled(stirred())
    levels = jnp.array([0.2, 0.1, 0.0])
    langevin = Partial(
        sample.langevin, score=known, sigmas=levels[:2], step_sizes=jnp.full(2, 0.01)
    )
    purifier = {
        "diffuse": Partial(purify.diffuse_from, score=known, sigmas=levels),
        "adaptive": Partial(purify.adaptive, score=known, levels=levels[:2]),
        "langevin": Partial(_last, fn=langevin),
    }[name]
    run = jax.jit(purifax.batched(purifier))
    xs = signals()
    pure = run(KEY, xs)
    assert pure.shape == xs.shape and bool(jnp.isfinite(pure).all())
    assert bool((pure != xs).any())
    other = run(KEY, xs.at[1:].set(0.9))
    np.testing.assert_array_equal(other[0], pure[0])


def _last(key, x, fn):
    return fn(key, x)[0]


def test_a_loss_and_an_attack_take_signals():
    made, x = stirred(), signals()[0]
    one = Partial(loss.dsm_continuous, f=made, smallest=0.05, largest=0.5)
    value, slope = jax.jit(jax.value_and_grad(lambda x: one(KEY, x)))(x)
    assert slope.shape == x.shape and float(value) > 0
    module = nets.SignalClassifier(num_classes=3, width=8, dilations=(1, 2))
    classifier = nets.Network(module, nets.init(KEY, module, x))
    assert classifier(x).shape == (3,)
    model = Partial(classify.undefended, classifier=classifier)
    args = model, Linf(0.1), jnp.full(2, 0.1)
    found = jax.jit(attack.pgd)(KEY, x, jnp.array(1), *args)
    assert found.shape == x.shape and float(jnp.abs(found - x).max()) <= 0.1 + 1e-6


def test_trivial_augment_moves_turns_and_lights_within_the_box():
    x = jax.random.uniform(KEY, (6, 5, 3))
    keys = jax.random.split(KEY, 40)
    found = jax.jit(jax.vmap(trivial_augment, (0, None)))(keys, x)
    assert 0 <= float(found.min()) and float(found.max()) <= 1
    same = np.abs(np.asarray(found) - np.asarray(x)).max(axis=(1, 2, 3)) < 1e-6
    assert 0 < same.sum() < 20
    half = warped(x, -jnp.eye(2), jnp.zeros(2))
    np.testing.assert_allclose(half, x[::-1, ::-1], atol=1e-6)
