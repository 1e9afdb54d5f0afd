"""A file that holds its own checksum: no bit of it changes unnoticed."""

import json
import os
import shutil

import numpy as np
import pytest

from purifax import weights
from purifax.run import json_text, seal


def test_what_is_sealed_is_read_again(tmp_path):
    (tmp_path / "a.json").write_bytes(seal.sealed({"rate": 0.1, "shape": (8, 8)}))
    assert seal.unsealed(tmp_path / "a.json") == {"rate": 0.1, "shape": [8, 8]}


def test_what_json_cannot_hold_is_not_sealed():
    with pytest.raises(ValueError, match="rate has a number that is not finite"):
        seal.sealed({"rate": {"least": float("nan")}})


def test_no_bit_of_a_description_changes_unnoticed(tmp_path):
    shutil.copytree(weights.resolve("digits_ddpm"), tmp_path / "copy")
    path = tmp_path / "copy" / "network.json"
    content, random = path.read_bytes(), np.random.default_rng(0)
    right = weights.folders.description(tmp_path / "copy")
    unnoticed = []
    for bit in random.choice(8 * len(content), 200, replace=False):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            if weights.folders.description(tmp_path / "copy") != right:
                unnoticed.append(bit)
        except ValueError:
            continue
    assert not unnoticed


def test_a_description_without_a_checksum_is_read(tmp_path):
    shutil.copytree(weights.resolve("digits_dsm"), tmp_path / "copy")
    path = tmp_path / "copy" / "network.json"
    words = json.loads(path.read_text())
    del words["checksum"]
    path.write_text(json.dumps(words))
    assert weights.load(tmp_path / "copy").module == weights.load("digits_dsm").module


def test_a_file_that_is_no_regular_one_or_too_long_is_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ValueError, match="fifo is no regular file"):
        json_text.read(tmp_path / "fifo")
    (tmp_path / "long").write_text("[1, 2, 3, 4]")
    monkeypatch.setattr(json_text, "_LONGEST", 9)
    with pytest.raises(ValueError, match="long has 12 bytes"):
        json_text.read(tmp_path / "long")
