"""Many devices and many chunks: the results of `batched`, to the bit, and no others."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.sharding import AxisType, Mesh
from jax.tree_util import Partial

from purifax.transform import batch_mesh, batched, in_chunks, sharded
from purifax.transform.sharding import compiled, placed

KEY = jax.random.key(5)
IMAGES = np.linspace(0, 1, 16 * 12, dtype=np.float32).reshape(16, 2, 2, 3)
LABELS = np.arange(16) % 3
INDEX = np.arange(16)[::-1].copy() * 7


def noised(key, x, label, scale):
    """A tree of results, one of them of the label alone."""
    z = jax.random.normal(key, x.shape)
    return {"x": x + scale * z, "label": label + jax.random.randint(key, (), 0, 5)}


FN = Partial(noised, scale=jnp.asarray(0.1))


def same(found, wanted):
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


def wanted(rows=slice(None), index=INDEX):
    run = jax.jit(batched(FN))
    return run(KEY, IMAGES[rows], LABELS[rows], index=index[rows])


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_the_number_of_devices_changes_no_bit(devices):
    mesh = batch_mesh(16, jax.devices()[:devices])
    assert mesh.shape["batch"] == devices
    run = sharded(FN, mesh)
    same(run(KEY, IMAGES, LABELS, index=INDEX), wanted())
    same(run(KEY, IMAGES, LABELS), wanted(index=np.arange(16)))


def test_each_device_holds_its_share():
    found = sharded(FN, batch_mesh(16))(KEY, IMAGES, LABELS)["x"]
    assert len(found.sharding.device_set) == 8
    assert found.addressable_shards[0].data.shape == (2, 2, 2, 3)


def test_devices_along_another_axis_have_the_same_images():
    square = np.asarray(jax.devices()).reshape(4, 2)
    mesh = Mesh(square, ("batch", "draw"), axis_types=(AxisType.Auto,) * 2)
    same(sharded(FN, mesh)(KEY, IMAGES, LABELS, index=INDEX), wanted())


def test_new_parameters_compile_nothing():
    traced = []

    def counted(key, x, shift):
        traced.append(x)
        return x + shift

    mesh = batch_mesh(16)
    for shift in (1.0, 2.0):
        fn = Partial(counted, shift=jnp.asarray(shift))
        found = sharded(fn, mesh)(KEY, IMAGES)
        np.testing.assert_array_equal(found, IMAGES + np.float32(shift))
    assert len(traced) == 1


def test_parameters_on_another_device_are_copied_once_and_others_stay():
    far = jax.device_put(jnp.ones(3), jax.devices()[7])
    near = jnp.ones(3)
    mesh = batch_mesh(2, jax.devices()[:2])
    moved = placed({"far": far, "near": near, "name": "n"}, mesh)
    assert moved["far"].sharding.device_set == set(jax.devices()[:2])
    assert moved["near"] is near and moved["name"] == "n"


def test_images_that_do_not_divide_are_refused():
    run = sharded(FN, batch_mesh(16))
    with pytest.raises(ValueError, match="12 images do not divide among the 8 devices"):
        run(KEY, IMAGES[:12], LABELS[:12])


def test_a_mesh_uses_the_devices_that_divide_the_batch():
    assert batch_mesh(12).shape["batch"] == 6
    assert batch_mesh(7).shape["batch"] == 7
    assert batch_mesh(11).shape["batch"] == 1


def test_a_compiled_program_is_that_of_the_call():
    mesh = batch_mesh(16)
    run, memory = compiled(FN, mesh, KEY, IMAGES, LABELS, index=INDEX)
    same(run(), wanted())
    assert memory >= 0


@pytest.mark.parametrize("count", [1, 7, 8, 13, 16])
def test_chunks_change_no_bit_and_the_filling_is_dropped(count):
    run, rows = sharded(FN, batch_mesh(8)), slice(count)
    found = in_chunks(run, 8)(KEY, IMAGES[rows], LABELS[rows], index=INDEX[rows])
    assert isinstance(found["x"], np.ndarray)
    same(found, wanted(rows))
    plain = in_chunks(run, 8)(KEY, IMAGES[rows], LABELS[rows])
    same(plain, wanted(rows, np.arange(16)))


def test_all_chunks_have_the_shape_of_the_first():
    shapes = []

    def run(key, x, index):
        shapes.append((x.shape, index.shape))
        return x

    in_chunks(run, 6)(KEY, IMAGES)
    assert shapes == [((6, 2, 2, 3), (6,))] * 3


def test_progress_sees_where_each_chunk_starts():
    seen = []

    def progress(starts):
        for start in starts:
            seen.append((start, len(starts)))
            yield start

    in_chunks(jax.jit(batched(FN)), 6, progress=progress)(KEY, IMAGES, LABELS)
    assert seen == [(0, 3), (6, 3), (12, 3)]


def test_chunks_without_images_are_refused():
    with pytest.raises(ValueError, match="at least 1 image; got 0"):
        in_chunks(batched(FN), 0)
    with pytest.raises(ValueError, match="no image to map over"):
        in_chunks(batched(FN), 4)(KEY, IMAGES[:0], LABELS[:0])
