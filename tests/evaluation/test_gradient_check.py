"""The self-check of a gradient: right ones pass, each kind of wrong one is found."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import bent_classifier, image, linear_classifier, mixture, weights

from purifax import backward, classify, purify
from purifax.evaluation import gradient_check
from purifax.purify import adp_rounds, curvature
from purifax.transform import remat

KEY = jax.random.key(31)
LABEL = jnp.array(1)
LEVELS = jnp.array([0.3, 0.2])


def adaptive(**knobs):
    limits = {"rate": 0.3, "largest": 0.5, "sigma": 0.1} | knobs
    return Partial(purify.adaptive, score=mixture(), levels=LEVELS, **limits)


def defended(purifier, classifier=None):
    classifier = bent_classifier() if classifier is None else classifier
    return Partial(classify.defend, purifier=purifier, classifier=classifier)


@jax.jit
def examined(model, x, scan=None, widths=gradient_check.WIDTHS):
    scan = Partial(remat.auto) if scan is None else scan
    return gradient_check.examine(KEY, x, LABEL, model, scan=scan, widths=widths)


def verdict(found):
    tests = (
        gradient_check.same_states,
        gradient_check.same_when_stored,
        gradient_check.slopes_agree,
    )
    return [bool(test(found)) for test in tests]


def plain(key, x, scan, fn):
    del key, scan
    return fn(x)


def test_a_linear_model_has_the_known_length_and_slopes():
    model = Partial(plain, fn=linear_classifier())
    found = examined(model, image())
    logits = linear_classifier()(image())
    other = jnp.argmax(jnp.where(jnp.arange(3) == LABEL, -jnp.inf, logits))
    length = jnp.linalg.norm(weights()[other] - weights()[LABEL])
    np.testing.assert_allclose(found.length, length, rtol=1e-5)
    assert found.states == 0 and found.state_gap == 0 and found.stored_gap == 0
    assert found.worst < 1e-3
    assert verdict(found) == [True, True, True]


def test_the_exact_gradient_of_a_purifier_passes():
    found = examined(defended(backward.exact(adaptive())), image())
    assert found.states == len(LEVELS)
    assert verdict(found) == [True, True, True]
    assert found.median <= found.worst < 0.1


def test_chains_within_chains_are_examined():
    wary = Partial(
        purify.detect, purifier=adaptive(), score=mixture(), level=0.3, limit=3.0
    )
    again = Partial(adp_rounds.rounds, purifier=wary, sigmas=jnp.array([0.1, 0.05]))
    found = examined(defended(again), image(), Partial(remat.square_root))
    assert found.states == 2 * len(LEVELS) + 2
    assert verdict(found) == [True, True, True]


def test_double_precision_agrees_to_many_digits(float64):
    x, widths = 0.35 + 0.3 * image(), (1e-4, 1e-5)
    found = examined(defended(adaptive(rate=0.05, sigma=0.03)), x, widths=widths)
    assert found.state_gap < 1e-15 and found.stored_gap < 1e-14
    assert found.worst < 1e-6


@pytest.mark.parametrize(
    "wrong",
    [
        backward.straight_through,
        lambda purifier: Partial(
            purifier.func, **purifier.keywords | {"curvature": Partial(curvature.held)}
        ),
    ],
    ids=["straight_through", "held"],
)
def test_a_gradient_of_something_else_is_found_by_its_slopes(wrong):
    found = examined(defended(wrong(adaptive(rate=0.5))), image())
    assert verdict(found)[2] is False


def noisy(key, x, scan, classifier):
    """Draws from a state of its own in every pass."""
    del key

    def step(y, size):
        draw = jax.pure_callback(
            lambda s: np.float32(s * np.random.default_rng().uniform()),
            jax.ShapeDtypeStruct((), jnp.float32),
            size,
            vmap_method="sequential",
        )
        return y + draw, None

    return classifier(scan(step, x, jnp.full(4, 0.1))[0])


def test_noise_that_is_not_replayed_is_found():
    found = examined(Partial(noisy, classifier=bent_classifier()), image())
    assert verdict(found)[0] is False


def lossy(step, carry, xs):
    """A scan whose gradient forgets all steps but the last."""
    before, _ = jax.lax.scan(step, carry, jax.tree.map(lambda a: a[:-1], xs))
    frozen = jax.tree.map(jax.lax.stop_gradient, before)
    passed = jax.tree.map(lambda a, b: a + b - jax.lax.stop_gradient(a), carry, frozen)
    return jax.lax.scan(step, passed, jax.tree.map(lambda a: a[-1:], xs))


def climbing(key, x, scan, classifier):
    del key
    return classifier(scan(lambda y, a: (y + a * jnp.sin(9 * y), None), x, LEVELS)[0])


def test_a_scan_that_loses_part_of_the_gradient_is_found():
    model = Partial(climbing, classifier=bent_classifier())
    assert verdict(examined(model, image())) == [True, True, True]
    found = examined(model, image(), Partial(lossy))
    assert verdict(found)[1:] == [False, False]


def test_a_kink_spoils_the_worst_direction_and_not_the_median():
    def kinked(x):
        bend = jnp.where(x[0, 0, 0] > 0.5005, 40.0, 0.0) * (x[0, 0, 0] - 0.5005)
        return linear_classifier()(x) + jnp.array([1.0, 0.0, 0.0]) * bend

    found = examined(Partial(plain, fn=Partial(kinked)), image().at[0, 0, 0].set(0.5))
    assert verdict(found)[2] and found.width < 0.001
    coarse = examined(
        Partial(plain, fn=Partial(kinked)),
        image().at[0, 0, 0].set(0.5),
        widths=jnp.array([0.01]),
    )
    assert verdict(coarse)[2] is False and coarse.worst > 0.3


def test_what_is_not_a_number_fails():
    def broken(x):
        return linear_classifier()(jnp.sqrt(-x))

    found = examined(Partial(plain, fn=Partial(broken)), image())
    assert verdict(found)[1:] == [False, False]
