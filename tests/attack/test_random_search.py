"""Random search: the best of its points, on the expected loss."""

import jax
import numpy as np
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import bent_classifier, image

from purifax import attack, classify
from purifax.threat import L2, Linf

KEY = jax.random.key(5)
LABEL = jnp.array(1)
THREAT = Linf(0.1)


def noisy(key, x):
    return bent_classifier()(x) + 5.0 * jax.random.normal(key, ())


def plain(key, x):
    return bent_classifier()(x)


@jax.jit
def search(key, model, tries):
    return attack.random_search(key, image(), LABEL, model, THREAT, tries)


def test_it_is_the_best_of_the_points_that_it_draws():
    found = search(KEY, Partial(plain), jnp.arange(6))
    k_points = jax.random.split(KEY)[0]
    points = [THREAT.start(jax.random.fold_in(k_points, i), image()) for i in range(6)]
    scores = [float(classify.margin(plain(KEY, y), LABEL)) for y in points]
    assert np.ptp(scores) > 0.01
    np.testing.assert_allclose(found, points[int(np.argmax(scores))], atol=1e-6)


def test_more_points_never_do_worse():
    scores = [
        float(classify.margin(plain(KEY, search(KEY, Partial(plain), tries)), LABEL))
        for tries in (jnp.arange(2), jnp.arange(6))
    ]
    assert scores[0] <= scores[1] + 1e-6


def test_the_luck_of_a_draw_does_not_choose():
    """An offset common to all logits of a draw would, were its key not shared."""

    def first_logit(logits, label):
        return logits[0]

    runs = [
        attack.random_search(
            KEY, image(), LABEL, model, THREAT, jnp.arange(6), loss=Partial(first_logit)
        )
        for model in (Partial(plain), Partial(noisy))
    ]
    np.testing.assert_allclose(*runs, atol=1e-6)


def broken(key, x):
    logits = plain(key, x)
    return jnp.where(x[0, 0, 0] > image()[0, 0, 0], jnp.nan, logits)


def test_an_answer_that_is_not_finite_is_not_chosen():
    found = search(KEY, Partial(broken), jnp.arange(6))
    assert found[0, 0, 0] <= image()[0, 0, 0]


def test_points_may_lie_at_the_surface():
    grey = jnp.full((4, 4, 2), 0.5)
    found = attack.random_search(
        *(KEY, grey, LABEL, Partial(plain), L2(0.3), jnp.arange(2)),
        start=Partial(attack.at_surface),
    )
    np.testing.assert_allclose(L2(0.3).distance(found, grey), 0.3, rtol=1e-5)
