"""Weights that come with the package: their files are whole, small and described."""

import hashlib
import json
import pathlib
import re

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments.training import ship
from purifax import data, nets, purify, weights
from purifax.weights import priors, shipped


@pytest.mark.parametrize("name", weights.names())
def test_each_has_its_files_and_a_card_that_fits_them(name):
    folder, card = shipped.find(name), weights.card(name)
    content = (folder / shipped.FILE).read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert len(content) == card["stored"]["bytes"] < 700_000
    assert nets.count(shipped.unpack(content)) == card["parameters"]
    assert (folder / "card.md").read_text() == ship.text(card)
    assert card["stored"]["apart"] < 0.01 and card["stored"].get("changed", 0) <= 2
    assert f"--config={name}" in card["command"] and card["seconds"] > 0
    assert "/" not in card["data"]["source"]
    with Image.open(folder / "picture.png") as picture:
        assert picture.width > 50
    assert weights.role(name) == card["role"]


def test_there_are_many_and_all_of_them_are_small():
    roles = {weights.role(name) for name in weights.names()}
    assert len(weights.names()) >= 10 and roles == {"score", "classifier", "energy"}
    files = [path for path in shipped.ROOT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 6e6


def test_a_shipped_classifier_has_the_accuracy_of_its_card():
    test, network = data.load("digits", "test"), weights.load("digits_classifier")
    logits = network.module.apply(
        network.variables, jnp.asarray(test.images, jnp.float32) / 255
    )
    accuracy = float((np.asarray(logits).argmax(-1) == test.labels).mean())
    assert abs(accuracy - weights.card("digits_classifier")["test"]["accuracy"]) < 0.005


def test_shipped_weights_stand_for_a_run_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped_one = shipped.find("digits_dsm")
    for place in ("digits_dsm", "runs/digits_dsm", "runs/digits_dsm/"):
        assert weights.resolve(place) == shipped_one
        assert weights.role(place) == "score"
    assert priors.load("runs/digits_dsm").network is not None
    for place in ("other/digits_dsm", tmp_path / "runs/digits_dsm", "runs/digits_dms"):
        with pytest.raises(FileNotFoundError, match="there is no work directory"):
            weights.resolve(place)
    (tmp_path / "runs/digits_dsm").mkdir(parents=True)
    for place in ("digits_dsm", "runs/digits_dsm"):
        assert weights.resolve(place) == pathlib.Path("runs/digits_dsm")
    (tmp_path / "digits_dsm").mkdir()
    assert weights.resolve("digits_dsm") == pathlib.Path("digits_dsm")


@pytest.mark.parametrize("name", ["digits_dsm", "digits_ddpm", "digits_ebm"])
def test_the_repr_of_a_bound_purifier_is_a_line(name):
    prior = priors.load(name)
    for made in (prior, purify.ADP().build(prior), purify.OneStep().build(prior)):
        assert "parameters)" in repr(made) and "\n" not in repr(made)
        # `Partial` writes the address of each function, which says nothing.
        assert len(re.sub(r"<function (\w+) at 0x\w+>", r"\1", repr(made))) < 400


def test_a_run_of_one_s_own_comes_before_what_is_shipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/digits_dsm").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="digits_dsm has no network.json"):
        weights.load("digits_dsm")


def test_names_are_suggested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = "Weights named 'digits_dsm' come with purifax: give the name alone"
    with pytest.raises(FileNotFoundError, match=told):
        weights.load("elsewhere/digits_dsm")
    told = "no work directory runs/digits_dms. Did you mean 'digits_dsm'"
    with pytest.raises(FileNotFoundError, match=told):
        weights.load("runs/digits_dms")
    with pytest.raises(FileNotFoundError, match="no weights 'mine' come with"):
        weights.card("mine")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint of step 5; it has \d+"):
        weights.load("digits_dsm", step=5)


def test_parameters_are_rounded_and_running_averages_are_not():
    value = np.float32(1 / 3)
    stored = shipped.unpack(
        shipped.pack({"params": {"a": {"w": value}}, "batch_stats": {"mean": value}})
    )
    assert stored["batch_stats"]["mean"] == value
    rounded = stored["params"]["a"]["w"]
    assert rounded == np.float16(value) and rounded.dtype == np.float32
    with pytest.raises(ValueError, match="params/w has values that float16 cannot"):
        shipped.pack({"params": {"w": np.float32(1e6)}})


@pytest.mark.parametrize("spoil", [lambda b: b[:-9], lambda b: b[:99] + b"x" + b[100:]])
def test_damaged_weights_are_refused(spoil):
    content = shipped.pack({"params": {"w": np.zeros(99, np.float32)}})
    with pytest.raises(ValueError, match="not those of their card"):
        shipped.unpack(spoil(content), hashlib.sha256(content).hexdigest())
    with pytest.raises(ValueError, match="cannot be read"):
        shipped.unpack(b"not an archive")


def test_the_hash_of_a_card_is_looked_at(tmp_path):
    folder = shipped.find("digits_classifier")
    for name in ("network.json", "card.json", shipped.FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert weights.load(tmp_path).module == weights.load("digits_classifier").module
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(ValueError, match="not those of their card"):
        weights.load(tmp_path)


def test_cards_hold_no_path_of_the_machine_that_made_them():
    for name in weights.names():
        assert not re.search(r"/(tmp|home|root|work)/", json.dumps(weights.card(name)))
