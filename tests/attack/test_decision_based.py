"""RayS and HopSkipJump: distances that are known for linear models, and votes."""

import functools

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import attack, classify
from purifax.attack.decision import misclassified
from purifax.attack.hopskipjump_attack import hopskipjump_probes
from purifax.threat import L2, Linf

KEY = jax.random.key(0)
SHAPE = (4, 4, 3)
W = jax.random.normal(jax.random.key(1), SHAPE)
X = 0.5 + 0.0 * W
GAP = 0.08
"""By how much the right logit leads at X."""

RIGHT = jnp.array(0)


def linear(key, x, sharpness=1.0):
    """Two logits with margin (GAP + W (x - X)) times a sharpness."""
    lead = GAP + jnp.sum(W * (x - X))
    return jnp.stack([sharpness * lead, jnp.zeros_like(lead)])


def noisy(key, x, sigma):
    """The linear model with a noise on its margin that is 0 in the median."""
    return linear(key, x) + sigma * jax.random.normal(key) * jnp.array([1.0, 0.0])


NEAREST = {"Linf": GAP / float(jnp.sum(jnp.abs(W)))}
NEAREST["L2"] = GAP / float(jnp.sqrt(jnp.sum(W**2)))


def test_a_decision_is_the_majority_and_no_answer_is_right():
    def rows(*answers):
        return lambda key, x: jnp.array(answers, jnp.float32)

    right, wrong, lost = [1.0, 0.0], [0.0, 1.0], [jnp.nan, 0.0]
    for answers, expected in [
        ((wrong, wrong, right), True),
        ((wrong, right), False),
        ((lost, lost, wrong), False),
        ((wrong, wrong, lost), True),
    ]:
        assert bool(misclassified(KEY, X, RIGHT, rows(*answers))) is expected


@pytest.mark.parametrize("sharpness", [1.0, 1e-6, 1e6])
def test_rays_finds_the_distance_of_a_linear_model_whatever_its_confidence(sharpness):
    model = Partial(linear, sharpness=sharpness)
    far = jax.jit(functools.partial(attack.rays_distance, model=model, retest=0))
    found = float(far(KEY, X, RIGHT, tries=jnp.arange(1500)))
    assert NEAREST["Linf"] <= found <= NEAREST["Linf"] + 2e-3 / np.sqrt(X.size)


def test_rays_ends_inside_the_radius_only_where_the_distance_is():
    for share, broken in [(0.8, False), (1.2, True)]:
        threat = Linf(share * NEAREST["Linf"])
        found = attack.rays(KEY, X, RIGHT, Partial(linear), threat, jnp.arange(1500))
        assert float(threat.distance(found, X)) <= threat.radius * (1 + 1e-5)
        assert bool(misclassified(KEY, found, RIGHT, linear)) is broken


def test_rays_reads_the_image_by_channel_row_and_column():
    # The second half of the entries in that order: one query for the whole image, one
    # for each half, and the second half is found with the third.
    half = jnp.broadcast_to(jnp.arange(4) // 2, (2, 2, 4))
    signs = jnp.where(half == 1, -1.0, 1.0)

    def model(key, x):
        lead = 7.9 - jnp.sum(signs * (x - 0.5)) * 1.0
        return jnp.stack([lead, jnp.zeros_like(lead)])

    x = jnp.full((2, 2, 4), 0.5)
    distance = functools.partial(attack.rays_distance, KEY, x, RIGHT, model, retest=0)
    assert np.isinf(distance(jnp.arange(2)))
    assert float(distance(jnp.arange(30))) == pytest.approx(7.9 / 16, abs=1e-3)


def test_a_lucky_answer_does_not_fix_the_distance_of_a_random_model():
    # One draw errs in a tenth of the queries, anywhere; the median does not.
    def model(key, x):
        lucky = jax.random.bernoulli(key, 0.1)
        return jnp.where(lucky, jnp.array([0.0, 1.0]), linear(key, x))

    def distance(key, draws, retest):
        voting = Partial(classify.each, model=model, draws=jnp.arange(draws))
        return attack.rays_distance(
            key, X, RIGHT, voting, jnp.arange(1500), retest=retest
        )

    keys = jax.random.split(KEY, 4)
    one = jax.jit(jax.vmap(functools.partial(distance, draws=1, retest=0)))(keys)
    vote = jax.jit(jax.vmap(functools.partial(distance, draws=15, retest=25)))(keys)
    assert (one < 0.9 * NEAREST["Linf"]).all()
    assert (vote > 0.9 * NEAREST["Linf"]).all()
    assert (vote < 1.5 * NEAREST["Linf"]).all()


def hopped(model, threat, probes):
    together = jnp.arange(50)
    run = functools.partial(attack.hopskipjump, model=model, threat=threat)
    return jax.jit(run)(KEY, X, RIGHT, probes=probes, directions=together)


@pytest.mark.parametrize("name", ["Linf", "L2"])
@pytest.mark.parametrize("sharpness", [1.0, 1e-6])
def test_hopskipjump_comes_close_to_the_nearest_wrong_image(name, sharpness):
    threat = {"Linf": Linf, "L2": L2}[name](0.4 if name == "Linf" else 2.0)
    model = Partial(linear, sharpness=sharpness)
    found = hopped(model, threat, hopskipjump_probes(12))
    assert bool(misclassified(KEY, found, RIGHT, model))
    distance = float(threat.distance(found, X))
    assert NEAREST[name] * (1 - 1e-5) <= distance <= 1.1 * NEAREST[name]


def test_hopskipjump_leaves_an_image_that_is_wrong():
    model = lambda key, x: -linear(key, X) + 0.0 * jnp.sum(x)  # noqa: E731
    found = hopped(model, L2(0.5), jnp.array([4]))
    np.testing.assert_allclose(found, X, atol=1e-6)


def test_hopskipjump_where_nothing_is_wrong_ends_somewhere_in_the_set():
    model = lambda key, x: linear(key, X) + 0.0 * jnp.sum(x)  # noqa: E731
    found = hopped(model, L2(0.5), jnp.array([4]))
    assert 0 < L2(0.5).distance(found, X) <= 0.5


def test_hopskipjump_on_a_random_model_ends_near_its_median_boundary():
    voting = Partial(
        classify.each, model=Partial(noisy, sigma=0.05), draws=jnp.arange(21)
    )
    found = hopped(voting, L2(2.0), hopskipjump_probes(8))
    lead = float(linear(KEY, found)[0])
    assert abs(lead) < 2 * 0.05


def test_the_published_probes_are_about_17000():
    asked = hopskipjump_probes(40)
    assert [int(asked[j - 1]) for j in (1, 4, 40)] == [100, 200, 632]
    assert 16_800 < int(asked.sum()) < 17_300
    assert int(hopskipjump_probes(2, first=9000)[1]) == 10_000
