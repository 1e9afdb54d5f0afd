"""AutoAttack: its components by name, and the driver over images that still stand."""

import collections

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import SHAPE, image, weights

from purifax import classify
from purifax.attack import apgd_l1_attack
from purifax.attack.autoattack_components import VERSIONS, components
from purifax.evaluation.autoattack import check_images, run_auto
from purifax.evaluation.store import Parts
from purifax.run import devices
from purifax.run.stop import Stopped
from purifax.threat import L1, L2, Linf

KEY = jax.random.key(4)
WIDE = jax.random.normal(jax.random.key(6), (6, *SHAPE))


def linear(key, x, w):
    return jnp.tensordot(w, x, axes=x.ndim)


def model(classes):
    return Partial(linear, w=WIDE[:classes])


@pytest.mark.parametrize("kind", [Linf, L2, L1])
@pytest.mark.parametrize("version", VERSIONS)
def test_versions_have_their_published_components(version, kind):
    parts = components(version, kind(0.1), 10, model(6))
    assert tuple(parts) == VERSIONS[version]
    leaves = jax.tree.leaves(parts)
    assert leaves and all(hasattr(leaf, "dtype") or leaf == 0.1 for leaf in leaves)


def bound(parts, name):
    return parts[name].keywords


def test_numbers_are_the_published_ones():
    standard = components("standard", Linf(0.3), 10, model(6))
    assert bound(standard, "apgd-ce")["checkpoints"].shape == (100,)
    assert bound(standard, "apgd-ce")["loss"].func is classify.cross_entropy
    assert bound(standard, "apgd-t")["ranks"].tolist() == list(range(9))
    assert bound(standard, "apgd-t")["loss"].func is classify.targeted_dlr
    assert bound(standard, "fab-t")["limits"].shape == (100,)
    assert bound(standard, "fab-t")["ranks"].tolist() == list(range(9))
    assert bound(standard, "square")["shares"].shape == (5000,)
    plus = components("plus", L2(0.5), 10, model(6))
    for name in ("apgd-ce", "apgd-dlr"):
        assert bound(plus, name)["restarts"].shape == (5,)
    assert bound(plus, "fab")["starts"].tolist() == [0.0, 0.5, 0.5, 0.5, 0.5]
    rand = components("rand", L2(0.5), 10, model(6))
    assert bound(rand, "apgd-dlr")["model"].keywords["draws"].shape == (20,)
    sparse = components("standard", L1(12.0), 10, model(6))
    assert bound(sparse, "apgd-ce")["restarts"].shape == (5,)
    assert bound(sparse, "apgd-t")["ranks"].shape == (5,)
    assert bound(sparse, "apgd-t")["climb"].func is apgd_l1_attack.apgd_l1_shrinking


def test_few_classes_leave_out_what_cannot_be_run():
    names = {
        classes: list(components("plus", Linf(0.1), classes, model(classes)))
        for classes in (2, 3, 4)
    }
    assert names[2] == ["apgd-ce", "fab", "square"]
    assert names[3] == names[4] == list(VERSIONS["plus"])
    three = components("standard", Linf(0.1), 3, model(3))
    assert bound(three, "apgd-t")["loss"].func is classify.targeted_margin
    assert bound(three, "fab-t")["ranks"].tolist() == [0, 1]
    four = components("standard", Linf(0.1), 4, model(4))
    assert bound(four, "apgd-t")["loss"].func is classify.targeted_dlr
    assert list(components("standard", Linf(0.1), 2, model(2))) == names[2]


@pytest.mark.parametrize(
    ("arguments", "numbers", "said"),
    [
        (("fancy", Linf(0.1), 10), {}, "standard, plus, rand, stochastic"),
        (("rand", "Linf", 10), {}, "Linf, L2 or L1"),
        (("rand", Linf(0.1), 1), {}, "2 or more"),
        (("rand", Linf(0.1), 10), {"draws": 0}, "`draws` must be 1"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, numbers, said):
    with pytest.raises(ValueError, match=said):
        components(*arguments, model(6), **numbers)


def noisy(key, x, w):
    return linear(key, x, w) + 1.5 * jax.random.normal(key, w.shape[:1])


def test_every_component_of_the_random_version_runs_and_helps():
    random = Partial(noisy, w=WIDE)
    parts = components(
        *("stochastic", Linf(0.08), 6, random),
        iterations=10,
        queries=20,
        draws=4,
        judged=4,
    )
    x, label = image(), jnp.argmax(linear(None, image(), WIDE))
    before = classify.margin(linear(None, x, WIDE), label)
    for name, part in parts.items():
        found = jax.jit(lambda fn: fn(KEY, x, label))(part)
        after = classify.margin(linear(None, found, WIDE), label)
        assert Linf(0.08).distance(found, x) <= 0.08 + 1e-6, name
        assert after > before + 0.4, name


CALLS = collections.Counter()


def counted(key, x, label, name, shift, below):
    """Darkens images whose first entry is below a limit; counts its compilations."""
    CALLS[name.key] += 1
    return jnp.where(x[0, 0, 0] < below, x - shift, x)


@jax.tree_util.register_static
class Name(str):
    """A name that is not traced."""

    @property
    def key(self):
        return str(self)


def step(name, shift, below):
    return Partial(counted, name=Name(name), shift=shift, below=below)


def bright(key, x):
    """Class 1 where the mean of the image is above a half."""
    return jnp.stack([jnp.array(0.5), jnp.mean(x)])


def shades(*firsts):
    images = np.full((len(firsts), *SHAPE), 0.6, np.float32)
    images[:, 0, 0, 0] = firsts
    return images


def test_each_attack_sees_only_what_still_stands_and_compiles_once():
    CALLS.clear()
    images = shades(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    images[6] -= 0.5
    labels = np.ones(7, np.int32)
    parts = {"weak": step("weak", 0.05, 0.35), "strong": step("strong", 0.2, 0.45)}
    parts |= {"third": step("third", 0.3, 0.15), "wide": step("wide", 0.15, 0.55)}
    found = run_auto(
        *(KEY, images, labels, parts, Partial(bright), devices.mesh(1)), chunk=4
    )
    by = ["strong"] * 4 + ["wide", "", "clean"]
    assert found.broken_by.tolist() == by
    counts = [(s.name, s.attacked, s.broken) for s in found.steps]
    assert counts == [
        ("clean", 7, 1),
        ("weak", 6, 0),
        ("strong", 6, 4),
        ("third", 2, 0),
        ("wide", 2, 1),
    ]
    assert set(CALLS.values()) == {1}, "padded to one shape: nothing compiles twice"
    np.testing.assert_allclose(found.right, [0, 0, 0, 0, 0, 1, 0])
    np.testing.assert_allclose(found.x_adv[0], images[0] - 0.2, atol=1e-6)
    np.testing.assert_array_equal(found.x_adv[5], images[5])


def lucky(key, x):
    """Class 1 by the mean, in draws that are off by a little."""
    return bright(key, x) + jnp.array([0.1, 0.0]) * jax.random.normal(key)


def test_one_lucky_draw_drops_nothing_and_the_worst_is_kept():
    judge = Partial(classify.each, model=Partial(lucky), draws=jnp.arange(40))
    parts = {"dark": step("dark", 0.12, 1.0), "less": step("less", 0.05, 1.0)}
    images, labels = shades(0.6, 0.6), np.ones(2, np.int32)
    mesh = devices.mesh(1)
    found = run_auto(KEY, images, labels, parts, judge, mesh, chunk=2)
    assert found.broken_by.tolist() == ["", ""]
    assert ((found.right > 0.1) & (found.right < 0.8)).all()
    assert [s.attacked for s in found.steps] == [2, 2, 2]
    np.testing.assert_allclose(found.x_adv, images - 0.12, atol=1e-6)
    easier = run_auto(KEY, images, labels, parts, judge, mesh, chunk=2, allowed=0.6)
    assert easier.broken_by.tolist() == ["dark", "dark"]


def test_the_result_of_an_image_depends_on_no_neighbour_and_no_stop(tmp_path):
    parts = components("standard", L2(0.2), 3, model(3), iterations=3, queries=4)
    parts = {name: parts[name] for name in ("apgd-ce", "square")}
    images = np.stack([np.asarray(image(i)) for i in range(4)])
    labels = np.argmax(np.tensordot(images, np.asarray(WIDE[:3]), ((1, 2, 3),) * 2), 1)
    labels, mesh = labels.astype(np.int32), devices.mesh(1)
    whole = run_auto(KEY, images, labels, parts, model(3), mesh, chunk=2)
    alone = run_auto(
        *(KEY, images[3:], labels[3:], parts, model(3), mesh),
        chunk=2,
        index=np.array([3]),
    )
    np.testing.assert_allclose(whole.x_adv[3:], alone.x_adv, atol=1e-6)
    assert whole.broken_by[3] == alone.broken_by[0]
    arguments = (KEY, images, labels, parts, model(3), mesh)
    broken, left = left_again_and_again(*arguments, tmp_path=tmp_path)
    assert left > 6, "within batches too"
    np.testing.assert_array_equal(whole.x_adv, broken.x_adv)
    assert broken.steps[1].seconds > 0


class Leave:
    """Asks to stop in the middle of a batch, once in each try."""

    def __init__(self):
        self._looks = 0

    @property
    def asked(self):
        self._looks += 1
        return self._looks > 3

    def check(self):
        if self.asked:
            raise Stopped


def left_again_and_again(*arguments, tmp_path):
    """What `run_auto` ends with, and how often it was left until then."""
    left = 0
    while True:
        try:
            more = {"parts": Parts(tmp_path), "stop": Leave()}
            return run_auto(*arguments, chunk=2, **more), left
        except Stopped:
            left += 1


def nowhere(key, x):
    return jnp.where(jnp.mean(x) > 0.59, jnp.nan, bright(key, x))


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (shades(0.5) * 255, [1], "Divide bytes by 255"),
        (shades(0.5) * np.nan, [1], "must lie in"),
        (shades(0.5)[0], [1], r"floats \[N, H, W, C\]"),
        (shades(0.5), [2], "0 .. 1, the classes of the model"),
        (shades(0.5), [-1], "reach from -1"),
        (shades(0.5), [1, 1], r"integers \[1\]"),
        (shades(0.5), [1.0], "integers"),
        (shades(), np.zeros(0, int), "no images"),
    ],
)
def test_bad_images_and_labels_are_refused(images, labels, said):
    with pytest.raises(ValueError, match=said):
        check_images(images, np.array(labels), 2)


def test_a_model_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="1 of 2 clean images are not finite, .* 8;"):
        run_auto(
            *(KEY, shades(0.1, 0.9), np.ones(2, np.int32), {}, Partial(nowhere)),
            devices.mesh(1),
            chunk=2,
            index=np.array([7, 8]),
        )


def test_what_makes_the_model_not_finite_is_not_kept():
    images, labels = shades(0.1), np.ones(1, np.int32)
    images -= 0.01
    parts = {"up": step("up", -0.05, 1.0)}
    found = run_auto(
        *(KEY, images, labels, parts, Partial(nowhere), devices.mesh(1)), chunk=1
    )
    np.testing.assert_array_equal(found.x_adv, images)
    assert found.broken_by.tolist() == [""]


def test_three_classes_are_too_few_for_targeted_dlr():
    with pytest.raises(ValueError, match="compares 4 classes"):
        classify.targeted_dlr(weights()[:, 0, 0, 0], jnp.array(0), jnp.array(1))
