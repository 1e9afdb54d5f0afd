"""Files that hold more than weights: wrappers, averages, and metadata."""

import argparse
import collections
import datetime
import pathlib
import pickle

import numpy as np
import pytest
from weights import torch_files

from purifax.weights import containers, foreign_file
from purifax.weights.stand_ins import StandIn

RAW = {"conv.weight": np.full((2, 2), 1.0, np.float32)}
MEAN = {"conv.weight": np.full((2, 2), 2.0, np.float32)}
COUNT = {"step": np.array(3), "initted": np.array(True)}


def prefixed(prefix, state):
    return {prefix + name: array for name, array in state.items()}


BOTH = {
    "entries": ({"model": RAW, "ema": MEAN}, "model", "ema"),
    "of timm": ({"state_dict": RAW, "state_dict_ema": MEAN}, "state_dict", None),
    "wrapped twice": (
        {"model": {"state_dict": prefixed("module.", RAW)}, "ema": {"module": MEAN}},
        "model.state_dict",
        "ema.module",
    ),
    "compiled": ({"net": prefixed("_orig_mod.", RAW), "ema": MEAN}, "net", "ema"),
    "of prefixes": (prefixed("model.", RAW) | prefixed("ema.", MEAN), "model", "ema"),
    "of an EMA's own": (
        {
            "model": RAW,
            "ema": COUNT
            | prefixed("online_model.", RAW)
            | prefixed("ema_model.", MEAN),
        },
        None,
        "ema.ema_model",
    ),
    "without names": (
        {"model": RAW, "ema": {"decay": 0.9, "shadow_params": list(MEAN.values())}},
        "model",
        "ema",
    ),
}


@pytest.mark.parametrize("case", BOTH)
def test_the_average_is_taken_and_said_and_the_other_is_offered(tmp_path, case):
    stored, raw, mean = BOTH[case]
    path = tmp_path / "file"
    path.write_bytes(torch_files.archive(stored))
    if case == "of an EMA's own":  # its copy of the last weights is a third set
        with pytest.raises(ValueError, match="several sets"):
            foreign_file.chosen(str(path))
        arrays, _ = foreign_file.chosen(str(path), "ema")
        np.testing.assert_array_equal(arrays["conv.weight"], MEAN["conv.weight"])
        return
    arrays, words = foreign_file.chosen(str(path))
    assert arrays.keys() == RAW.keys()
    np.testing.assert_array_equal(arrays["conv.weight"], MEAN["conv.weight"])
    assert words["entry"] == f"{mean or 'state_dict_ema'} (averaged)"
    assert words["other entries"] == f"--entry={raw}"
    for entry in ("raw", raw):
        arrays, words = foreign_file.chosen(str(path), entry)
        np.testing.assert_array_equal(arrays["conv.weight"], RAW["conv.weight"])
        assert words["entry"] == raw


def test_of_the_last_and_the_best_the_usual_or_the_named_is_taken(tmp_path):
    """Two of RobustBench's files are of this kind, and it takes the last."""
    path = str(tmp_path / "file")
    stored = {"last": prefixed("module.", RAW), "best": MEAN, "epoch": 3}
    (tmp_path / "file").write_bytes(torch_files.archive(stored))
    with pytest.raises(ValueError, match="several sets of weights: last, best"):
        foreign_file.chosen(path)
    arrays, words = foreign_file.chosen(path, usual="last")
    np.testing.assert_array_equal(arrays["conv.weight"], RAW["conv.weight"])
    assert words == {"entry": "last", "other entries": "--entry=best"}
    arrays, _ = foreign_file.chosen(path, "best", usual="last")
    np.testing.assert_array_equal(arrays["conv.weight"], MEAN["conv.weight"])


def test_averages_without_names_leave_what_is_not_trained(tmp_path):
    raw = {"bn.running_mean": np.full(3, 5.0, np.float32)} | RAW
    stored = {"model": raw, "ema": {"shadow_params": list(MEAN.values())}}
    (tmp_path / "file").write_bytes(torch_files.archive(stored))
    arrays = foreign_file.state(str(tmp_path / "file"), "ema")
    np.testing.assert_array_equal(arrays["conv.weight"], MEAN["conv.weight"])
    np.testing.assert_array_equal(arrays["bn.running_mean"], raw["bn.running_mean"])


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "net.", "ema.", "module._orig_mod.", "model.net."],
)
def test_prefixes_of_wrappers_are_left_out(tmp_path, prefix):
    path = tmp_path / "file"
    path.write_bytes(torch_files.archive({"state_dict": prefixed(prefix, RAW)}))
    assert foreign_file.state(str(path)).keys() == RAW.keys()


def test_an_entry_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(torch_files.archive({"model": RAW, "ema": MEAN}))
    with pytest.raises(ValueError, match="no entry of swa weights; it has model, ema"):
        foreign_file.chosen(str(path), "swa")


def metadata():
    return {
        "args": argparse.Namespace(lr=0.1, when=datetime.datetime(2026, 1, 1)),
        "counts": collections.Counter(a=3),
        "log": collections.defaultdict(list, loss=[0.5]),
        "place": pathlib.PurePosixPath("/data") / "cifar",
        "order": collections.deque([1, 2]),
        "took": datetime.timedelta(seconds=3),
        "model": {"fc.weight": np.ones((2, 3), np.float32)},
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_harmless_metadata_becomes_plain_or_inert(tmp_path, protocol):
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps(metadata(), protocol))
    found = containers.read(path)
    assert found["counts"] == {"a": 3} and found["log"] == {"loss": [0.5]}
    assert found["place"].endswith("data/cifar")
    assert repr(found["args"]) == "<argparse.Namespace, not read>"
    assert all(isinstance(found[n], StandIn) for n in ("args", "order", "took"))
    assert list(foreign_file.state(str(path))) == ["fc.weight"]


def test_a_stand_in_where_weights_are_needed_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps(argparse.Namespace(model=1), 2))
    with pytest.raises(ValueError, match="holds a argparse.Namespace, which is not"):
        foreign_file.dictionary(str(path))


def test_torch_writes_metadata_that_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(3, 2)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    layer(torch.ones(3)).sum().backward()
    optimiser.step()
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0, total_steps=9)
    value = metadata() | {
        "model": layer.state_dict(),
        "optimizer": optimiser.state_dict(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimiser, 3).state_dict(),
        "rates": {"last": scheduler.get_last_lr()},
        "device": torch.device("cuda:1"),
        "dtype": torch.float16,
    }
    path = tmp_path / "file"
    torch.save(value, path)
    found = containers.read(path)
    assert (found["device"], found["dtype"]) == ("cuda:1", "torch.float16")
    state = foreign_file.state(str(path))
    np.testing.assert_array_equal(state["weight"], layer.weight.detach().numpy())
