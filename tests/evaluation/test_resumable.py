"""Attacks in segments: left between any two of them, they end in the same bits."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, image, weights

from purifax import attack, classify
from purifax.attack import pgd_attack, selection, square_attack, windows
from purifax.evaluation.predictions import mapped
from purifax.evaluation.resumable import Segments
from purifax.evaluation.store import Parts
from purifax.run import devices
from purifax.run.stop import Stopped
from purifax.threat import Linf

KEY = jax.random.key(5)
IMAGES = jnp.stack([image(0), image(1)])
INDEX = jnp.arange(2, dtype=jnp.int32)


def noisy(key, x, w):
    logits = jnp.tensordot(w, x, axes=x.ndim)
    return logits + 0.5 * jax.random.normal(key, w.shape[:1])


MODEL = Partial(classify.each, model=Partial(noisy, w=weights()), draws=jnp.arange(2))
LABELS = jnp.argmax(jax.vmap(lambda x: noisy(KEY, x, weights()))(IMAGES), axis=1)
COMMON = {"model": MODEL, "threat": Linf(0.1)}
PGD = {"step_sizes": jnp.full(4, 0.04), **COMMON}
PATH = Partial(pgd_attack.pgd_path, **PGD)


def chosen():
    """Loops in a loop, and the best of some iterates."""
    one = Partial(
        selection.best_iterate, path=PATH, judge=MODEL, candidates=jnp.array([2, 4])
    )
    return Partial(
        attack.best_of_restarts, attack=one, judge=MODEL, restarts=jnp.arange(2)
    )


def two(key, x, label, scan=jax.lax.scan):
    """Two loops, one after the other."""
    first = attack.pgd(key, x, label, **PGD, scan=scan)
    tries = {"tries": jnp.arange(3), "scan": scan}
    second = attack.random_search(
        jax.random.fold_in(key, 9), x, label, **COMMON, **tries
    )
    return jnp.stack([first, second])


def targeted():
    checkpoints = windows.apgd_checkpoints(3)
    more = {"checkpoints": checkpoints, "judge": MODEL, "ranks": jnp.arange(2)}
    loss = Partial(classify.targeted_margin)
    return Partial(attack.apgd_targeted, loss=loss, **more, **COMMON)


ATTACKS = {
    "pgd": lambda: Partial(attack.pgd, **PGD),
    "chosen": chosen,
    "two": lambda: Partial(two),
    "targeted": targeted,
    "square": lambda: Partial(
        attack.square, shares=square_attack.square_shares(5), **COMMON
    ),
}


class Leave:
    """Asks to stop at once."""

    asked = True


class Killed:
    """Ends everything, unasked, at the third look."""

    looks = 0

    @property
    def asked(self):
        self.looks += 1
        if self.looks == 4:
            raise MemoryError
        return False


def run(make, parts=None, stop=None, **more):
    segments = Segments(make, devices.mesh(1), KEY, parts, stop, **more)
    return segments("chunk", INDEX, IMAGES, LABELS)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_left_after_every_segment_ends_in_the_bits_of_a_whole_one(
    name, tmp_path
):
    make, parts, left = ATTACKS[name](), Parts(tmp_path), 0
    whole, seconds = run(make, segment=0.0)
    while True:
        try:
            broken, later = run(make, parts, Leave(), segment=0.0)
            break
        except Stopped:
            left += 1
            assert parts.state("chunk") is not None
    assert left >= {"pgd": 5, "chosen": 12, "two": 9, "targeted": 12, "square": 6}[name]
    np.testing.assert_array_equal(whole, broken)
    assert later > 0 and seconds > 0
    once = mapped(make, devices.mesh(1))(KEY, INDEX, IMAGES, LABELS)
    np.testing.assert_allclose(whole, once, atol=1e-6)
    moved = np.reshape(whole, (2, -1, *SHAPE)) - np.asarray(IMAGES)[:, None]
    assert np.abs(moved).max() > 0.05


def test_the_length_of_segments_changes_no_bit():
    make = ATTACKS["pgd"]()
    (short, _), (long, _) = (run(make, segment=s) for s in (0.0, 100.0))
    np.testing.assert_array_equal(short, long)


@pytest.mark.parametrize(("every", "stored"), [(0.0, True), (1000.0, False)])
def test_a_killed_attack_goes_on_from_what_the_clock_has_stored(
    every, stored, tmp_path
):
    make, parts = ATTACKS["pgd"](), Parts(tmp_path)
    with pytest.raises(MemoryError):
        run(make, parts, Killed(), segment=0.0, every=every)
    state = parts.state("chunk")
    assert (state is not None) == stored
    if stored:
        assert (state["at"].tolist(), state["done"].tolist()) == ([2], [0])
    np.testing.assert_array_equal(run(make, parts)[0], run(make)[0])


def test_a_part_that_is_there_needs_no_state(tmp_path):
    parts = Parts(tmp_path)
    parts.keep_state("chunk", {"seconds": np.array(1.0)})
    parts.under("chu").get("nk", lambda: {"a": np.ones(2)})
    assert parts.has("chunk") and parts.state("chunk") is None
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["chunk.npz"]


def test_the_state_of_another_batch_or_attack_is_not_gone_on_from(tmp_path):
    make, parts = ATTACKS["pgd"](), Parts(tmp_path)
    with pytest.raises(Stopped):
        run(make, parts, Leave(), segment=0.0)
    one = Segments(make, devices.mesh(1), KEY, parts)
    alone, _ = one("chunk", INDEX[:1], IMAGES[:1], LABELS[:1])
    np.testing.assert_allclose(alone, run(make)[0][:1], atol=1e-6)
    np.testing.assert_array_equal(run(Partial(dark), parts)[0], IMAGES - 0.1)


def dark(key, x, label):
    """Takes no scan, and so runs whole."""
    del key, label
    return x - 0.1
