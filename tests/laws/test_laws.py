"""Laws that every one-image function of the core obeys."""

import collections
import functools
from functools import partial

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.errors import KeyReuseError
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from laws.parts import parameters
from laws.rows import ROWS, images

import purifax

pytestmark = pytest.mark.usefixtures("unoptimised")

KEY = jax.random.key(42)
BY_NAME = {row.name: row for row in ROWS}
# Of the module's scope, so that the tests of one row follow each other and find what
# the last has compiled.
rows = partial(pytest.mark.parametrize, "name", scope="module")
every = rows(BY_NAME)
smooth = rows([r.name for r in ROWS if r.smooth])
close = partial(np.testing.assert_allclose, rtol=2e-4, atol=2e-5)


WIDE = 16  # images in a batch: two for each device

TRACES = collections.Counter()


@partial(jax.jit, static_argnames="name")
def run(name, fn, key, x):
    TRACES[name] += 1
    return fn(key, x)


@jax.jit
def run_batch(fn, key, xs, index):
    return purifax.batched(fn)(key, xs, index=index)


@functools.cache
def bound(name):
    return BY_NAME[name].build(parameters())


@functools.cache
def batch_result(name):
    return np.asarray(run_batch(bound(name), KEY, images(WIDE), jnp.arange(WIDE)))


def one_key(i):
    return jax.random.fold_in(KEY, i)


@every
def test_jit_is_eager(name):
    x, key = images()[2], one_key(2)
    close(run(name, bound(name), key, x), bound(name)(key, x))


@every
def test_vmap_is_a_loop(name):
    xs = images(WIDE)[:8]
    alone = [run(name, bound(name), one_key(i), xs[i]) for i in range(8)]
    close(batch_result(name)[:8], np.stack(alone))


@every
def test_sharded_over_eight_devices_is_vmap(name):
    mesh = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Auto,))
    where = NamedSharding(mesh, PartitionSpec("x"))
    xs, index = jax.device_put((images(WIDE), jnp.arange(WIDE)), where)
    close(batch_result(name), run_batch(bound(name), KEY, xs, index))


@every
def test_chunks_in_shard_map_over_eight_devices_are_vmap(name):
    """Each device takes its two images one after the other."""
    mesh = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Auto,))
    spec = PartitionSpec("x")

    @jax.jit
    @jax.shard_map(
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(), spec, spec),
        out_specs=spec,
    )
    def mapped(fn, key, xs, index):
        return purifax.batched(fn, chunk=1)(key, xs, index=index)

    found = mapped(bound(name), KEY, images(WIDE), jnp.arange(WIDE))
    close(batch_result(name), found)


@every
def test_pmap_over_eight_devices_is_vmap(name):
    keys = jax.vmap(one_key)(jnp.arange(8))
    mapped = jax.pmap(lambda fn, k, x: fn(k, x), in_axes=(None, 0, 0))
    close(batch_result(name)[:8], mapped(bound(name), keys, images(WIDE)[:8]))


@every
def test_an_image_does_not_see_its_neighbours(name):
    others = images(WIDE).at[:3].set(0.5).at[4:].set(0.1)
    changed = run_batch(bound(name), KEY, others, jnp.arange(WIDE))
    np.testing.assert_array_equal(batch_result(name)[3], changed[3])


@every
def test_same_key_same_bits(name):
    again = run_batch(bound(name), KEY, images(WIDE), jnp.arange(WIDE))
    np.testing.assert_array_equal(batch_result(name), again)


@rows([r.name for r in ROWS if r.random])
def test_another_key_another_result(name):
    other = run_batch(bound(name), jax.random.key(1), images(WIDE), jnp.arange(WIDE))
    assert not np.allclose(batch_result(name), other, atol=1e-6)


@rows([r.name for r in ROWS if not r.random and r.name != "vote"])
def test_a_deterministic_function_ignores_its_key(name):
    other = run_batch(bound(name), jax.random.key(1), images(WIDE), jnp.arange(WIDE))
    np.testing.assert_array_equal(batch_result(name), other)


@every
def test_dtype_is_kept(name):
    assert run(name, bound(name), KEY, images()[0]).dtype == jnp.float32


@rows([r.name for r in ROWS if r.boxed])
def test_stays_in_the_box(name):
    result = batch_result(name)
    assert result.min() >= 0 and result.max() <= 1


@rows([r.name for r in ROWS if r.threat is not None])
def test_an_attack_stays_in_its_set_and_moves(name):
    threat = BY_NAME[name].threat
    distance = jax.vmap(threat.distance)(batch_result(name), images(WIDE))
    assert distance.max() <= threat.radius * (1 + 1e-5) + 1e-6
    # In few steps FAB finds nothing on one of the later images, and leaves it as it is.
    assert distance[:8].min() > 0


@every
def test_new_parameters_do_not_retrace(name):
    run(name, bound(name), KEY, images()[0])
    traced = TRACES[name]
    changed = jax.tree.map(lambda p: 0.9 * p, parameters())
    run(name, BY_NAME[name].build(changed), KEY, images()[0])
    assert TRACES[name] == traced > 0


@smooth
def test_gradients_are_finite(name):
    @jax.jit
    @partial(jax.grad, argnums=(0, 2), allow_int=True)
    def gradient(params, key, x):
        return jnp.sum(jnp.sin(BY_NAME[name].build(params)(key, x)))

    for x in (images()[0], jnp.zeros((4, 4, 2)), jnp.ones((4, 4, 2))):
        for leaf in jax.tree.leaves(gradient(parameters(), KEY, x)):
            assert np.isfinite(leaf).all()


def traced(fn, key, x):
    """The shape of the result; keys and dtypes are judged as it is traced."""
    return jax.eval_shape(jax.jit(fn), key, x)


@every
def test_keys_are_used_once_and_dtypes_are_not_mixed(name, strict):
    traced(BY_NAME[name].build(parameters()), jax.random.key(9), images()[0])


def _twice(key, x):
    return x + jax.random.normal(key, x.shape) * jax.random.normal(key, x.shape)


def _at_every_step(key, x):
    def step(x, size):
        return x + size * jax.random.normal(key, x.shape), None

    return jax.lax.scan(step, x, jnp.ones(3))[0]


def _mixed(key, x):
    del key
    return x + jnp.arange(2)[None, None, :]


@pytest.mark.parametrize(
    "wrong, error",
    [(_twice, KeyReuseError), (_at_every_step, KeyReuseError), (_mixed, ValueError)],
)
def test_a_key_used_twice_and_a_mixed_dtype_are_found(wrong, error, strict):
    with pytest.raises(error):
        traced(wrong, jax.random.key(9), images()[0])
