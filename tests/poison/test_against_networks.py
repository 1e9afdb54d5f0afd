"""Poisons against a given network: known optima of linear models, budgets, keys."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, bent_classifier, weights

from purifax import poison
from purifax.classify import cross_entropy, undefended
from purifax.poison import badnets, em, hypo, label_consistent, sep, shifts, tap
from purifax.poison.budget import Outside
from purifax.threat import L2, Linf

pytestmark = pytest.mark.usefixtures("unoptimised")
KEY = jax.random.key(90)
GREY = 0.3 + 0.4 * jax.random.uniform(jax.random.key(91), SHAPE)
ROWS = weights()
W = ROWS[0] - ROWS[1]
EPS = 8 / 255
STEPS = jnp.full(12, EPS / 5)
ONE, LABEL = jnp.array([0]), jnp.array(0)
BENT = Partial(undefended, classifier=bent_classifier())


def _linear(key, x, w):
    del key
    return jnp.tensordot(w, x, axes=x.ndim)


LINEAR = Partial(_linear, w=ROWS)
TWO = Partial(_linear, w=ROWS[:2])


@jax.jit
def run(maker, key, x, label, *more):
    return maker(key, x, label, *more)


craft = jax.jit(poison.craft, static_argnames=("name", "chunk"))


def bound(verb, model, threat=None, step_sizes=STEPS, **more):
    threat = threat or Linf(EPS)
    return Partial(verb, model=model, threat=threat, step_sizes=step_sizes, **more)


def loss_of(model, x, label):
    return float(cross_entropy(model(KEY, x), jnp.array(label)))


@pytest.mark.parametrize("name", ["targeted_adversarial", "untargeted_adversarial"])
def test_tap_raises_the_loss_of_a_linear_model_by_all_there_is(name):
    """Of two classes: the margin falls by exactly eps |w|_1."""
    fn = bound(getattr(tap, name), TWO, restarts=jnp.arange(2))
    delta = run(fn, KEY, GREY, jnp.array(0))
    np.testing.assert_allclose(delta, -EPS * jnp.sign(W), atol=1e-6)
    margin = float(jnp.vdot(W, GREY)) - EPS * float(jnp.abs(W).sum())
    np.testing.assert_allclose(
        loss_of(TWO, GREY + delta, 0), np.log1p(np.exp(-margin)), rtol=1e-4
    )


@pytest.mark.parametrize("shift", [1, 2])
def test_the_target_is_shifted_around_the_end(shift):
    label, w = 2, np.zeros_like(ROWS)
    w[(label + shift) % 3] = ROWS[0]
    fn = bound(hypo.mislead, Partial(_linear, w=jnp.asarray(w)), shift=shift)
    delta = run(fn, KEY, GREY, jnp.array(label))
    np.testing.assert_allclose(delta, EPS * jnp.sign(ROWS[0]), atol=1e-6)
    fn = bound(hypo.mislead, Partial(_linear, w=jnp.asarray(w)), shift=3 - shift)
    delta = run(fn, KEY, GREY, jnp.array(label))
    np.testing.assert_allclose(delta, -EPS * jnp.sign(ROWS[0]), atol=1e-6)


def test_mislead_takes_l2_steps_along_the_gradient():
    fn = bound(hypo.mislead, TWO, L2(0.5), jnp.full(12, 0.1))
    delta = run(fn, KEY, GREY, jnp.array(0))
    np.testing.assert_allclose(delta, -0.5 * W / jnp.linalg.norm(W.ravel()), atol=1e-5)


def test_error_minimising_noise_of_a_linear_model_is_known():
    """delta = -min(T alpha, eps) sign(gradient), from zero and from there again."""
    for label, sign in ((0, 1.0), (1, -1.0)):
        fn = bound(em.error_minimising, TWO, step_sizes=jnp.full(3, EPS / 5))
        delta = run(fn, KEY, GREY, jnp.array(label), 0 * GREY)
        np.testing.assert_allclose(delta, sign * 0.6 * EPS * jnp.sign(W), atol=1e-6)
        delta = run(fn, KEY, GREY, jnp.array(label), delta)
        np.testing.assert_allclose(delta, sign * EPS * jnp.sign(W), atol=1e-6)


def test_hypo_is_error_minimising_noise_from_zero():
    label = jnp.array(1)
    one = run(bound(hypo.hypocritical, BENT), KEY, GREY, label)
    other = run(bound(em.error_minimising, BENT), KEY, GREY, label, 0 * GREY)
    np.testing.assert_array_equal(one, other)
    assert loss_of(BENT, GREY + one, 1) < loss_of(BENT, GREY, 1) - 0.05


def test_noise_against_a_model_stays_in_the_box():
    dark = jnp.zeros(SHAPE)
    delta = run(bound(hypo.hypocritical, TWO), KEY, dark, jnp.array(0))
    np.testing.assert_allclose(delta, EPS * (W > 0), atol=1e-6)


def test_the_best_of_the_restarts_is_kept():
    fn = bound(tap.targeted_adversarial, BENT, step_sizes=jnp.zeros(1))
    tries = [
        run(Partial(fn, restarts=jnp.array([r])), KEY, GREY, LABEL) for r in range(4)
    ]
    losses = [loss_of(BENT, GREY + delta, 1) for delta in tries]
    kept = run(Partial(fn, restarts=jnp.arange(4)), KEY, GREY, LABEL)
    np.testing.assert_allclose(kept, tries[int(np.argmin(losses))], atol=1e-7)
    assert np.ptp(losses) > 1e-3 and np.argmin(losses) != 0


def test_crafted_noise_keeps_its_budget_in_eight_bits():
    images = np.random.default_rng(6).integers(0, 256, (5, *SHAPE), dtype=np.uint8)
    labels = np.array([0, 1, 2, 0, 1])
    seen = Partial(shifts.jittered, model=BENT, largest=1.0)
    fn = bound(tap.targeted_adversarial, seen, restarts=jnp.arange(2))
    index = jnp.array([0, 2, 3])
    given = craft(KEY, images, labels, index, fn, Linf(EPS), name="tap")
    np.testing.assert_allclose(poison.verify(images, given), EPS, rtol=1e-5)
    made = poison.inject(images, labels, given)[0]
    assert np.abs(np.asarray(made, int) - images).max() == 8


def test_self_ensemble_descends_the_mean_loss():
    models = [Partial(_linear, w=w) for w in (ROWS, 3 * ROWS[::-1])]
    maker = Partial(
        sep.self_ensemble, models=models, threat=Linf(EPS), step_sizes=STEPS[:4]
    )
    delta = run(Partial(maker, shift=1), KEY, GREY, jnp.array(0))

    @jax.jit
    @jax.grad
    def slope(x):
        return sum(cross_entropy(m(KEY, x), jnp.array(1)) for m in models)

    x = GREY
    for step in STEPS[:4]:
        x = jnp.clip(x - step * jnp.sign(slope(x)), GREY - EPS, GREY + EPS)
    np.testing.assert_allclose(delta, x - GREY, atol=1e-6)
    assert sep.together(KEY, GREY, models).shape == (2, 3)


def _feature(key, x, w):
    del key
    return jnp.tensordot(w, x, axes=x.ndim)[None]


OFF = [Partial(_feature, w=W), Partial(_feature, w=-W)]
HEIGHT = float(jnp.vdot(W, GREY))
# The class wanted is above for the first checkpoint; the second sees all with a minus.
MEANS = jnp.array([[0.0, HEIGHT + 3, 0.0], [0.0, -HEIGHT - 2, 0.0]])[:, :, None]


@pytest.mark.parametrize("visits", [None, 3])
def test_features_are_taken_to_the_means_of_each_checkpoint(visits):
    bound = {"extractors": OFF, "centroids": MEANS, "threat": Linf(EPS), "shift": 2}
    verb = Partial(sep.self_ensemble_features, step_sizes=STEPS, **bound)
    if visits:
        more = {"step_sizes": STEPS[:4] * 2, "visits": jnp.full(visits, EPS / 3)}
        verb = Partial(sep.self_ensemble_reduced, **bound, **more)
    delta = run(verb, KEY, GREY, jnp.array(2))
    np.testing.assert_allclose(delta, EPS * jnp.sign(W), atol=1e-6)


def test_variance_reduction_keeps_the_mean_of_equal_slopes():
    """Of linear features at a distance, every visit adds about the whole mean."""
    far = MEANS + jnp.array([4.0, 1.0])[:, None, None] * 100
    args = {"extractors": OFF, "centroids": far, "threat": Linf(EPS), "shift": 2}
    more = {"step_sizes": STEPS[:4] * 2, "visits": jnp.full(3, EPS / 3)}
    verb = Partial(sep.self_ensemble_reduced, **args, **more)
    delta = run(verb, KEY, GREY, jnp.array(2))
    # 400 up for the first outweighs 100 down for the second, whichever are visited.
    np.testing.assert_allclose(delta, EPS * jnp.sign(W), atol=1e-6)


def _noisy(key, x):
    return bent_classifier()(x + 0.2 * jax.random.normal(key, x.shape))


BATCH = jax.random.uniform(jax.random.key(92), (5, *SHAPE))
CLASSES = jnp.array([0, 2, 2, 0, 2])
PATTERNS = 0.02 * jax.random.normal(jax.random.key(93), (3, *SHAPE)).clip(-1, 1)


@jax.jit
def by_class(key, images, labels, index):
    args = (key, images, labels, PATTERNS, Partial(_noisy), Linf(EPS), 0.01)
    return em.error_minimising_by_class(*args, index=index)


def test_class_wise_noise_is_the_mean_of_its_images_steps():
    index = jnp.array([3, 4, 8, 9, 11])
    got = by_class(KEY, BATCH, CLASSES, index)
    want = {0: [], 2: []}
    for x, label, i in zip(BATCH, CLASSES, index, strict=True):
        key, delta = jax.random.fold_in(KEY, i), PATTERNS[label]
        slope = jax.grad(lambda y, k=key, t=label: cross_entropy(_noisy(k, y), t))
        g = slope(jnp.clip(x + delta, 0, 1))
        want[int(label)].append(jnp.clip(delta - 0.01 * jnp.sign(g), -EPS, EPS))
    for label, moved in want.items():
        np.testing.assert_allclose(got[label], np.mean(moved, axis=0), atol=1e-6)
    np.testing.assert_array_equal(got[1], PATTERNS[1])
    turned = jnp.array([4, 2, 0, 1, 3])
    other = by_class(KEY, BATCH[turned], CLASSES[turned], index[turned])
    np.testing.assert_allclose(other, got, atol=1e-6)


@pytest.mark.parametrize("threat", [Linf(0.05), L2(0.3)], ids=["linf", "l2"])
def test_universal_noise_follows_the_mean_gradient(threat):
    images, pattern = 0.25 + 0.5 * BATCH, jnp.zeros(SHAPE)
    step = jax.jit(hypo.universal_step)
    for _ in range(6):
        pattern = step(KEY, images, pattern, jnp.array(0), TWO, threat, 0.1)
    direction = jnp.sign(W) if isinstance(threat, Linf) else W / jnp.linalg.norm(W)
    np.testing.assert_allclose(pattern, threat.radius * direction, atol=1e-5)


def test_shifts_by_whole_and_half_pixels():
    x = np.asarray(BATCH[0])
    want = np.zeros_like(x)
    want[:3, 1:] = x[1:, :3]
    np.testing.assert_allclose(shifts.shifted(x, jnp.array([1.0, -1.0])), want)
    half = shifts.shifted(x, jnp.array([0.5, 0.0]))
    np.testing.assert_allclose(half[:3], (x[1:] + x[:3]) / 2, atol=1e-6)
    np.testing.assert_allclose(half[3], x[3] / 2, atol=1e-6)


def test_jitter_flips_half_of_the_time_and_stays_near():
    keys = jax.random.split(KEY, 64)
    still = jax.vmap(lambda k: shifts.jitter(k, BATCH[0], largest=0.0))(keys)
    mirrored = np.abs(still - BATCH[0, :, ::-1][None]).max((1, 2, 3)) < 1e-6
    assert 16 < mirrored.sum() < 48  # four standard errors
    np.testing.assert_allclose(still[~mirrored][0], BATCH[0], atol=1e-6)
    moved = jax.vmap(lambda k: shifts.jitter(k, jnp.ones(SHAPE), largest=1.0))(keys)
    assert (moved[:, 1:3, 1:3] > 1 - 1e-6).all() and moved.min() < 0.1


def test_a_label_consistent_trigger_is_on_top_of_the_noise():
    patch, mask = badnets.checker(SHAPE)
    mark = Partial(badnets.stamp, patch=patch, mask=mask)
    maker = Partial(bound(label_consistent.hardened_trigger, TWO), trigger=mark)
    images = np.asarray(255 * GREY, np.uint8)[None]
    budget = Outside(Linf(EPS), mask)
    args = (KEY, images, [0], ONE, maker, budget)
    given = craft(*args, name="label_consistent")
    np.testing.assert_allclose(poison.verify(images, given), EPS, rtol=1e-5)
    made = np.asarray(poison.inject(images, [0], given)[0][0], int)
    np.testing.assert_array_equal(made[mask], np.asarray(255 * patch)[mask])
    noise = images[0].astype(int) - 8 * np.asarray(jnp.sign(W), int)
    np.testing.assert_array_equal(made[~mask], noise[~mask])
