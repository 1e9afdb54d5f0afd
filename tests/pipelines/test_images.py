"""Images purified in one line: the card's purifier, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

import purifax
from experiments import configs
from purifax import data, nets, purify, weights
from purifax.pipelines import images as ready
from purifax.score import Gaussian
from purifax.weights import network_folders, priors

KEY = jax.random.key(3)
pytestmark = pytest.mark.usefixtures("unoptimised")


@pytest.fixture(scope="module")
def images():
    return data.load("digits", "test").images[:3]


@pytest.mark.parametrize(
    "name, config",
    [
        ("digits_dsm", "digits_adp"),
        ("digits_ddpm", "digits_diffpure"),
        ("digits_ebm", "digits_ebm_langevin"),
    ],
)
def test_the_card_s_purifier_is_that_of_its_evaluation(name, config):
    """The same functions with the same leaves."""
    theirs = configs.find(config).purifier.build(priors.load(name))
    mine = ready.purifier(name)
    assert jax.tree.structure(mine) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_array_equal(a, b)
    x = jax.ShapeDtypeStruct((8, 8, 1), jnp.float32)
    assert jax.eval_shape(mine, KEY, x) == x


def test_every_form_of_the_same_images_is_purified_alike(images):
    made = purifax.purify_images(images, "digits_dsm", key=KEY)
    assert isinstance(made, np.ndarray) and made.dtype == np.uint8
    assert made.shape == images.shape and (made != images).any()
    floats = images / 255
    forms = [floats, floats.astype(np.float32), jnp.asarray(floats), floats[..., 0]]
    for form in forms:
        found = purifax.purify_images(form, "digits_dsm", key=KEY)
        assert type(found) is type(form) or isinstance(found, jax.Array)
        assert (found.shape, found.dtype) == (form.shape, form.dtype)
        np.testing.assert_array_equal(
            np.rint(np.asarray(found, np.float64) * 255).reshape(made.shape), made
        )


def test_an_image_s_result_is_that_of_its_place_alone(images):
    made = purifax.purify_images(images, "digits_dsm", key=KEY)
    alone = purifax.purify_images(images[0], "digits_dsm", key=KEY)
    np.testing.assert_array_equal(alone, made[0])
    assert purifax.purify_images(images[:0], "digits_dsm", key=KEY).shape[0] == 0


def test_numbers_take_the_place_of_the_card_s(images):
    few = {"sigma": 0.1, "steps": 1}
    made = purifax.purify_images(images, "digits_dsm", key=KEY, **few)
    card = weights.card("digits_dsm")["purify"]["purifier"]
    numbers = {name: card[name] for name in ("level", "rate", "largest")}
    same = purify.ADP(**numbers, **few)
    again = purifax.purify_images(images, "digits_dsm", key=KEY, purifier=same)
    np.testing.assert_array_equal(made, again)
    whole = purifax.purify_images(images, "digits_dsm", key=KEY)
    assert (made != whole).any()


def test_any_purifier_takes_the_place_of_the_card_s(images):
    """A recipe, its class, its name, a place, and a function that asks for a score."""
    made, *others = (
        purifax.purify_images(images, key=KEY, purifier=wanted)
        for wanted in (
            purify.BitDepth(),
            purify.BitDepth,
            "bit_depth",
            "purifax.purify.jpeg:BitDepth",
            Partial(purify.bit_depth, bits=3.0),
        )
    )
    assert (made != images).any()
    for other in others:
        np.testing.assert_array_equal(made, other)
    nothing = Partial(purify.adaptive, levels=jnp.zeros(0), sigma=0.0)
    still = purifax.purify_images(images, "digits_dsm", key=KEY, purifier=nothing)
    np.testing.assert_array_equal(still, images)


def test_a_score_of_one_s_own_is_taken(images):
    grey = purifax.purify_images(
        images, Gaussian(0.5, 0.0), key=KEY, purifier=purify.DDS(sigma=0.25)
    )
    np.testing.assert_array_equal(grey, np.full_like(images, 128))


def test_several_levels_are_refused_for_one_sample(images):
    with pytest.raises(ValueError, match="1 samples do not divide into 2 equal"):
        purifax.purify_images(images, "digits_dsm", key=KEY, sigmas=(0.1, 0.2))
    one = purifax.purify_images(images, "digits_dsm", key=KEY, sigmas=(0.1,))
    same = purifax.purify_images(images, "digits_dsm", key=KEY, sigma=0.1)
    np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda x: x.astype(np.int32), "int32; give uint8, or floating"),
        (lambda x: x / 1.0, r"from 0 to 255.*give images / 255, or uint8"),
        (lambda x: x / 127.5 - 1, r"in \[-1, 1\], give \(images \+ 1\) / 2"),
        (lambda x: x / 255 * np.nan, "not finite"),
        (lambda x: x.transpose(0, 3, 1, 2), r"images.transpose\(0, 2, 3, 1\)"),
        (lambda x: x.reshape(-1, 4, 16, 1), "Resize them to 8 x 8"),
        (lambda x: np.zeros((2, 28, 28, 1)), "Weights for such images: .*mnist_dsm"),
        (lambda x: x[None], "shape .1, 3, 8, 8, 1.; digits_dsm takes images .8, 8, 1."),
    ],
)
def test_images_in_another_form_are_refused_with_what_to_do(images, change, told):
    with pytest.raises(ValueError, match=told):
        purifax.purify_images(change(images), "digits_dsm", key=KEY)


@pytest.mark.parametrize(
    "name, kwargs, error, told",
    [
        ("digits_dms", {}, FileNotFoundError, "Did you mean 'digits_dsm'?"),
        ("digits_classifier", {}, ValueError, "a classifier, .*these do: .*digits_dsm"),
        ("digits_dsm", {"sigme": 1}, ValueError, "ADP has no number 'sigme'; did you"),
        ("digits_dsm", {"purifier": 3}, ValueError, "a recipe, a name or a callable"),
        ("digits_dsm", {"purifier": "adq"}, ValueError, "did you mean adp"),
        ("digits_dsm", {"purifier": purify.Detect()}, ValueError, "is calibrated on"),
        (None, {"purifier": "adp"}, ValueError, "this purifier needs a score"),
        (
            None,
            {"purifier": lambda key, x: x, "sigma": 1},
            ValueError,
            "a callable, which",
        ),
        (None, {}, ValueError, "has no card that advises a purifier"),
        ("digits_dsm", {"chunk": 0}, ValueError, "chunk must be 1 or more; got 0"),
        ("digits_dsm", {"key": 0}, ValueError, "key must be a typed key"),
    ],
)
def test_what_cannot_purify_is_refused(images, name, kwargs, error, told):
    with pytest.raises(error, match=told):
        purifax.purify_images(images, name, **{"key": KEY} | kwargs)


def test_a_work_directory_needs_a_purifier(tmp_path, images):
    module = nets.SmallScore(channels=1, fold=2, widths=(8,), blocks=1)
    network_folders.write(tmp_path, module, (8, 8, 1), "score")
    with pytest.raises(ValueError, match="no card that advises a purifier: give pur"):
        purifax.purify_images(images, str(tmp_path), key=KEY)
    with pytest.raises(FileNotFoundError, match="has no checkpoint yet"):
        ready.purifier(str(tmp_path), purify.ADP(level=0.1, sigma=0.1))


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'purify_image'"):
        purifax.purify_image  # noqa: B018
