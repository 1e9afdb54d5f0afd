"""Devices: shares of a batch, and that their number does not change the result."""

import dataclasses

import jax
import numpy as np
import pytest
from training_runs import classifier_run, score_run

from experiments.training.loop import compiled
from experiments.training.run import first_state, set_up
from purifax.evaluation.batches import Batches
from purifax.run import devices


@pytest.mark.parametrize(
    ("cores", "batch", "expected"),
    [(1, 128, 1), (2, 128, 2), (12, 128, 8), (64, 128, 8), (2, 75, 1), (4, 8, 1)],
)
def test_cpu_devices_divide_the_batch_into_worthwhile_shares(cores, batch, expected):
    assert devices._shares(cores, batch) == expected


def test_few_large_images_are_worth_as_many_devices_as_many_small_ones():
    assert devices.worth((8, 8, 1)) == devices.worth((4, 4, 3)) == 1
    assert devices.worth((32, 32, 3), draws=4) == 64
    assert devices._shares(4, 4) == 1
    assert devices._shares(4, 4, worth=16) == 4
    assert devices._shares(4, 3, worth=64) == 3
    assert devices._shares(4, 1, worth=64) == 1


def test_what_the_user_sets_is_left_alone(monkeypatch):
    updates = {}
    monkeypatch.setattr(jax.config, "update", updates.__setitem__)
    monkeypatch.setattr(devices, "_cores", lambda: 4)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    monkeypatch.delenv("JAX_NUM_CPU_DEVICES", raising=False)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)

    monkeypatch.setenv("XLA_FLAGS", "")
    devices.prepare(128)
    assert updates == {
        "jax_num_cpu_devices": 4,
        "jax_compilation_cache_dir": "/cache/purifax",
        "jax_persistent_cache_min_compile_time_secs": 0.05,
    }

    for name, value in (
        ("XLA_FLAGS", "--xla_force_host_platform_device_count=3"),
        ("JAX_NUM_CPU_DEVICES", "3"),
    ):
        updates.clear()
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            patch.setenv("JAX_COMPILATION_CACHE_DIR", "/mine")
            devices.prepare(128)
        assert updates == {}


def test_a_batch_that_does_not_divide_is_named():
    message = (
        "a batch of 20 does not divide over 8 devices; set --config.train.batch=16"
    )
    with pytest.raises(ValueError, match=message):
        devices.mesh(20, count=8)


def test_axes_are_auto_and_the_batch_is_spread():
    mesh = devices.mesh(128)
    assert mesh.size == 8
    assert mesh.axis_types == (jax.sharding.AxisType.Auto,)
    x = jax.device_put(np.zeros((128, 2)), devices.sharded(mesh))
    assert {shard.data.shape for shard in x.addressable_shards} == {(16, 2)}


@pytest.mark.parametrize("config", [score_run(batch=32), classifier_run(batch=32)])
def test_two_devices_train_like_one(config):
    ends = []
    for count in (1, 2):
        run = set_up(config, None, None)
        run = dataclasses.replace(run, mesh=devices.mesh(32, count))
        state, take = first_state(run), compiled(run)
        batches = Batches(run.train, 32, seed=0)
        losses = []
        for step in range(3):
            state, loss = take(state, *batches(step))
            losses.append(float(loss))
        kernels = jax.tree.leaves(state.variables)
        assert all(len(k.sharding.device_set) == count for k in kernels)
        ends.append((losses, [np.asarray(k) for k in kernels]))
    (losses, one), (others, two) = ends
    np.testing.assert_allclose(losses, others, rtol=1e-5)
    for a, b in zip(one, two, strict=True):
        # Adam's first steps divide by the gradient's own size: differences of
        # rounding in a gradient near zero may move a weight by a step of 1e-3.
        assert np.mean(np.abs(a - b) > 1e-5) < 0.02
