"""Draws on devices that images leave idle: the same answers, the same gradient."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, image, linear_classifier, mixture

from purifax import attack, backward, classify, purify
from purifax.attack import selection
from purifax.evaluation import attacks
from purifax.evaluation.predictions import mapped
from purifax.evaluation.world import World
from purifax.purify import ADP, Prior
from purifax.run import devices
from purifax.threat import L2, Linf
from purifax.transform.shard_draws import Axis

KEY = jax.random.key(3)
AXIS = Axis("draw")
CLASSIFIER = linear_classifier()


def noisy(key, x, w, *, sigma=0.5):
    return jnp.tanh(jnp.tensordot(w, x, axes=x.ndim)) + sigma * jax.random.normal(
        key, w.shape[:1]
    )


def bare():
    return Partial(noisy, w=linear_classifier().keywords["w"])


def defended():
    """A chain with a random start, and the gradient of BPDA."""
    purifier = Partial(
        purify.adaptive,
        score=mixture(),
        sigma=0.2,
        levels=jnp.array([0.2, 0.1]),
    )
    return Partial(
        classify.defend,
        purifier=backward.straight_through(purifier),
        classifier=linear_classifier(),
    )


def slope(key, x, label, model):
    """Logits, and the gradient of a loss that knows its draws apart."""

    def loss(y):
        logits = model(key, y)
        by = jnp.arange(1.0, 1.0 + logits.shape[0])[:, None]
        return classify.margin(by * jnp.tanh(logits), label), logits

    return jax.grad(loss, has_aux=True)(x)


@pytest.mark.parametrize(
    ("images", "model", "draws", "knobs"),
    [
        (1, bare, jnp.arange(8), None),
        (2, bare, jnp.arange(8).reshape(2, 4), {"sigma": jnp.linspace(0.1, 0.8, 8)}),
        (2, defended, jnp.arange(4), None),
    ],
    ids=["1x8", "2x4 in groups", "2x4 purified"],
)
def test_devices_that_share_draws_agree_with_one(images, model, draws, knobs):
    x = jnp.stack([image(i) for i in range(images)])
    index = jnp.arange(images, dtype=jnp.int32)
    alone = Partial(classify.each, model=model(), draws=draws, knobs=knobs)
    shared = Partial(alone.func, **alone.keywords, axis=AXIS)
    grid = devices.grid(images, count=8)
    assert grid.shape == {"batch": images, "draw": 8 // images}
    found = mapped(Partial(slope, model=shared), grid)(KEY, index, x, index)
    wanted = mapped(Partial(slope, model=alone), devices.grid(images))
    for a, b in zip(found, wanted(KEY, index, x, index), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)
    assert found[1].shape == (images, draws.size, 3)
    assert np.abs(found[0]).max() > 0.01


SPENT = {"steps": 2, "step_size": 0.5}
HAMMER = attack.DiffHammer(**SPENT, eot=4, judge=6)
MADE = {
    "hammer": HAMMER,
    "vote": attack.SignVote(**SPENT, eot=4),
    "fixed_key": attack.FixedKey(**SPENT),
    "judge": HAMMER,
}


def judged(key, x, label, judge):
    """The better of two other images, and their losses."""
    pair = jnp.stack([0.8 * x, 0.5 * x])
    return selection.choose(key, pair, label, judge, loss=Partial(classify.margin))


def target(shares, classifier=None):
    recipe, classifier = ADP(sigma=0.2, level=0.2, steps=1), classifier or CLASSIFIER
    shared = {"samples": 4, "keys": 2, "shares": shares}
    return World(recipe, Prior(mixture()), classifier, **shared).target()


def attacker(name, shares):
    """As the driver binds it, of `hammer` the first of its runs."""
    threat = Linf(0.1) if name in ("vote", "fixed_key") else L2(0.1)
    bound = MADE[name].build(target(shares), threat)
    if name == "fixed_key":
        return Partial(bound.func, **bound.keywords, secret=jax.random.key(5))
    if name == "judge":
        return Partial(judged, judge=bound.keywords["judge"])
    return bound.keywords["attacks"][0] if name == "hammer" else bound


@pytest.mark.parametrize("name", MADE)
def test_attacks_whose_draws_are_shared_agree_with_one_device(name):
    draws = attacks.shared(MADE[name], 4)
    assert draws == 4
    over = devices.spread(devices.grid(1, count=2), draws)
    assert over.shape == {"batch": 1, "draw": 2}
    x, index = image()[None], jnp.ones(1, jnp.int32)
    found = mapped(attacker(name, 2), over)(KEY, index, x, index)
    wanted = mapped(attacker(name, 1), devices.grid(1, count=1))(KEY, index, x, index)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)
    assert np.abs(np.reshape(jax.tree.leaves(found)[0], (-1, *SHAPE)) - x).max() > 0.01


def test_a_judge_is_shared_where_its_draws_divide():
    judges = [attacker("judge", n).keywords["judge"] for n in (2, 4)]
    assert [judge.keywords["axis"] for judge in judges] == [AXIS, None]
    assert attacker("hammer", 4).keywords["axis"] == AXIS
    two = target(2, bare())
    many = attack.AutoAttack(version="stochastic", steps=2, eot=4, judge=6)
    _, judge = many.build(two, Linf(0.1), 3)
    assert judge.keywords["axis"] == AXIS
    _, judge = attack.AutoAttack(version="rand", steps=2, eot=4).build(
        two, Linf(0.1), 3
    )
    assert judge.keywords["axis"] is None


@pytest.mark.parametrize(
    ("images", "count", "shape"),
    [(1, 8, (1, 8)), (3, 8, (2, 4)), (6, 6, (6, 1)), (64, 8, (8, 1)), (5, 6, (3, 2))],
)
def test_images_come_first(images, count, shape):
    grid = devices.grid(images, count=count)
    assert grid.devices.shape == shape and grid.axis_names == ("batch", "draw")


@pytest.mark.parametrize(("draws", "share"), [(20, 4), (6, 2), (5, 1), (64, 8)])
def test_as_many_devices_share_draws_as_divide_them(draws, share):
    assert devices.spread(devices.grid(1, count=8), draws).shape["draw"] == share


def test_draws_that_do_not_divide_are_refused():
    shared = Partial(classify.each, model=bare(), draws=jnp.arange(6), axis=AXIS)
    x = image()[None]
    with pytest.raises(ValueError, match="6 draws at once do not divide over the 8"):
        index = jnp.zeros(1, jnp.int32)
        mapped(shared, devices.grid(1, count=8))(KEY, index, x)
