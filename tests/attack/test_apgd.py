"""Auto-PGD: against the published rule, exact optima, and what it must never do."""

import functools

import jax
import numpy as np
import pytest
from apgd_port import SMALL, published, wave, wave_slope
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, bent_classifier, image, weights

from purifax import attack, classify
from purifax.attack import apgd_attack, selection, windows
from purifax.threat import L2, Linf

KEY = jax.random.key(5)
LABEL = jnp.array(0)


def wave_model(key, x):
    return wave(x, jnp)[None]


def only_logit(logits, label):
    return logits[0]


def small_image(seed):
    return 0.2 + 0.6 * np.random.default_rng(seed).random(SMALL)


def wave_trace(x, threat, checkpoints, **more):
    return run_trace(
        KEY, x, LABEL, Partial(wave_model), threat, checkpoints, loss=only_logit, **more
    )


@functools.partial(jax.jit, static_argnames=("loss", "kind"))
def compiled_trace(key, x, label, model, threat, checkpoints, kind, **more):
    more = {"start": Partial(attack.at_image)} | more
    return apgd_attack.apgd_trace(key, x, label, model, threat, checkpoints, **more)


def run_trace(key, x, label, model, threat, checkpoints, **more):
    arguments = (key, x, label, model, threat, checkpoints)
    return compiled_trace(*arguments, kind=type(threat), **more)


@pytest.mark.parametrize(
    ("threat", "iterations", "seeds"),
    [(Linf(0.15), 20, (0, 8, 17)), (L2(0.5), 60, (0, 1, 30))],
    ids=["Linf", "L2"],
)
def test_iterates_losses_and_steps_follow_the_published_rule(
    threat, iterations, seeds, float64
):
    seen = set()
    for seed in seeds:
        x, norm = small_image(seed), type(threat).__name__
        images, losses, steps, causes = published(x, threat.radius, norm, iterations)
        checkpoints = windows.apgd_checkpoints(iterations)
        found = wave_trace(jnp.asarray(x), threat, checkpoints)
        np.testing.assert_allclose(found.step_sizes, steps, rtol=1e-12)
        np.testing.assert_allclose(found.losses, losses, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.images, images, atol=1e-8)
        seen.update(causes)
    assert seen == {"few", "stuck", "on"}, "choose images on which all happens"


def test_checkpoints_are_the_published_ones():
    def places(iterations):
        flags = np.asarray(windows.apgd_checkpoints(iterations))
        assert flags.shape == (iterations,) and flags.dtype == bool
        return (np.flatnonzero(flags) + 1).tolist()

    assert places(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert places(50) == [11, 21, 30, 38, 45]
    assert places(20) == [4, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
    assert places(10) == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert places(1) == [1] and places(0) == []


def linear_model(key, x, w):
    return jnp.stack([jnp.vdot(w, x), jnp.array(0.0)])


LINEAR = Partial(linear_model, w=weights()[0])


@functools.partial(jax.jit, static_argnames="kind")
def compiled(key, x, threat, checkpoints, kind):
    return attack.apgd(key, x, LABEL, LINEAR, threat, checkpoints)


def attacked(key, x, threat, checkpoints):
    return compiled(key, x, threat, checkpoints, kind=type(threat))


def test_a_linear_model_is_solved_exactly_in_linf():
    x, w = np.asarray(image()), np.asarray(weights()[0])
    for key in jax.random.split(KEY, 3):
        found = attacked(key, image(), Linf(0.07), windows.apgd_checkpoints(8))
        best = np.clip(x - 0.07 * np.sign(w), 0, 1)
        np.testing.assert_allclose(found, best, atol=1e-6)


def test_a_linear_model_is_solved_exactly_in_l2():
    x, w = jnp.full(SHAPE, 0.5), np.asarray(weights()[0])
    for key in jax.random.split(KEY, 3):
        found = attacked(key, x, L2(0.4), windows.apgd_checkpoints(40))
        best = 0.5 - 0.4 * w / np.linalg.norm(w)
        np.testing.assert_allclose(found, best, atol=2e-4)


def peak_model(key, x):
    return -jnp.abs(x.ravel() - 0.8)


def test_momentum_by_hand():
    """Peak at 0.8: 0.5 -> 0.9, back with a share of the last move, and on."""
    x, threat = jnp.full((1, 1, 1), 0.5), Linf(0.5)
    found = run_trace(
        *(KEY, x, LABEL, Partial(peak_model), threat, jnp.zeros(3, bool)),
        loss=only_logit,
        first_step=0.8,
    )
    np.testing.assert_allclose(found.images.ravel(), [0.5, 0.9, 0.7, 0.875], rtol=1e-6)
    np.testing.assert_allclose(found.step_sizes, 0.4, rtol=1e-6)
    still = run_trace(
        *(KEY, x, LABEL, Partial(peak_model), threat, jnp.zeros(3, bool)),
        loss=only_logit,
        first_step=0.8,
        weight=1.0,
    )
    np.testing.assert_allclose(still.images.ravel(), [0.5, 0.9, 0.5, 0.9], rtol=1e-6)


def test_after_a_halving_it_goes_on_from_the_best_image(float64):
    x, threat = jnp.asarray(small_image(0)), Linf(0.15)
    trace = wave_trace(x, threat, windows.apgd_checkpoints(40))
    images, losses, _, sizes = map(np.asarray, trace)
    halvings = np.flatnonzero(sizes[1:] < sizes[:-1]) + 1
    alone = [i for i in halvings if i - 1 not in halvings and i < len(sizes)]
    assert len(alone) >= 2
    for i in alone:
        best = images[losses[: i + 1].argmax()]
        z = threat.project(best + sizes[i] * np.sign(wave_slope(best)), x)
        momentum = 0.25 * (best - images[i - 1])
        after = threat.project(best + 0.75 * (np.asarray(z) - best) + momentum, x)
        np.testing.assert_allclose(images[i + 1], after, atol=1e-9)


@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.5)], ids=["Linf", "L2"])
def test_it_returns_the_best_of_its_iterates_never_worse_than_its_start(threat):
    for seed, key in enumerate(jax.random.split(KEY, 4)):
        x = jnp.asarray(small_image(seed), jnp.float32)
        arguments = (key, x, LABEL, Partial(wave_model), threat)
        more = {"loss": only_logit, "start": Partial(attack.at_surface)}
        checkpoints = windows.apgd_checkpoints(12)
        trace = run_trace(*arguments, checkpoints, **more)
        found = attack.apgd(*arguments, checkpoints, **more)
        np.testing.assert_allclose(wave(found, jnp), trace.losses.max(), rtol=1e-5)
        assert trace.losses.max() > trace.losses[0] + 0.1
        path = apgd_attack.apgd_path(*arguments, checkpoints, **more)
        np.testing.assert_allclose(path, trace.images, atol=1e-5)


def test_without_iterations_it_returns_its_start():
    found = attacked(KEY, image(), Linf(0.07), jnp.zeros(0, bool))
    start = attack.at_surface(jax.random.split(KEY)[0], image(), Linf(0.07))
    np.testing.assert_allclose(found, start, atol=1e-7)


def detour(key, x):
    """From 0.5 to 0.8 cross-entropy rises, while a wrong answer becomes right."""
    t = (jnp.mean(x) - 0.5) / 0.3
    return jnp.log(jnp.stack([0.45 - 0.11 * t, 0.5 - 0.17 * t, 0.05 + 0.28 * t]))


def test_a_wrong_answer_on_the_way_is_kept_by_the_margin():
    x, start = jnp.full((1, 1, 1), 0.5), Partial(attack.at_image)
    arguments = (KEY, x, LABEL, Partial(detour), Linf(0.3), jnp.zeros(3, bool))
    highest = attack.apgd(*arguments, start=start)
    kept = attack.apgd(*arguments, start=start, keep=Partial(classify.margin))
    np.testing.assert_allclose([highest.mean(), kept.mean()], [0.8, 0.5], atol=1e-6)
    assert classify.margin(detour(None, highest), LABEL) < 0
    assert classify.margin(detour(None, kept), LABEL) > 0


def noisy_model(key, x):
    return bent_classifier()(x + 0.3 * jax.random.normal(key, x.shape))


DRAWS = Partial(classify.each, model=Partial(noisy_model), draws=jnp.arange(5))


def test_an_iterate_is_judged_by_the_mean_over_the_draws_of_its_step():
    loss = classify.margin
    trace = run_trace(
        KEY, image(), LABEL, DRAWS, Linf(0.05), windows.apgd_checkpoints(3), loss=loss
    )
    k_steps = jax.random.split(KEY)[1]
    for i, x in enumerate(trace.images):
        logits = DRAWS(jax.random.fold_in(k_steps, i), x)
        each = [float(loss(row, LABEL)) for row in logits]
        np.testing.assert_allclose(trace.losses[i], np.mean(each), rtol=1e-4)
        assert np.ptp(each) > 1e-3


def broken_model(key, x):
    """Not a number beyond 0.6, nor its slope, where the loss would be highest."""
    value = (x + 0.0 * jnp.sqrt(0.6 - x)).ravel()
    return jnp.stack([jnp.zeros_like(value), value], axis=-1)


def test_what_is_not_finite_is_never_chosen_and_moves_nothing():
    x, threat = jnp.full((1, 1, 1), 0.5), Linf(0.3)
    trace = run_trace(
        *(KEY, x, LABEL, Partial(broken_model), threat, jnp.zeros(6, bool)),
        loss=classify.margin,
        first_step=0.25,
    )
    assert jnp.isfinite(trace.images).all() and jnp.isinf(trace.losses).any()
    found = attack.apgd(
        *(KEY, x, LABEL, Partial(broken_model), threat, windows.apgd_checkpoints(6)),
        loss=classify.margin,
        start=Partial(attack.at_image),
        first_step=0.25,
    )
    assert 0.57 < float(found.squeeze()) <= 0.6


@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.4)], ids=["Linf", "L2"])
def test_the_published_start_is_at_the_radius(threat):
    grey = jnp.full(SHAPE, 0.5)
    starts = [attack.at_surface(k, grey, threat) for k in jax.random.split(KEY, 8)]
    for y in starts:
        np.testing.assert_allclose(threat.distance(y, grey), threat.radius, rtol=1e-5)
        assert jnp.abs(y - grey).min() < 0.5 * jnp.abs(y - grey).max()
        assert (y > grey).any() and (y < grey).any()
    assert not np.allclose(starts[0], starts[1])
    for edge in (jnp.zeros(SHAPE), jnp.ones(SHAPE)):
        y = attack.at_surface(KEY, edge, threat)
        assert y.min() >= 0 and y.max() <= 1


def trap(key, x):
    """Class 1 leads and saturates; class 2 can win, class 3 cannot."""
    mean = jnp.mean(x) - 0.5
    lead = 0.1 * jnp.tanh(100 * mean) - 0.5
    zero = jnp.zeros_like(mean)
    return jnp.stack([zero, lead, -1.0 - 20 * mean, -2.0 + 0 * mean, -3 + zero])


def targeted(ranks, loss=None):
    more = {"loss": Partial(loss)} if loss else {}
    return attack.apgd_targeted(
        KEY,
        jnp.full(SHAPE, 0.51),
        LABEL,
        Partial(trap),
        Linf(0.1),
        windows.apgd_checkpoints(6),
        Partial(trap),
        ranks,
        **more,
    )


@pytest.mark.parametrize("loss", [None, classify.targeted_margin])
def test_targets_find_the_class_that_the_margin_never_follows(loss):
    start = {"start": Partial(attack.at_image), "loss": classify.margin}
    x = jnp.full(SHAPE, 0.51)
    plain = attack.apgd(
        *(KEY, x, LABEL, Partial(trap), Linf(0.1), windows.apgd_checkpoints(6)), **start
    )
    assert classify.margin(trap(KEY, plain), LABEL) < 0
    best = classify.margin(trap(KEY, targeted(jnp.arange(9), loss)), LABEL)
    np.testing.assert_allclose(best, -1.0 + 20 * 0.09, rtol=1e-4)


def test_ranks_order_the_wrong_classes_at_the_image():
    towards = [float(targeted(jnp.array([rank])).mean()) for rank in (0, 1)]
    assert towards[0] > 0.55 and towards[1] < 0.45


def test_it_composes_with_a_judge_on_keys_of_its_own():
    numbers = {"checkpoints": windows.apgd_checkpoints(4), "threat": Linf(0.05)}
    numbers |= {"model": DRAWS, "loss": Partial(classify.margin)}
    judge = Partial(classify.each, model=Partial(noisy_model), draws=jnp.arange(40))
    chosen = selection.best_iterate(
        KEY,
        image(),
        LABEL,
        Partial(apgd_attack.apgd_path, **numbers),
        judge,
        jnp.arange(5),
        loss=Partial(classify.margin),
    )
    k_attack, k_judge = jax.random.split(KEY)
    path = apgd_attack.apgd_path(k_attack, image(), LABEL, **numbers)
    scores = [float(classify.margin(judge(k_judge, x), LABEL)) for x in path]
    np.testing.assert_allclose(chosen, path[int(np.argmax(scores))], atol=1e-5)
    again = attack.best_of_restarts(
        *(KEY, image(), LABEL, Partial(attack.apgd, **numbers), judge, jnp.arange(2))
    )
    assert 0 < Linf(0.05).distance(again, image()) <= 0.05 + 1e-6
