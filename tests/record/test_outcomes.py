"""Records: accuracies against enumeration, intervals and tests against scipy."""

import dataclasses
import itertools
import math

import jax
import numpy as np
import pytest
import scipy.stats
from jax import numpy as jnp

from purifax import record as records
from purifax.record import Record
from purifax.record.outcomes import every_key

pytestmark = pytest.mark.usefixtures("strict")

LABEL = np.array([3, 0, 1, 1, 2, 0])
PREDICTIONS = np.array(
    [
        [3, 3, 3, 3, 3],
        [0, 1, 0, 0, 2],
        [1, 2, 2, 0, 0],
        [0, 0, 2, 2, 3],
        [1, 2, 1, 2, 2],
        [-1, 0, 0, -1, 0],
    ]
)
RIGHT = PREDICTIONS == LABEL[:, None]


def example(index, seed=0, keys=3):
    """A record in which an image has its own outcomes, wherever it stands."""

    def rows(role, shape, high):
        return np.stack(
            [
                np.random.default_rng([seed, role, i]).integers(0, high, shape)
                for i in index
            ]
        )

    return Record(
        index=np.asarray(index),
        label=rows(0, (), 4),
        clean=rows(1, keys, 4),
        attacked=rows(2, keys, 4),
        distance=np.asarray(index) / 64.0,
    )


def same(a, b):
    for name in ("index", "label", "clean", "attacked", "distance"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)


def test_correct_compares_each_key_with_its_own_label():
    np.testing.assert_array_equal(records.correct(PREDICTIONS, LABEL), RIGHT)


def test_no_answer_is_never_right():
    assert not records.correct(np.array([[-1]]), np.array([-1])).any()


def test_average_is_over_images_and_keys():
    np.testing.assert_allclose(records.average(PREDICTIONS, LABEL), RIGHT.mean())


def test_worst_of_m_is_the_mean_over_every_choice_of_m_keys():
    by_hand = [
        np.mean(
            [
                RIGHT[:, list(keys)].all(1)
                for keys in itertools.combinations(range(5), m)
            ]
        )
        for m in range(1, 6)
    ]
    np.testing.assert_allclose(
        records.worst_of(PREDICTIONS, LABEL), by_hand, rtol=1e-6, atol=1e-7
    )


def test_survival_is_a_ratio_of_binomials_and_does_not_overflow():
    right, keys = np.array([0, 1, 77, 199, 200]), 200
    predictions = (np.arange(keys) >= right[:, None]).astype(np.int32)
    expected = [
        [math.comb(c, m) / math.comb(keys, m) for m in range(1, keys + 1)]
        for c in right.tolist()
    ]
    found = records.survival(predictions, np.zeros(5, np.int32))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-30)


def test_worst_of_m_is_unbiased():
    """The mean over samples of 4 keys is p^m, within 4 standard errors."""
    p, trials = 0.7, 40_000
    right = np.random.default_rng(0).uniform(size=(trials, 4)) < p
    alive = np.asarray(records.survival(np.where(right, 1, 0), np.ones(trials, int)))
    error = alive.std(0) / np.sqrt(trials)
    assert (np.abs(alive.mean(0) - p ** np.arange(1, 5)) < 4 * error).all()


def test_every_key_is_the_end_of_the_worst_of_curve():
    assert float(every_key(PREDICTIONS, LABEL)) == pytest.approx(1 / 6)
    assert float(records.worst_of(PREDICTIONS, LABEL)[-1]) == pytest.approx(1 / 6)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_vote_needs_more_votes_than_every_other_class(k):
    expected = []
    for row, label in zip(PREDICTIONS[:, :k].tolist(), LABEL.tolist(), strict=True):
        others = [row.count(c) for c in range(4) if c != label]
        expected.append(row.count(label) > max(others))
    found = records.voted(PREDICTIONS, LABEL, k, 4)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(
        records.vote_of(PREDICTIONS, LABEL, k, 4), np.mean(expected), rtol=1e-6
    )


def test_vote_ignores_answers_that_are_no_class():
    ballots = np.array([[-1, -1, 1], [9, 9, 1], [0, 0, 1], [3, 3, 1]])
    found = records.voted(ballots, np.array([1, 1, 1, 1]), 3, 4)
    assert found.tolist() == [True, True, False, False]


def test_the_number_of_votes_may_be_traced():
    curve = jax.vmap(lambda k: records.vote_of(PREDICTIONS, LABEL, k, 4))
    expected = [records.vote_of(PREDICTIONS, LABEL, k, 4) for k in range(1, 6)]
    np.testing.assert_array_equal(jax.jit(curve)(jnp.arange(1, 6)), expected)


@pytest.mark.parametrize(
    ("predictions", "label", "words"),
    [
        (np.zeros(3, int), np.zeros(3, int), r"\[:, None\]"),
        (np.zeros((3, 0), int), np.zeros(3, int), "one of each at least"),
        (np.zeros((3, 2), int), np.zeros(2, int), r"`label` must be \[3\]"),
    ],
)
def test_wrong_shapes_are_refused(predictions, label, words):
    with pytest.raises(ValueError, match=words):
        records.average(predictions, label)


COUNTS = [(0, 1), (1, 1), (0, 40), (1, 40), (13, 40), (39, 40), (40, 40), (701, 1000)]


@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_wilson_agrees_with_scipy(confidence):
    s, n = np.array(COUNTS).T
    expected = [
        scipy.stats.binomtest(a, b).proportion_ci(confidence, "wilson")
        for a, b in COUNTS
    ]
    found = np.stack(records.wilson(s, n, confidence=confidence), -1)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert found[0, 0] == found[2, 0] == 0 and found[1, 1] == found[6, 1] == 1


@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_clopper_pearson_agrees_with_scipy(confidence):
    s, n = np.array(COUNTS).T
    expected = [
        scipy.stats.binomtest(a, b).proportion_ci(confidence, "exact")
        for a, b in COUNTS
    ]
    found = np.stack(records.clopper_pearson(s, n, confidence=confidence), -1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found[0, 0] == 0 and found[1, 1] == 1


def test_no_trials_leave_everything_possible():
    for method in (records.wilson, records.clopper_pearson):
        assert [float(end) for end in method(0, 0)] == [0.0, 1.0]


def test_an_unknown_count_has_an_unknown_interval():
    assert np.isnan(records.wilson(jnp.nan, 10)).all()


def test_the_interval_of_yes_or_no_per_image_is_wilson():
    values = np.arange(40) < 13
    np.testing.assert_array_equal(
        np.stack(records.interval(values)), np.stack(records.wilson(13, 40))
    )


def test_the_interval_is_over_images_not_keys():
    """Ten keys that always agree leave the interval that one key has."""
    one = (np.arange(60) < 45).astype(float)
    ten = np.repeat(one[:, None], 10, axis=1)
    np.testing.assert_array_equal(
        np.stack(records.interval(ten.mean(1))), np.stack(records.interval(one))
    )
    low, high = records.interval(ten)
    assert low.shape == high.shape == (10,)


def test_the_interval_of_shares_covers_as_often_as_it_says():
    """Images of unequal difficulty, 4 keys each: the mean is inside 95% of the time."""
    rng = np.random.default_rng(1)
    shares = rng.binomial(4, rng.beta(3.0, 1.0, size=(80, 4000))) / 4
    low, high = records.interval(shares)
    assert ((np.asarray(low) <= 0.75) & (np.asarray(high) >= 0.75)).mean() > 0.95


def test_paired_difference_is_the_bootstrap_of_the_differences():
    rng = np.random.default_rng(2)
    a = rng.uniform(size=200)
    b = a - 0.1 + 0.05 * rng.normal(size=200)
    found = records.paired_difference(jax.random.key(0), a, b, jnp.arange(4000))
    error = (a - b).std() / math.sqrt(200)
    expected = (a - b).mean() + error * np.array([0.0, -1.96, 1.96])
    np.testing.assert_allclose(found, expected, atol=0.12 * error)


def test_paired_difference_has_a_sign_and_follows_its_key():
    a, b = np.arange(50) < 40, np.arange(50) % 2 == 0
    here, there = (
        np.stack(records.paired_difference(key, a, b, jnp.arange(200)))
        for key in jax.random.split(jax.random.key(3))
    )
    assert here[0] == pytest.approx(0.3) and here[1] < 0.3 < here[2]
    assert (here[1:] != there[1:]).any()
    back = records.paired_difference(jax.random.key(4), b, a, jnp.arange(200))
    assert float(back[0]) == pytest.approx(-0.3)


def test_unpaired_images_are_refused():
    with pytest.raises(ValueError, match="same images"):
        records.paired_difference(
            jax.random.key(0), np.zeros(3), np.zeros(4), jnp.arange(5)
        )


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 0), (3, 0), (0, 8), (5, 5), (12, 3), (40, 71)]
)
def test_mcnemar_is_the_exact_sign_test(only_a, only_b):
    a = np.repeat([True, False, True, False], [only_a, only_b, 7, 4])
    b = np.repeat([False, True, True, False], [only_a, only_b, 7, 4])
    found = records.mcnemar(a, b)
    expected = 1.0
    if only_a + only_b:
        expected = scipy.stats.binomtest(only_a, only_a + only_b).pvalue
    assert (int(found[0]), int(found[1])) == (only_a, only_b)
    assert float(found[2]) == pytest.approx(expected, rel=1e-3)


def test_merge_sorts_by_index_and_keeps_rows_together():
    whole = example([2, 3, 5, 8, 13])
    found = records.merge([example([13, 2]), example([5, 8, 3])])
    same(found, whole)


def test_merge_does_not_depend_on_order_or_grouping():
    a, b, c = example([4, 1]), example([9, 0]), example([1, 9])
    expected = records.merge([a, b, c])
    assert expected.index.tolist() == [0, 1, 4, 9]
    for parts in itertools.permutations([a, b, c]):
        same(records.merge(parts), expected)
    same(records.merge([records.merge([a, b]), c]), expected)
    same(records.merge([a, records.merge([c, b])]), expected)
    same(records.merge([expected, expected]), expected)


def test_the_same_image_with_an_unknown_distance_is_still_the_same():
    part = Record(
        np.array([1]),
        np.array([0]),
        np.ones((1, 1)),
        np.ones((1, 1)),
        np.array([np.nan]),
    )
    assert records.merge([part, part]).index.tolist() == [1]


@pytest.mark.parametrize("field", ["label", "clean", "attacked", "distance"])
def test_merge_refuses_two_outcomes_of_one_image(field):
    a, b = example([3, 6]), example([6, 7])
    values = {name: getattr(b, name).copy() for name in vars(b)}
    values[field][(0,) * values[field].ndim] += 1
    with pytest.raises(ValueError, match="Image 6 has two different outcomes"):
        records.merge([a, Record(**values)])


def test_merge_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="no records"):
        records.merge([])
    with pytest.raises(ValueError, match=r"as many keys; got \[2, 3\]"):
        records.merge([example([1], keys=3), example([2], keys=2)])
    torn = example([1, 2])
    torn = Record(
        torn.index, torn.label, torn.clean, torn.attacked[:, :2], torn.distance
    )
    with pytest.raises(ValueError, match=r"attacked \[N, M\]"):
        records.merge([torn])
    with pytest.raises(ValueError, match="N and M one at least"):
        records.merge([example([1], keys=0)])
    with pytest.raises(ValueError, match="outside `jit`"):
        jax.jit(lambda part: records.merge([part]))(example([1]))


def attack(right, distance, index=(4, 2, 9)):
    """Three images of label 1 with so many of four keys right."""
    attacked = (np.arange(4) < np.array(right)[:, None]).astype(np.int32)
    ones = np.ones(3, np.int32)
    return Record(
        np.array(index), ones, np.ones((3, 4), np.int32), attacked, np.full(3, distance)
    )


def test_the_worst_case_is_taken_image_by_image():
    found = records.worst_case([attack([3, 2, 0], 0.1), attack([1, 4, 2], 0.2)])
    assert found.index.tolist() == [2, 4, 9]
    assert (found.attacked == 1).sum(1).tolist() == [2, 1, 0]
    np.testing.assert_allclose(found.distance, [0.1, 0.2, 0.1])
    assert float(records.average(found.attacked, found.label)) == 0.25


def test_the_worst_case_is_no_better_than_any_attack_and_keeps_the_first_on_ties():
    one, two = attack([3, 2, 0], 0.1), attack([3, 2, 0], 0.2)
    same(records.worst_case([one, two]), records.merge([one]))


def test_the_worst_case_needs_the_same_images():
    one = attack([1, 1, 1], 0.1)
    with pytest.raises(ValueError, match="same images"):
        records.worst_case([one, attack([1, 1, 1], 0.1, (4, 2, 8))])
    with pytest.raises(ValueError, match="or other indices or labels"):
        records.worst_case([one, dataclasses.replace(one, label=one.label * 2)])
    with pytest.raises(ValueError, match="3 images x 4 keys and 2 images x 3 keys"):
        records.worst_case([one, example([1, 2])])
    with pytest.raises(ValueError, match="no records"):
        records.worst_case([])


def test_a_record_is_a_pytree():
    part = example([1, 2])
    same(jax.tree.map(lambda leaf: leaf, part), part)
    assert len(jax.tree.leaves(part)) == 5
