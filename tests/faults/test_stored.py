"""What an evaluation stores, damaged or put in another place."""

import numpy as np
import pytest
from bad_input import Fault

from purifax.run import npz, workdir


def part(name, damage):
    """Reads a stored part of an evaluation after some damage to its bytes."""

    def act(folder):
        path = folder / "clean-0.npz"
        npz.write(path, {"x_adv": np.arange(64.0), "bare": np.arange(9)}, "clean-0")
        path.write_bytes(damage(path.read_bytes()))
        return npz.read(path, name)

    return act


def flipped(at):
    def damage(raw):
        made = bytearray(raw)
        made[at] ^= 16
        return bytes(made)

    return damage


def config(text, **changes):
    """Resumes a work directory whose config.json holds this."""

    def act(folder):
        (folder / "config.json").write_bytes(text)
        return workdir.check(folder, {"kind": "evaluation", "keys": 3})

    return act


def clock(text):
    def act(folder):
        (folder / "clock.json").write_text(text)
        return workdir.clock(folder, 1.0)

    return act


DEEP = 5000 * b'{"a":'

ROWS = [
    # Stored parts of an evaluation, and its small files.
    Fault(
        "stored", "cut", part("clean-0", lambda raw: raw[:-300]), "clean-0.npz cannot"
    ),
    Fault(
        "stored", "a bit", part("clean-0", flipped(200)), "clean-0.npz cannot be rea"
    ),
    Fault(
        "stored", "another's place", part("clean-8", bytes), "its checksum is another"
    ),
    Fault("stored", "empty", part("clean-0", lambda raw: b""), "clean-0.npz cannot be"),
    Fault("config.json", "cut", config(b'{"kind"'), "config.json is not valid JSON"),
    Fault("config.json", "a list", config(b"[]"), "config.json must hold a dictionary"),
    Fault("config.json", "kind 3", config(b'{"kind": 3}'), "not the config of a run"),
    Fault("config.json", "deep", config(DEEP), "config.json is not valid JSON"),
    Fault(
        "config.json", "words", config(b'{"kind": "evaluation", "keys": "3"}'), "keys"
    ),
    Fault(
        "config.json", "NaN", config(b'{"kind": "a", "keys": NaN}'), "NaN is no number"
    ),
    Fault("clock.json", "cut", clock("{"), "clock.json is not valid JSON"),
    Fault("clock.json", "a list", clock("[]"), "clock.json must hold a dictionary"),
    Fault("clock.json", "in words", clock('{"seconds": "9"}'), "holds no `seconds`"),
    Fault(
        "clock.json", "negative", clock('{"seconds": -9}'), "holds no `seconds` of 0"
    ),
    Fault("clock.json", "nothing", clock("{}"), "has no seconds"),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
