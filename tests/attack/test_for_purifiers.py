"""Attacks made for purifiers, on worlds where their answer is known."""

import jax
import numpy as np
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import attack, classify
from purifax.attack import diffattack, diffhammer, diffhammer_steps, fixed_key_attack
from purifax.attack.diffhammer_steps import graft
from purifax.threat import L2, Linf

KEY = jax.random.key(17)
SHAPE = (3, 3, 1)
X = jnp.full(SHAPE, 0.5)
LABEL = jnp.array(0)
W = jnp.linspace(-1.0, 1.4, 9).reshape(SHAPE)
R = 0.125


def two_class(x, w=W, bias=0.4):
    """Right (class 0) where w (x - 1/2) + bias > 0."""
    return jnp.stack([jnp.sum(w * (x - 0.5)) + bias, jnp.zeros(())])


def noised(key, x, sigma=0.5):
    return x + sigma * jax.random.normal(key, x.shape, x.dtype)


DEFENCE = Partial(
    classify.defend, purifier=Partial(noised), classifier=Partial(two_class)
)
PGD = Partial(attack.pgd, threat=Linf(R), step_sizes=jnp.full(4, R))


@jax.jit
def run(fn, *args):
    return fn(*args)


def test_a_known_model_draws_the_same_noise_whatever_the_key():
    told = fixed_key_attack.known(DEFENCE, jax.random.key(5))
    for k in (1, 2):
        found = run(told, jax.random.key(k), X)
        np.testing.assert_array_equal(found, run(DEFENCE, jax.random.key(5), X))
    loud = fixed_key_attack.known(DEFENCE, jax.random.key(5))(KEY, X, sigma=0.0)
    np.testing.assert_allclose(loud, two_class(X), rtol=1e-6)


def test_the_fixed_key_attack_breaks_exactly_the_keys_it_can():
    """A linear margin under known noise falls by R |w|_1, no more and no less."""
    answers = jnp.arange(40)
    secret = jax.random.key(3)
    bound = Partial(
        attack.fixed_key, secret=secret, attack=PGD, model=DEFENCE, answers=answers
    )
    found, logits = run(bound, KEY, X, LABEL)
    keys = jax.vmap(lambda m: jax.random.fold_in(secret, m))(answers)
    before = jax.vmap(lambda k: DEFENCE(k, X)[0])(keys)
    after = before - R * jnp.sum(jnp.abs(W))
    np.testing.assert_allclose(logits[:, 0], after, rtol=1e-4, atol=1e-5)
    assert 0 < (before > 0).sum() > (after > 0).sum() > 0
    for m in (0, 7):
        np.testing.assert_allclose(logits[m], DEFENCE(keys[m], found[m]), rtol=1e-5)


def test_the_attack_sees_all_the_draws_that_answer():
    """Two runs pooled: what the attack is told is what is answered in the end."""
    pooled = Partial(classify.mean_logits, model=DEFENCE, draws=jnp.arange(2))

    def undo(key, x, label, model):
        return x - (model(key, x)[0] / jnp.sum(jnp.square(W))) * W

    secret = jax.random.key(3)
    _, logits = attack.fixed_key(KEY, X, LABEL, secret, undo, pooled, jnp.arange(2))
    np.testing.assert_allclose(logits[:, 0], 0.0, atol=1e-5)
    assert abs(pooled(jax.random.fold_in(secret, 0), X)[0]) > 0.05


def walk(key, x):
    """A path of two steps with noise, x + t z, that triples the image."""
    z = jax.random.normal(key, x.shape, x.dtype)
    return jnp.stack([x + z, 2 * x + 2 * z, 3 * x + 3 * z])


def test_the_deviation_is_the_mean_distance_of_the_chosen_steps():
    a, b = jnp.zeros((3, 2)), jnp.array([[3.0, 4.0], [6.0, 8.0], [0.0, 1.0]])
    for steps, mean in (([0], 5.0), ([0, 1], 7.5), ([1, 2], 5.5)):
        found = diffattack.deviation(a, b, jnp.array(steps))
        np.testing.assert_allclose(found, mean, rtol=1e-6)
    flat = jax.grad(lambda v: diffattack.deviation(v, a, jnp.array([0])))(a)
    np.testing.assert_array_equal(flat, 0.0)


def test_the_reference_is_the_clean_path_under_the_same_noise():
    """The noise cancels: what is left is the perturbation, t times over."""
    delta = 0.1 * W
    reference = Partial(diffattack.along_clean, path=Partial(walk), clean=X)
    logits, gap = diffattack.followed(
        KEY, X + delta, walk, reference, two_class, jnp.array([0, 2])
    )
    np.testing.assert_allclose(gap, 2 * jnp.linalg.norm(delta), rtol=1e-5)
    np.testing.assert_allclose(logits, two_class(walk(KEY, X + delta)[-1]), rtol=1e-6)


def deviate(weight, classifier=two_class, **more):
    bound = {
        "path": Partial(walk),
        "classifier": Partial(classifier),
        "threat": Linf(R),
        "step_sizes": jnp.full(3, 0.05),
        "steps": jnp.array([1, 2]),
        "draws": jnp.arange(2),
        "weight": weight,
    }
    return Partial(attack.deviate, **bound | more)


def test_without_weight_it_is_pgd_and_the_weight_adds_the_deviation():
    def purified(key, x):
        return walk(key, x)[-1]

    model = Partial(
        classify.defend, purifier=Partial(purified), classifier=Partial(two_class)
    )
    seen = Partial(classify.each, model=model, draws=jnp.arange(2))
    plain = Partial(
        attack.pgd, model=seen, threat=Linf(R), step_sizes=jnp.full(3, 0.05)
    )
    found = run(deviate(0.0), KEY, X, LABEL)
    np.testing.assert_allclose(found, run(plain, KEY, X, LABEL), atol=1e-7)
    pair = jnp.zeros((2, 2)), jnp.array([1.0, 3.0])
    total = diffattack.deviated(pair, LABEL, weight=0.25)
    np.testing.assert_allclose(total, np.log(2) + 0.5, rtol=1e-6)


def test_a_blind_classifier_is_attacked_by_the_deviation_alone():
    """Every pixel goes on to the side it started on, as far as it may."""

    def blind(x):
        return jnp.zeros(2) * jnp.sum(x)

    found = run(deviate(1.0, blind), KEY, X, LABEL)
    np.testing.assert_allclose(jnp.abs(found - X), R, rtol=1e-5)
    start = Linf(R).start(jax.random.split(KEY)[0], X)
    np.testing.assert_array_equal(jnp.sign(found - X), jnp.sign(start - X))


@jax.custom_jvp
def rounded(x):
    """x, that comes out a little larger where a derivative is computed with it."""
    return x


@rounded.defjvp
def _rounded_otherwise(values, tangents):
    return (1.0 + 3e-7) * values[0], tangents[0]


def test_a_first_step_from_the_image_does_not_follow_rounding():
    """The same path twice, compiled otherwise: a distance of rounding, and no more."""
    image = Partial(attack.at_image)
    path = Partial(lambda key, x: walk(key, rounded(x)))
    still = deviate(1.0, lambda x: jnp.zeros(2) * jnp.sum(x), start=image, path=path)
    np.testing.assert_array_equal(run(still, KEY, X, LABEL), X)
    one = {"start": image, "step_sizes": jnp.full(1, 0.05)}
    led = run(deviate(1e6, path=path, **one), KEY, X, LABEL)
    np.testing.assert_array_equal(led, run(deviate(0.0, **one), KEY, X, LABEL))


def written_out(losses, slopes, radius, sharpness):
    """The E and M steps for Linf, in numpy and loops."""
    n = len(losses)

    def after(r, j):
        return losses[j] + radius * np.sum(np.sign(r) * slopes[j])

    def elu(v):
        return v if v > 0 else np.expm1(v)

    promise = [sum(elu(after(slopes[s], j)) for j in range(n)) for s in range(n)]
    r = slopes[int(np.argmax(promise))]
    for _ in range(5):
        w = [1 / (1 + np.exp(-sharpness * after(r, j))) for j in range(n)]
        r = sum(a * g for a, g in zip(w, slopes, strict=True)) / sum(w)
    return int(np.argmax(promise)), np.array(w), r


def test_the_weights_are_those_of_the_steps_written_out(float64):
    rng = np.random.default_rng(4)
    losses, slopes = rng.normal(size=6), rng.normal(size=(6, *SHAPE))
    leader, weights, r = diffhammer_steps.shared(
        jnp.asarray(losses), jnp.asarray(slopes), Linf(0.3), sharpness=2.0
    )
    place, w, expected = written_out(losses, slopes, 0.3, 2.0)
    assert np.flatnonzero(leader).tolist() == [place]
    np.testing.assert_allclose(weights, w, rtol=1e-10)
    np.testing.assert_allclose(r, expected, rtol=1e-10)
    assert w.min() < 0.1 < 0.9 < w.max()


def test_the_l2_direction_is_the_unit_gradient(float64):
    slopes = jnp.array([[3.0, 4.0], [4.0, -3.0]])[..., None]
    leader, weights, _ = diffhammer_steps.shared(
        jnp.array([-1.0, -9.0]), slopes, L2(0.5)
    )
    assert leader.tolist() == [True, False]
    # Along (0.6, 0.8): -1 + 0.5 * 5 = 1.5 for the first draw, -9 + 0 for the second.
    np.testing.assert_allclose(weights, jax.nn.sigmoid(jnp.array([7.5, -45.0])))


def mirrored(key, x):
    """Two kinds of purification, by a fair coin: as it is, or mirrored about grey."""
    return 0.5 + jax.random.rademacher(key, (), x.dtype) * (x - 0.5)


def hammer(classifier=two_class, threat=None, draws=8, verb=attack.hammer, **more):
    return Partial(
        verb,
        purifier=Partial(mirrored),
        classifier=Partial(classifier),
        threat=threat or Linf(R),
        step_sizes=jnp.full(6, 0.1),
        draws=jnp.arange(draws),
        **more,
    )


def test_grafting_sends_the_shared_direction_back_through_the_leader():
    def signs(draws):
        keys = jax.vmap(lambda d: jax.random.fold_in(KEY, d))(jnp.arange(draws))
        return jax.vmap(lambda k: mirrored(k, X + 1.0)[0, 0, 0] - 0.5)(keys)

    slope = graft(KEY, X, LABEL, mirrored, two_class, Linf(R), jnp.arange(5))
    # All gradients at the purified images are -w, whatever the weights.
    np.testing.assert_allclose(slope, -signs(5)[0] * W, rtol=1e-5)
    assert len(set(jnp.sign(signs(5)).tolist())) == 2


def test_the_leader_is_of_the_group_that_gains_most():
    """Three draws as they are, one mirrored and first: its chain is not the one."""

    def hollow(x):
        v = jnp.sum(W * (x - 0.5))
        return jnp.stack([0.5 - v**2, jnp.zeros(())])

    keys = jax.vmap(lambda d: jax.random.fold_in(KEY, d))(jnp.arange(20))
    kept = np.asarray(jax.vmap(lambda k: mirrored(k, jnp.array(1.5)) > 0.5)(keys))
    draws = jnp.array([*np.flatnonzero(~kept)[:1], *np.flatnonzero(kept)[:3]])
    slope = graft(KEY, X + 0.1 * W, LABEL, mirrored, hollow, Linf(R), draws)
    np.testing.assert_array_equal(jnp.sign(slope), jnp.sign(W))


def curved(x):
    """Class 0 near grey alone: the two kinds fall on opposite sides."""
    v = jnp.sum(W * (x - 0.5))
    return jnp.stack([0.05 + v, jnp.zeros(())])


def test_a_group_is_broken_where_the_mean_gradient_is_torn():
    """Half of the draws fall to +w and half to -w; averaging both moves nowhere."""
    found = run(hammer(curved, memory=0.5), KEY, X, LABEL)
    reach = jnp.abs(jnp.sum(W * (found - X)))
    np.testing.assert_allclose(reach, R * jnp.sum(jnp.abs(W)), rtol=1e-4)


def test_the_slope_is_averaged_over_the_iterations():
    """One draw: its sign is a coin, and the steps follow the running mean of coins."""
    start = Partial(attack.at_image)
    path = run(hammer(draws=1, verb=diffhammer.hammer_path, start=start), KEY, X, LABEL)
    k_steps, mean, x = jax.random.split(KEY)[1], 0.0, np.zeros(SHAPE)
    coins = []
    for i in range(6):
        key_i = jax.random.fold_in(jax.random.fold_in(k_steps, i), 0)
        coins.append(float(mirrored(key_i, jnp.array(1.5)) - 0.5))
        newest = (i + 1.0) ** -0.5
        mean = newest * coins[-1] + (1 - newest) * mean
        x = np.clip(x - 0.1 * np.sign(mean) * np.sign(W), -R, R)
        np.testing.assert_allclose(path[i + 1] - X, x, atol=1e-6)
    assert len(set(coins)) == 2


def test_a_draw_that_is_not_a_number_does_not_spoil_the_others():
    def sometimes(key, x):
        return jnp.where(jax.random.bernoulli(key), jnp.nan, 1.0) * x

    slope = graft(KEY, X, LABEL, sometimes, two_class, Linf(R), jnp.arange(6))
    assert jnp.isfinite(slope).all() and jnp.abs(slope).max() > 0
