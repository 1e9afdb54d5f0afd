"""Choosing iterates and restarts by expected loss, on keys of their own."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import bent_classifier, image

import purifax
from purifax import attack, classify, noise
from purifax.attack import pgd_attack, selection
from purifax.attack.selection import choose
from purifax.threat import Linf

KEY = jax.random.key(9)
X, LABEL = image(), jnp.array(0)
THREAT = Linf(0.3)
IMAGES = jnp.stack([image(i) for i in range(4)])
LABELS = jnp.array([0, 1, 2, 0])


def noisy(key, x):
    return bent_classifier()(noise.gaussian(key, x, 0.1))


JUDGE = Partial(classify.each, model=Partial(noisy), draws=jnp.arange(5))
BOUND = {"model": JUDGE, "threat": THREAT, "step_sizes": jnp.full(6, 0.25)}
PATH = Partial(pgd_attack.pgd_path, **BOUND)


def judged(key, x, label):
    """The expected loss under the judge's own key, half of the attack's."""
    k_judge = jax.random.split(key)[1]
    return classify.cross_entropy(JUDGE(k_judge, x), label)


def attack_key(key):
    return jax.random.split(key)[0]


def test_choose_keeps_the_candidate_of_highest_loss():
    candidates = jnp.stack([image(i) for i in range(5)])
    for loss in (classify.cross_entropy, classify.margin):
        found, losses = choose(KEY, candidates, LABEL, JUDGE, loss=Partial(loss))
        expected = [loss(JUDGE(KEY, x), LABEL) for x in candidates]
        np.testing.assert_allclose(losses, expected, rtol=1e-4)
        np.testing.assert_array_equal(found, candidates[np.argmax(expected)])


def shaky(key, x):
    """Logits of one number: not a number for -1, infinite for -2."""
    value = jnp.where(x == -1, jnp.nan, jnp.where(x == -2, jnp.inf, -x))
    return jnp.stack([value, 0 * x])


@pytest.mark.parametrize("bad", [-1.0, -2.0])
def test_a_loss_that_is_not_finite_is_never_chosen(bad):
    loss = Partial(lambda logits, label: logits[0])
    candidates = jnp.array([3.0, bad, 1.0, 2.0])
    found, _ = choose(KEY, candidates, LABEL, shaky, loss=loss)
    assert found == 1.0
    found, _ = choose(KEY, jnp.array([bad, bad]), LABEL, shaky, loss=loss)
    assert found == bad


@jax.jit
def compare_iterates(key, x, label):
    """Judged loss of the chosen iterate and of every iterate."""
    every = jnp.arange(7)
    best = selection.best_iterate(key, x, label, PATH, JUDGE, every)
    iterates = PATH(attack_key(key), x, label)
    losses = jax.lax.map(lambda y: judged(key, y, label), iterates)
    return judged(key, best, label), losses


def test_the_best_iterate_is_never_worse_than_the_last():
    best, losses = jax.vmap(compare_iterates, (None, 0, 0))(KEY, IMAGES, LABELS)
    np.testing.assert_allclose(best, losses.max(axis=1), rtol=1e-4)
    last = losses[:, -1]
    assert (best >= last - 1e-5).all()
    assert (best > last + 1e-3).any(), "some path is to end below its best"


@pytest.mark.parametrize("candidates", [[-1], [2], [0, 3]])
def test_only_the_iterates_named_are_candidates(candidates):
    find = jax.jit(selection.best_iterate)
    found = find(KEY, X, LABEL, PATH, JUDGE, jnp.array(candidates))
    iterates = jax.jit(PATH)(attack_key(KEY), X, LABEL)
    distances = jnp.array([jnp.abs(found - iterates[c]).max() for c in candidates])
    assert distances.min() < 1e-6


RESTART = Partial(attack.pgd, **BOUND)


@jax.jit
def compare_restarts(key, x, label):
    restarts = jnp.array([0, 1, 5])
    best = attack.best_of_restarts(key, x, label, RESTART, JUDGE, restarts)
    each = jax.lax.map(
        lambda r: RESTART(jax.random.fold_in(attack_key(key), r), x, label), restarts
    )
    losses = jax.lax.map(lambda y: judged(key, y, label), each)
    return judged(key, best, label), losses


def test_the_best_restart_is_never_worse_than_any():
    best, losses = jax.vmap(compare_restarts, (None, 0, 0))(KEY, IMAGES, LABELS)
    np.testing.assert_allclose(best, losses.max(axis=1), rtol=1e-4)
    assert (losses.max(axis=1) > losses[:, 0] + 1e-4).any()


def test_restarts_are_judged_by_the_loss_asked_for():
    """By a loss that climbs with the mean, the brightest restart wins."""
    start = Partial(lambda key, x, label: x + jax.random.normal(key))
    brightness = Partial(lambda key, x: jnp.mean(x)[None])
    loss = Partial(lambda logits, label: logits[0])
    restarts = jnp.arange(4)
    found = attack.best_of_restarts(
        KEY, X, LABEL, start, brightness, restarts, loss=loss
    )
    shifts = [
        jax.random.normal(jax.random.fold_in(attack_key(KEY), r)) for r in range(4)
    ]
    np.testing.assert_allclose(found, X + max(shifts), rtol=1e-5)


def test_attack_judge_and_evaluation_draw_different_keys():
    """The candidates are climbed, judged and later evaluated on disjoint keys."""
    used = {}

    def record(role, key):
        with jax.ensure_compile_time_eval():
            used.setdefault(role, []).append(tuple(jax.random.key_data(key).tolist()))

    def path(key, x, label):
        record("attack", key)
        return jnp.stack([x, x])

    def judge(key, x):
        record("judge", key)
        return jnp.zeros(3)

    k_attack, k_evaluate = jax.random.split(KEY)
    record("evaluation", k_evaluate)
    selection.best_iterate(k_attack, X, LABEL, path, judge, jnp.arange(2))
    keys = [key for role in used.values() for key in set(role)]
    assert used.keys() == {"attack", "judge", "evaluation"}
    assert len(set(keys)) == len(keys) == 3
    assert tuple(jax.random.key_data(k_attack).tolist()) not in keys


def test_restarts_draw_different_keys_and_share_the_judge():
    def restart(key, x, label):
        return jnp.full_like(x, jax.random.uniform(key))

    def judge(key, x):
        return jnp.stack([jax.random.uniform(key) + 0 * jnp.sum(x), jnp.sum(x)])

    k_attack, k_judge = jax.random.split(KEY)
    restarts = jnp.arange(4)
    found = [jax.random.uniform(jax.random.fold_in(k_attack, r)) for r in range(4)]
    assert len({float(f) for f in found}) == 4
    assert not np.isclose(found, jax.random.uniform(k_judge)).any()
    best = attack.best_of_restarts(KEY, X, LABEL, restart, judge, restarts)
    np.testing.assert_allclose(best, max(found), rtol=1e-6)


def test_choice_maps_over_a_batch():
    fn = Partial(
        selection.best_iterate, path=PATH, judge=JUDGE, candidates=jnp.array([2, -1])
    )
    found = jax.jit(purifax.batched(fn))(KEY, IMAGES, LABELS)
    alone = jax.jit(fn)(jax.random.fold_in(KEY, 1), IMAGES[1], LABELS[1])
    np.testing.assert_allclose(found[1], alone, atol=1e-5)
