"""A work directory has one holder, and the dead hold nothing."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from purifax.run import hold, owner
from purifax.run.hold import NAME, Held, held


def lock(folder, **changes):
    """The lock of another process."""
    with held(folder):
        words = json.loads((folder / NAME).read_text())
    words |= changes
    (folder / NAME).write_text(json.dumps(words))
    return words


@pytest.fixture(scope="module")
def ended():
    """The number of a process that has ended and was waited for."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_second_is_told_who_the_first_is(tmp_path):
    with held(tmp_path):
        before = (tmp_path / NAME).read_bytes()
        with pytest.raises(Held, match=f"is held by process {os.getpid()} on") as told:
            with held(tmp_path):
                pytest.fail("two hold it")
        assert "\n" not in str(told.value)
        assert [p.name for p in tmp_path.iterdir()] == [NAME]
        assert (tmp_path / NAME).read_bytes() == before
    assert not list(tmp_path.iterdir())
    with held(tmp_path):
        pass


def test_a_folder_made_for_nothing_is_removed(tmp_path):
    with pytest.raises(KeyError), held(tmp_path / "a" / "b"):
        raise KeyError
    assert not (tmp_path / "a").exists()
    with held(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "kept").touch()
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["kept"]


def test_a_dead_holder_is_followed(tmp_path, capsys, ended):
    lock(tmp_path, process=ended)
    with held(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["process"] == os.getpid()
    assert f"held by process {ended} on" in capsys.readouterr().err


def test_another_process_of_the_same_number_is_not_the_holder(tmp_path):
    lock(tmp_path, started="1")
    with held(tmp_path):
        pass


def test_a_process_that_nobody_waits_for_is_dead(tmp_path):
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    deadline = time.monotonic() + 20
    while owner.alive(zombie.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    lock(tmp_path, process=zombie.pid, started="")
    with held(tmp_path):
        pass
    zombie.wait()


def test_a_holder_elsewhere_lives_by_its_signs(tmp_path):
    lock(tmp_path, machine="elsewhere", node="elsewhere")
    with pytest.raises(Held, match="on elsewhere since .* last sign of life was 0:00"):
        with held(tmp_path):
            pytest.fail("two hold it")
    past = time.time() - hold.LASTING - 5
    os.utime(tmp_path / NAME, (past, past))
    with held(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"[]", b'{"machine": 3}', b"\xff\xfe"])
def test_a_damaged_lock_lasts_as_long_as_one_from_elsewhere(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(Held, match="held by an unknown process"):
        with held(tmp_path):
            pytest.fail("two hold it")
    past = time.time() - hold.LASTING - 5
    os.utime(tmp_path / NAME, (past, past))
    with held(tmp_path):
        pass


def test_the_holder_gives_signs(tmp_path, monkeypatch):
    monkeypatch.setattr(hold, "_EVERY", 0.01)
    with held(tmp_path):
        os.utime(tmp_path / NAME, (0, 0))
        deadline = time.monotonic() + 20
        while not (tmp_path / NAME).stat().st_mtime and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / NAME).stat().st_mtime > 0


def test_whoever_lost_it_is_told_and_leaves_it(tmp_path):
    with pytest.raises(Held, match="was taken over"):
        with held(tmp_path):
            (tmp_path / NAME).write_text("another's")
    assert (tmp_path / NAME).read_text() == "another's"


def test_of_many_at_once_one_takes_over(tmp_path, ended):
    lock(tmp_path, process=ended)
    ready, inside, refused = threading.Barrier(8), [], []
    leave = threading.Event()

    def try_it():
        ready.wait()
        try:
            with held(tmp_path):
                inside.append(1)
                leave.wait(20)
        except Held:
            refused.append(1)
        if len(refused) == 7:
            leave.set()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inside) == 1 and len(refused) == 7


def test_who_comes_late_to_a_dead_lock_leaves_the_new_one_alone(tmp_path, ended):
    lock(tmp_path, process=ended)
    dead = (tmp_path / NAME).read_bytes()
    with held(tmp_path):
        before = (tmp_path / NAME).stat()
        assert not hold._unlock(tmp_path, dead)
        assert (tmp_path / NAME).stat().st_ino == before.st_ino
    assert list(tmp_path.iterdir()) == []


def test_a_takeover_that_was_cut_short_is_taken_over(tmp_path, ended, monkeypatch):
    lock(tmp_path, process=ended)
    words = hold._words() | {"process": ended}
    with monkeypatch.context() as patch:
        patch.setattr(hold, "_words", lambda: words)
        patch.setattr(hold, "remove", lambda path: None)  # it ends before it removes
        assert hold._unlock(tmp_path, (tmp_path / NAME).read_bytes())
    with held(tmp_path):
        assert hold._read((tmp_path / NAME).read_bytes())["process"] != ended
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path):
    pathlib.Path(tmp_path, "file").touch()
    with pytest.raises(ValueError, match="file is no folder"):
        with held(tmp_path / "file"):
            pytest.fail("it is held")
