"""Sizes are known before memory is taken."""

import numpy as np
import pytest
from image_files import save

from purifax import data
from purifax.data import decode, members
from purifax.run import budget


def test_memory_is_that_of_the_machine_or_its_limit(tmp_path, monkeypatch):
    free = budget.memory()
    assert 1 << 20 < free < 1 << 50
    (tmp_path / "max").write_text("4096\n")
    monkeypatch.setattr(budget, "LIMITS", (str(tmp_path / "max"), "/nowhere"))
    assert budget.memory() == 4096
    (tmp_path / "max").write_text("max\n")
    assert budget.memory() > 4096


def test_what_compresses_as_images_do_is_read():
    budget.unpacks("a", 1, budget.SMALL)
    budget.unpacks("a", 10 << 20, budget.RATIO * (10 << 20))
    with pytest.raises(data.DataError, match="a unpacks from 10 MB"):
        budget.unpacks("a", 10 << 20, budget.RATIO * (10 << 20) + 1)


def test_readers_ask_before_they_allocate(tmp_path, monkeypatch):
    save(tmp_path / "in", "a.png", "b.png")
    images = np.zeros((9, 8, 8), np.uint8)
    np.savez(tmp_path / "a.npz", images=images)
    monkeypatch.setattr(budget, "memory", lambda: 50)
    with pytest.raises(data.DataError, match="a.png needs .* GB of memory, of which"):
        decode.content(tmp_path / "in" / "a.png")
    with pytest.raises(data.DataError, match="`images` in .*a.npz needs"):
        members.load(tmp_path / "a.npz", "images")
    monkeypatch.setattr(budget, "memory", lambda: 300)
    many = [str(tmp_path / "in" / "a.png")] * 2
    with pytest.raises(data.DataError, match="a.png and 1 more needs"):
        decode.decode(many)
