"""Training by several processes: the result of one, saved for any number of them."""

import functools
import os
import pathlib
import re
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
from fleet.trainer import energy_run, stopped_at
from training_runs import classifier_run, rows, saved, steps

import experiments
from experiments.training import loop
from experiments.training.run import set_up, shapes
from experiments.training.state import Checkpoints
from purifax.run import devices, workdir
from purifax.run.stop import Stopped

pytestmark = pytest.mark.multihost
HERE = pathlib.Path(__file__).parent
ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent


def processes(count, folder, last, stop, devices=1):
    """So many processes, of which each has so many devices; what they said.

    The last of them is told to stop in a step; they all do, after it.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = os.environ["XLA_FLAGS"]
    known = os.environ | {
        "PURIFAX_COORDINATOR": address,
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, sys.path)]),
        "XLA_FLAGS": re.sub(r"device_count=\d+", f"device_count={devices}", flags),
    }
    words = ["bash", str(ROOT / "launch" / "local.sh"), str(count), sys.executable]
    words += [str(HERE / "trainer.py"), str(folder), str(last), str(stop)]
    done = subprocess.run(words, env=known, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def one_process(monkeypatch):
    """Trains in this process with so many devices."""

    def train(config, folder, count):
        mesh = functools.partial(PLAIN, count=count)
        monkeypatch.setattr(devices, "mesh", mesh)
        return loop.train(config, folder, None)

    return train


PLAIN = devices.mesh


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes trained, and what they said."""
    folder = tmp_path_factory.mktemp("two")
    return folder, processes(2, folder, 6, 2)


def test_two_processes_train_what_one_does_with_as_many_devices(
    two, one_process, tmp_path
):
    folder, done = two
    one_process(classifier_run(steps=4), tmp_path, 2)
    for item in ("state", "ema"):
        a, b = saved(tmp_path, item), saved(folder / "classifier", item)
        assert a.keys() == b.keys() and len(a) > 3
        assert [name for name in a if a[name].tobytes() != b[name].tobytes()] == []
    assert rows(tmp_path) == rows(folder / "classifier")
    wanted, found = (
        workdir.read_json(place / "summary.json")
        for place in (tmp_path, folder / "classifier")
    )
    for name in ("weights_sha256", "validation", "test", "images"):
        assert wanted[name] == found[name]
    assert found["versions"]["devices"] == "2 x cpu"


def test_only_the_first_process_speaks(two):
    folder, done = two
    assert len(re.findall("classifier: 4 steps in", done.stdout)) == 1
    assert len(re.findall("training SmallEnergy .* of 2 processes", done.stderr)) == 1
    assert len(re.findall("stopped after step 3, saved", done.stderr)) == 1
    assert len(re.findall("ends with 143", done.stderr)) == 2
    assert len(re.findall(r"step 4/4 \(100%\)", done.stderr)) == 1


def test_a_signal_to_one_process_saves_and_ends_all(two, one_process, tmp_path):
    folder, _ = two
    assert steps(folder / "energy") == [3]
    assert not (folder / "energy" / "summary.json").exists()
    with stopped_at(2):
        with pytest.raises(Stopped):
            one_process(energy_run(steps=6), tmp_path, 1)
    assert_close(folder / "energy", tmp_path)


def test_one_process_restores_what_two_saved(two, monkeypatch):
    """On four devices: the bits are those on the disk, and the bank is spread."""
    folder, _ = two
    monkeypatch.setattr(devices, "mesh", functools.partial(PLAIN, count=4))
    run = set_up(energy_run(steps=6), folder / "energy", None)
    with Checkpoints(folder / "energy" / "checkpoints", 2) as checkpoints:
        state, _ = checkpoints.restore(shapes(run))
    assert {shard.data.shape[0] for shard in state.bank.addressable_shards} == {8}
    wanted = saved(folder / "energy")
    np.testing.assert_array_equal(state.bank, wanted["['bank']"])
    kernels = jax.tree_util.tree_leaves_with_path(state.variables)
    for path, kernel in kernels:
        name = f"['variables']{jax.tree_util.keystr(path)}"
        np.testing.assert_array_equal(kernel, wanted[name])
    assert len(kernels) > 3 and int(state.step) == 3


@pytest.mark.slow
def test_any_number_of_processes_goes_on_where_others_stopped(one_process, tmp_path):
    """One, two, four, and one of two devices: each restores what the last one saved."""
    config, folder = energy_run(steps=6), tmp_path / "energy"
    with stopped_at(0):
        with pytest.raises(Stopped):
            one_process(config, folder, 1)
    for count, stop in ((2, 2), (4, 4)):
        done = processes(count, tmp_path, 6, stop)
        told = re.findall(f"resuming SmallEnergy .* of {count} processes", done.stderr)
        assert len(told) == 1
        assert steps(folder)[-1] == stop + 1
    one_process(config, folder, 2)
    one_process(config, tmp_path / "whole", 1)
    assert_close(folder, tmp_path / "whole")


def assert_close(found, wanted):
    """The same run but for the order in which devices are summed over."""
    a, b = saved(found), saved(wanted)
    assert a.keys() == b.keys()
    for name in a:
        # Adam's first steps divide by a gradient's own size: see `test_devices`.
        assert np.mean(np.abs(a[name] - b[name]) > 1e-4) < 0.02, name
    assert any("bank" in name for name in a)
    for one, two in zip(rows(found), rows(wanted), strict=True):
        assert one == pytest.approx(two, rel=1e-3, abs=1e-4)
