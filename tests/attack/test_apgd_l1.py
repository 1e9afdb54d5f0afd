"""Auto-PGD for L1: against the published rule, exact optima, shrinking balls."""

import functools

import jax
import numpy as np
import pytest
from apgd_l1_port import nearest, published_l1
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import bent_classifier, image, weights

from purifax import attack, classify
from purifax.attack import apgd_l1_attack, windows
from purifax.attack.apgd_l1_attack import apgd_l1_shrinking
from purifax.threat import L1

KEY = jax.random.key(5)
LABEL = jnp.array(0)
LARGE = (6, 5, 2)
A = np.random.default_rng(3).normal(size=LARGE)
B = np.random.default_rng(4).normal(size=LARGE)


def wave(x, np=np):
    return np.sum(A * np.sin(7 * x)) + 3 * np.sin(np.sum(B * x))


def wave_slope(x):
    return 7 * A * np.cos(7 * x) + 3 * B * np.cos(np.sum(B * x))


def wave_model(key, x):
    return wave(x, jnp)[None]


def only_logit(logits, label):
    return logits[0]


def large_image(seed):
    return 0.1 + 0.8 * np.random.default_rng(seed).random(LARGE)


def from_point(key, x, threat, point):
    return point


@functools.partial(jax.jit, static_argnames=("verb", "loss"))
def compiled(verb, key, x, label, model, threat, *schedule, loss=None, **more):
    loss = more.pop("towards", loss)
    more = more if loss is None else {**more, "loss": loss}
    return verb(key, x, label, model, threat, *schedule, **more)


def run(verb, x, threat, *schedule, key=KEY, model=None, **more):
    model = Partial(wave_model) if model is None else model
    return compiled(verb, key, x, LABEL, model, threat, *schedule, **more)


def test_iterates_losses_and_steps_follow_the_published_rule(float64):
    seen, threat, iterations = set(), L1(1.5), 75
    for seed in (0, 1):
        x = large_image(seed)
        first = nearest(x + np.random.default_rng(50 + seed).normal(size=LARGE), x, 1.5)
        images, losses, steps, causes = published_l1(
            x, first, 1.5, iterations, wave, wave_slope
        )
        found = run(
            *(apgd_l1_attack.apgd_l1_trace, jnp.asarray(x), threat),
            windows.apgd_l1_checkpoints(iterations),
            loss=only_logit,
            start=Partial(from_point, point=jnp.asarray(first)),
        )
        np.testing.assert_allclose(found.step_sizes, steps, rtol=1e-9)
        np.testing.assert_allclose(found.losses, losses, atol=1e-7)
        np.testing.assert_allclose(found.images, images, atol=1e-8)
        seen.update(causes)
    assert seen == {"sparser", "slower"}, "choose images on which both happen"
    assert steps.min() == 0.15, "choose a run in which the step reaches its least"


def test_shrinking_balls_are_three_runs_one_after_the_other(float64):
    x, iterations = large_image(2), 40
    first = x + np.random.default_rng(60).normal(size=LARGE)
    here, parts = first, []
    for radius, count in ((4.5, 12), (3.0, 12), (1.5, 16)):
        here = nearest(here, x, radius)
        changed = np.count_nonzero(here != x)
        images, losses, _, _ = published_l1(
            *(x, here, radius, count, wave, wave_slope),
            share=changed / x.size / 1.5,
            changed=changed,
        )
        here = images[losses.argmax()]
        parts.append(losses)
    checkpoints, radii = windows.shrinking_radii(iterations)
    assert radii.tolist() == [3.0] * 13 + [2.0] * 13 + [1.0] * 16
    found = run(
        *(
            apgd_l1_shrinking,
            jnp.asarray(x),
            L1(1.5),
            checkpoints,
            radii,
        ),
        loss=only_logit,
        start=Partial(from_point, point=jnp.asarray(first)),
    )
    np.testing.assert_allclose(found, here, atol=1e-8)
    assert parts[0].max() > parts[2].max(), "a larger ball holds more"


def test_the_windows_and_balls_are_the_published_ones():
    places = np.flatnonzero(windows.apgd_l1_checkpoints(100)) + 1
    np.testing.assert_array_equal(places, np.arange(4, 101, 4))
    assert windows.apgd_l1_checkpoints(20).all()
    checkpoints, radii = windows.shrinking_radii(100)
    assert checkpoints.shape == radii.shape == (102,)
    assert np.bincount(radii.astype(int)).tolist() == [0, 40, 31, 31]
    np.testing.assert_array_equal(np.flatnonzero(~checkpoints), [30, 61])


def linear_model(key, x, w):
    return jnp.stack([jnp.vdot(w, x), jnp.array(0.0)])


LINEAR = Partial(linear_model, w=weights()[0])


@pytest.mark.parametrize("verb", [attack.apgd_l1, apgd_l1_shrinking])
def test_a_linear_model_is_all_but_solved(verb):
    """The optimum uses up the steepest pixels one by one."""
    x, w, radius = np.asarray(image()), np.asarray(weights()[0]), 2.5
    room = np.where(w > 0, x, 1 - x).ravel()
    order = np.argsort(-np.abs(w).ravel())
    spent = np.minimum(np.cumsum(room[order]), radius)
    best = np.sum(np.abs(w).ravel()[order] * np.diff(spent, prepend=0.0))
    schedule = (
        (windows.apgd_l1_checkpoints(100),)
        if verb is attack.apgd_l1
        else windows.shrinking_radii(100)
    )
    found = np.asarray(run(verb, image(), L1(radius), *schedule, model=LINEAR))
    gain = np.vdot(w, x - found)
    assert 0.97 * best < gain <= best * (1 + 1e-5)
    assert np.abs(found - x).sum() <= radius * (1 + 1e-6)


def noisy_model(key, x):
    return bent_classifier()(x + 0.3 * jax.random.normal(key, x.shape))


def test_a_random_model_is_judged_by_the_mean_and_kept_by_the_margin():
    model = Partial(classify.each, model=Partial(noisy_model), draws=jnp.arange(4))
    checkpoints = windows.apgd_l1_checkpoints(5)
    keep = {"keep": Partial(classify.margin)}
    trace = run(
        apgd_l1_attack.apgd_l1_trace, image(), L1(1.0), checkpoints, model=model, **keep
    )
    k_steps = jax.random.split(KEY)[1]
    for i, x in enumerate(trace.images):
        logits = model(jax.random.fold_in(k_steps, i), x)
        loss = classify.cross_entropy(logits, LABEL)
        score = classify.margin(logits, LABEL)
        np.testing.assert_allclose(trace.losses[i], loss, rtol=1e-4)
        np.testing.assert_allclose(trace.scores[i], score, rtol=1e-4)
    found = run(attack.apgd_l1, image(), L1(1.0), checkpoints, model=model, **keep)
    np.testing.assert_allclose(found, trace.images[trace.scores.argmax()], atol=1e-6)


def test_targets_climb_in_l1_too():
    model = Partial(noisy_free)
    found = run(
        *(attack.apgd_targeted, image(), L1(1.5), windows.apgd_l1_checkpoints(8)),
        *(model, jnp.arange(2)),
        model=model,
        climb=Partial(attack.apgd_l1),
        towards=Partial(classify.targeted_margin),
        keep=Partial(classify.margin),
    )
    assert L1(1.5).distance(found, image()) <= 1.5 * (1 + 1e-6)
    before, after = (
        classify.margin(bent_classifier()(x), LABEL) for x in (image(), found)
    )
    assert after > before + 0.1


def noisy_free(key, x):
    return bent_classifier()(x)


def test_the_start_is_sparse_and_at_the_radius():
    grey = jnp.full((8, 8, 2), 0.5)
    starts = [attack.at_surface(k, grey, L1(2.0)) for k in jax.random.split(KEY, 4)]
    for y in starts:
        np.testing.assert_allclose(jnp.abs(y - grey).sum(), 2.0, rtol=1e-5)
        assert jnp.sum(y != grey) < 20
    assert not np.allclose(starts[0], starts[1])
