"""Injecting a poison: order, budgets on stored images, removal."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import poison
from purifax.poison import Poison, injection, maker, rounding, urp
from purifax.poison.budget import Outside, Pixels
from purifax.threat import L1, L2, Linf

pytestmark = pytest.mark.usefixtures("unoptimised")
SHAPE = (6, 5, 3)
RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 256, (7, *SHAPE), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 1, 0, 2, 2], np.int32)
INDEX = jnp.array([1, 2, 5])

craft = jax.jit(poison.craft, static_argnames=("name", "chunk"))


def made(threat=None, size=0.3, index=INDEX, **more):
    delta = RNG.uniform(-size, size, (len(index), *SHAPE)).astype(np.float32)
    return Poison(index, jnp.asarray(delta), threat, **more)


def test_float_images_move_and_stay_in_the_box():
    given, x = made(), IMAGES / np.float32(255)
    images, labels = poison.inject(x, LABELS, given)
    want = x.copy()
    want[np.asarray(INDEX)] = np.clip(want[np.asarray(INDEX)] + given.delta, 0, 1)
    np.testing.assert_array_equal(images, want)
    np.testing.assert_array_equal(labels, LABELS)


def test_eight_bit_images_are_rounded_to_the_nearest_level():
    given = made()
    images, _ = poison.inject(IMAGES, LABELS, given)
    rows = IMAGES[np.asarray(INDEX)].astype(np.float64)
    want = np.clip(rows + 255 * np.asarray(given.delta, np.float64), 0, 255)
    assert images.dtype == jnp.uint8
    assert np.abs(np.asarray(images)[np.asarray(INDEX)] - want).max() <= 0.5 + 1e-4
    np.testing.assert_array_equal(images[jnp.array([0, 3, 4, 6])], IMAGES[[0, 3, 4, 6]])


def test_labels_change_only_where_the_poison_says_so():
    given = made(label=jnp.array([0, 0, 1]))
    labels = poison.inject(IMAGES, LABELS, given)[1]
    assert labels.tolist() == [2, 0, 0, 1, 0, 1, 2]


def test_truncation_darkens_and_rounding_does_not():
    grey = np.full((40, *SHAPE), 128, np.uint8)
    given = made(index=jnp.arange(40), size=0.1)
    want = 128 + 255 * np.asarray(given.delta)
    bias = {}
    for name in ("stored", "truncated"):
        rounded = Partial(getattr(rounding, name))
        images = poison.inject(grey, np.zeros(40, int), given, rounded=rounded)[0]
        bias[name] = np.mean(np.asarray(images) - want)
    # 3600 entries, whose rounding errors have a deviation of 0.29 levels.
    assert abs(bias["stored"]) < 0.02 and abs(bias["truncated"] + 0.5) < 0.02


def at_the_radius(threat, seed):
    """A perturbation exactly at the radius, of many entries that round up."""
    delta = jax.random.normal(jax.random.key(seed), SHAPE)
    if isinstance(threat, Linf):
        delta = jnp.clip(3 * delta, -1, 1)
    return threat.radius * delta / threat.distance(delta, 0 * delta)


THREATS = [Linf(8 / 255), L2(0.3), L1(2.0)]


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_budgets_hold_on_the_stored_images(threat):
    grey = np.full((6, *SHAPE), 120, np.uint8)
    delta = jnp.stack([at_the_radius(threat, seed) for seed in range(6)])
    given = Poison(jnp.arange(6), delta, threat)
    far = poison.verify(grey, given)
    images = np.asarray(poison.inject(grey, np.zeros(6, int), given)[0], np.float64)
    change = (images - 120) / 255
    sizes = np.abs(change).reshape(6, -1)
    norm = {
        Linf: sizes.max(1),
        L2: np.sqrt((sizes**2).sum(1)),
        L1: sizes.sum(1),
    }[type(threat)]
    assert norm.max() <= threat.radius * (1 + 2e-5)
    np.testing.assert_allclose(far, norm.max(), rtol=1e-4)
    # Nothing is given away: within the size of one level of what was asked for.
    assert norm.min() > threat.radius - (2 / 255 if threat != THREATS[-1] else 0.05)


def test_rounding_to_the_nearest_level_alone_would_break_a_budget():
    """The case that `stored` is there for: 25.5 levels of 0.1 round up to 26."""
    grey = np.full((1, *SHAPE), 100, np.uint8)
    given = Poison(jnp.array([0]), jnp.full((1, *SHAPE), 0.1), Linf(0.1))
    assert np.unique(poison.inject(grey, [0], given)[0]).tolist() == [125]
    free = Poison(given.index, given.delta, None)
    assert np.unique(poison.inject(grey, [0], free)[0]).tolist() == [126]


def test_an_exceeded_budget_is_refused():
    given = made(Linf(0.1))
    with pytest.raises(ValueError, match=r"promises Linf\(radius=0.1\) but moves"):
        poison.verify(IMAGES, given)
    with pytest.raises(ValueError, match="promises Pixels"):
        poison.verify(IMAGES, made(Pixels(29)))
    assert poison.verify(IMAGES, made(Pixels(30))) <= 30


def test_a_budget_may_hold_outside_of_a_trigger_alone():
    mask = jnp.zeros(SHAPE[:2], bool).at[0, 0].set(True)
    grey = np.full((1, *SHAPE), 100, np.uint8)
    delta = jnp.full((1, *SHAPE), 0.02).at[0, 0, 0].set(0.5)
    given = Poison(jnp.array([0]), delta, Outside(Linf(0.02), mask))
    assert poison.verify(grey, given) <= 0.02
    shown = poison.inject(grey, [0], given)[0]
    assert shown[0, 0, 0, 0] > 220
    with pytest.raises(ValueError, match="promises Linf"):
        poison.verify(grey, Poison(given.index, delta, Linf(0.02)))


BROKEN = {
    "shuffled": ([2, 1, 5], 3, "1 follows 2: it is shuffled"),
    "duplicated": ([1, 2, 2], 3, "image 2 twice: it is duplicated"),
    "missing": ([1, 2], 3, "holds 3 rows, but `index` names 2 .*missing"),
    "delta missing": ([1, 2, 5], 2, "holds 2 rows, but `index` names 3 .*missing"),
    "too large": ([1, 2, 7], 3, "names image 7, out of the range of a set of 7"),
    "negative": ([-1, 2, 5], 3, "names image -1, out of the range"),
    "not a number": ([0.0, 1.0, 2.0], 3, "must be integers"),
}


@pytest.mark.parametrize("verb", ["inject", "verify", "remove"])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_index_is_refused_by_name(kind, verb):
    index, rows, message = BROKEN[kind]
    given = Poison(jnp.asarray(index), jnp.zeros((rows, *SHAPE)), None)
    args = (IMAGES, given) if verb == "verify" else (IMAGES, LABELS, given)
    with pytest.raises(ValueError, match=message):
        getattr(poison, verb)(*args)


def test_other_shapes_are_refused():
    given = Poison(INDEX, jnp.zeros((3, 5, 6, 3)), None)
    with pytest.raises(ValueError, match=r"shape \(5, 6, 3\), .* are \(6, 5, 3\)"):
        poison.verify(IMAGES, given)
    with pytest.raises(ValueError, match="needs as many labels"):
        poison.inject(IMAGES, LABELS[:-1], made())
    with pytest.raises(ValueError, match="`label` holds 2 rows"):
        poison.inject(IMAGES, LABELS, made(label=jnp.array([1, 2])))


def test_a_stored_set_is_compared_with_the_poison():
    given = made(Linf(0.3))
    stored = np.array(poison.inject(IMAGES, LABELS, given)[0])
    poison.verify(IMAGES, given, stored)
    swapped = stored.copy()
    swapped[[1, 2]] = stored[[2, 1]]
    with pytest.raises(ValueError, match=r"2 stored images .*\[1, 2\]. They are shuff"):
        poison.verify(IMAGES, given, swapped)
    partial = Poison(INDEX[:2], given.delta[:2], given.threat, name="half")
    with pytest.raises(ValueError, match=r"'half' is missing 1 images .*\[5\]"):
        poison.verify(IMAGES, partial, stored)
    with pytest.raises(ValueError, match="The stored set is float"):
        poison.verify(IMAGES, given, stored / np.float32(255))


def test_removal_leaves_the_clean_rest():
    given = made()
    images, labels = poison.inject(IMAGES, LABELS, given)
    rest, left = poison.remove(images, labels, given)
    np.testing.assert_array_equal(rest, IMAGES[[0, 3, 4, 6]])
    assert left.tolist() == LABELS[[0, 3, 4, 6]].tolist()
    assert injection.kept(7, given).tolist() == [0, 3, 4, 6]
    with pytest.raises(ValueError, match="All 7 images are poisoned"):
        poison.remove(images, labels, made(index=jnp.arange(7)))


def test_a_poison_of_nothing_changes_nothing():
    given = Poison(jnp.zeros(0, jnp.int32), jnp.zeros((0, *SHAPE)), Linf(0.1))
    np.testing.assert_array_equal(poison.inject(IMAGES, LABELS, given)[0], IMAGES)
    assert poison.verify(IMAGES, given, IMAGES) == 0


def test_injection_is_traceable_and_rows_are_independent():
    given = made(L2(0.4), index=jnp.arange(7))
    images, _ = jax.jit(poison.inject)(IMAGES, LABELS, given)
    alone = Poison(given.index[4:5], given.delta[4:5], given.threat)
    one = poison.inject(IMAGES, LABELS, alone)[0]
    np.testing.assert_array_equal(images[4], one[4])


def test_crafting_a_subset_gives_the_same_perturbations():
    maker = Partial(urp.random_noise, threat=Linf(0.1))
    key = jax.random.key(3)
    args = (maker, Linf(0.1))
    some = craft(key, IMAGES, LABELS, INDEX, *args, name="noise")
    every = craft(key, IMAGES, LABELS, jnp.arange(7), *args, name="noise", chunk=3)
    # Programs for batches of other sizes round differently, in the last bit.
    np.testing.assert_allclose(some.delta, every.delta[INDEX], rtol=0, atol=1e-7)
    assert not np.allclose(every.delta[0], every.delta[1])
    assert poison.verify(IMAGES, every) <= 0.1


def test_one_sided_noise_only_brightens():
    given = maker.one_sided(made())
    assert given.delta.min() == 0 and given.delta.max() > 0.2


def test_chosen_images_are_distinct_and_increase():
    among = jnp.array([9, 4, 6, 2])
    drawn = [poison.choose_images(jax.random.key(k), among, 2) for k in range(8)]
    assert all(a < b and {int(a), int(b)} <= {9, 4, 6, 2} for a, b in drawn)
    assert len({tuple(d.tolist()) for d in drawn}) > 1
    with pytest.raises(ValueError, match="Cannot draw 5 positions from 4"):
        poison.choose_images(jax.random.key(0), among, 5)
