"""Networks on disk: described in plain values, rebuilt without training code."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifax import nets, weights
from purifax.weights import modules, network_folders


@pytest.mark.parametrize(
    "module",
    [
        nets.SmallScore(channels=1, fold=1, widths=(8, 16), dtype=jnp.bfloat16),
        nets.NCSNv2(width=8),
        nets.WideResNet(depth=10, widen=1, mean=(0.5, 0.4, 0.3), dropout=0.3),
        nets.ResNet(depth=8, std=(0.2,)),
        nets.MLP(widths=()),
    ],
)
def test_a_module_survives_json(module):
    words = json.loads(json.dumps(modules.describe(module)))
    assert modules.rebuild(words) == module


def test_unknown_modules_and_fields_are_named():
    with pytest.raises(ValueError, match="no module 'ResNets'; did you mean ResNet?"):
        modules.rebuild({"module": "ResNets", "fields": {}})
    with pytest.raises(ValueError, match="known: .*NCSNv2"):
        modules.rebuild({"module": "count", "fields": {}})
    with pytest.raises(ValueError, match="MLP cannot be rebuilt: .*colour"):
        modules.rebuild({"module": "MLP", "fields": {"colour": 1}})


def test_a_missing_folder_is_named_with_the_nearest_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "digits_dsm").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="Did you mean 'digits_dsm'?"):
        weights.load("digits_dms")
    with pytest.raises(FileNotFoundError, match="digits_dsm has no network.json"):
        weights.load("digits_dsm")


def test_a_run_without_checkpoints_is_named(tmp_path):
    network_folders.write(tmp_path, nets.MLP(), (8, 8, 1), "classifier")
    with pytest.raises(FileNotFoundError, match="has no checkpoint yet"):
        weights.load(tmp_path)
    (tmp_path / "checkpoints" / "10" / "ema").mkdir(parents=True)
    (tmp_path / "checkpoints" / "15").mkdir(parents=True)
    (tmp_path / "checkpoints" / "20.part").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint of step 20; .*\[10\]"):
        weights.load(tmp_path, step=20)


def test_what_is_written_says_what_the_network_is_for(tmp_path):
    network_folders.write(tmp_path, nets.MLP(), (8, 8, 1), "classifier")
    words = json.loads((tmp_path / "network.json").read_text())
    assert (words["module"], words["image"], words["role"]) == (
        "MLP",
        [8, 8, 1],
        "classifier",
    )


def test_a_network_from_elsewhere_is_saved_and_loaded(tmp_path):
    module, x = nets.MLP(num_classes=3, widths=(4,)), jnp.full((4, 4, 1), 0.3)
    network = nets.Network(module, nets.init(jax.random.key(0), module, x))
    weights.save(tmp_path / "mine", network, x.shape, "classifier")
    np.testing.assert_array_equal(weights.load(tmp_path / "mine")(x), network(x))
    assert weights.image_shape(tmp_path / "mine") == x.shape
    with pytest.raises(FileExistsError, match="mine has a checkpoint already"):
        weights.save(tmp_path / "mine", network, x.shape, "classifier")
