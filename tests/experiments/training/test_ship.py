"""From a work directory to shipped weights: what the card says is what was measured."""

import json

import commands
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import configs
from experiments.training import ship
from purifax import nets, weights
from purifax.run import config as configlib
from purifax.run import workdir


@pytest.fixture
def trained(tmp_path):
    """What a training leaves: a classifier of three classes, and a summary."""
    folder = tmp_path / "runs/mine"
    module, x = nets.MLP(num_classes=10, widths=(4,)), jnp.zeros((8, 8, 1))
    network = nets.Network(module, nets.init(jax.random.key(0), module, x))
    weights.save(folder, network, x.shape, "classifier")
    config = configlib.encode(configs.find("digits_classifier"))
    config["train"]["steps"] = 7
    parts = {"train": {"count": 1167}, "validation": {"count": 130}}
    splits = {"set": "digits", "source": "/a/place/x.npz + /b/y.npz", "parts": parts}
    summary = {
        "steps": 7,
        "seconds": 1.5,
        "parameters": nets.count(network.variables),
        "validation": {"accuracy": 0.125},
        "test": {"accuracy": 0.0625},
        "weights_sha256": workdir.fingerprint(network.variables),
        "config": config,
        "versions": {"jax": "0.0", "devices": "1 x abacus"},
    }
    workdir.write_json(folder / "splits.json", splits)
    workdir.write_json(folder / "summary.json", summary)
    return folder


def test_a_training_becomes_a_card_and_a_file(trained, tmp_path, capsys):
    line = f"ship digits_classifier {trained} --root={tmp_path / 'made'}"
    code, _, told = commands.run(capsys, line)
    made = tmp_path / "made/digits_classifier"
    assert code == 0 and told.strip() == (made / "card.md").read_text().strip()
    card = json.loads((made / "card.json").read_text())
    assert card["command"].endswith(
        "train --config=digits_classifier --config.train.steps=7"
    )
    assert card["data"]["source"] == "x.npz + y.npz"
    assert (card["test"], card["seconds"]) == ({"accuracy": 0.0625}, 1.5)
    assert "accuracy 0.0625" in told and "1 x abacus" in told
    for before, after in zip(
        jax.tree.leaves(weights.load(trained).variables),
        jax.tree.leaves(weights.load(made).variables),
        strict=True,
    ):
        np.testing.assert_array_equal(np.float32(np.float16(before)), after)
    assert 0 < card["stored"]["apart"] < 1e-3 and card["stored"]["images"] == 256
    code, _, told = commands.run(capsys, line)
    assert code == 1 and "--replace takes its place" in told


def test_a_checkpoint_that_is_not_the_summary_s_is_refused(trained, tmp_path):
    summary = json.loads((trained / "summary.json").read_text())
    summary["weights_sha256"] = "0" * 64
    workdir.write_json(trained / "summary.json", summary)
    with pytest.raises(ValueError, match="is not what its summary.json is about"):
        ship.ship("digits_classifier", trained, None, root=tmp_path / "made")
    assert not list((tmp_path / "made").iterdir())


def test_a_command_types_what_differs_and_nothing_else():
    config = json.loads(json.dumps(configlib.encode(configs.find("digits_classifier"))))
    plain = "python -m experiments.train --config=digits_classifier"
    assert ship.command("digits_classifier", config) == plain
    config["net"]["widths"] = [8, 9]
    del config["smoothing"]
    typed = f"{plain} --config.net.widths=8,9"
    assert ship.command("digits_classifier", config) == typed
    with pytest.raises(ValueError, match="has no field net.colour any more"):
        ship.command("digits_classifier", {"net": {"colour": 1}})


def test_only_purifiers_that_cards_can_name_are_advised():
    found = ship.advised("digits_adp", "digits_dsm")
    assert found == weights.card("digits_dsm")["purify"]
    assert found["purifier"]["recipe"] == "ADP"
    assert found["purifier"]["steps"] == 3 and found["purifier"]["rate"] == 0.8
    assert ship.advised("digits_gdmp", "digits_ddpm")["purifier"]["recipe"] == "GDMP"
    with pytest.raises(ValueError, match="digits_bit_depth has BitDepth"):
        ship.advised("digits_bit_depth", "digits_ddpm")
    with pytest.raises(ValueError, match="this score network knows none"):
        ship.advised("digits_diffpure", "digits_dsm")
    with pytest.raises(ValueError, match="digits_dsm is no evaluation"):
        ship.advised("digits_dsm", "digits_dsm")
