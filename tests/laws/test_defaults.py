"""The rows of the laws whatever defaults of jax the user's program has changed."""

import contextlib

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from laws.parts import parameters
from laws.rows import ROWS, images

import purifax
from purifax.run.defaults import usual

pytestmark = pytest.mark.usefixtures("unoptimised")
BY_NAME = {row.name: row for row in ROWS}
KEY, FEW = 9, ("ddim", "adaptive", "jpeg", "fab", "square_linf", "pgd_linf")
KINDS = {
    "x64": lambda: jax.enable_x64(True),
    "rbg": lambda: jax.default_prng_impl("rbg"),
}


@contextlib.contextmanager
def wide_and_strict():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        yield


def given():
    """Parameters and an image made before the defaults were changed."""
    return jax.tree.map(np.asarray, (parameters(), images()[0]))


@pytest.mark.parametrize("name", BY_NAME)
def test_float32_images_stay_so_under_x64_and_strict_promotion(name):
    params, x = given()
    with wide_and_strict():
        params, x = jax.tree.map(jnp.asarray, (params, x))
        run = jax.jit(BY_NAME[name].build(params))
        assert jax.eval_shape(run, jax.random.key(KEY), x).dtype == jnp.float32


@pytest.mark.parametrize("name", [name for name in FEW if name in BY_NAME])
def test_bits_do_not_depend_on_x64(name):
    def result():
        params, x = jax.tree.map(jnp.asarray, kept)
        run = jax.jit(BY_NAME[name].build(params))
        return np.asarray(run(jax.random.key(KEY), x))

    kept = given()
    before = result()
    with jax.enable_x64(True):
        np.testing.assert_allclose(result(), before, rtol=0, atol=1e-6)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_neighbours_do_not_matter_for_any_kind_of_key(impl):
    run = purifax.batched(Partial(lambda key, x: x + jax.random.normal(key)))
    key, x = jax.random.key(0, impl=impl), jnp.zeros(3)
    np.testing.assert_array_equal(
        run(key, x)[1:], run(key, x[1:], index=jnp.array([1, 2]))
    )


@pytest.mark.parametrize(
    "changed",
    [
        *KINDS.values(),
        lambda: jax.numpy_dtype_promotion("strict"),
        lambda: jax.threefry_partitionable(False),
        lambda: jax.default_matmul_precision("bfloat16"),
    ],
)
def test_an_edge_gives_the_same_bits_under_all_defaults(changed):
    bytes_ = np.full((2, 8, 8, 1), 128, np.uint8)
    key = jax.random.key(0, impl="threefry2x32")
    before = purifax.purify_images(bytes_, "digits_dsm", key=key)
    with changed():
        again = purifax.purify_images(bytes_, "digits_dsm", key=key)
    np.testing.assert_array_equal(again, before)


def test_the_usual_defaults_end_with_their_block():
    with jax.enable_x64(True):
        with usual():
            assert jnp.ones(1).dtype == jnp.float32
        assert jnp.ones(1).dtype == jnp.float64
