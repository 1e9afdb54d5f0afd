"""No file of weights takes more memory than its size allows, whatever it promises."""

import os
import subprocess
import sys

import pytest
from weights import hostile_files

from purifax.weights import containers

MEGABYTES = 300
"""Memory for files of at most 2.5 MB; their budget is 84 MB at most."""


def test_hundreds_of_damaged_files_stay_within_their_memory():
    words = [sys.executable, "-m", "weights.fuzz", str(MEGABYTES)]
    here = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, env=here)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.splitlines()) == 8


@pytest.mark.parametrize("name", hostile_files.BOMBS)
def test_a_small_file_that_asks_for_gigabytes_is_refused(tmp_path, name):
    path = tmp_path / "bomb"
    path.write_bytes(hostile_files.BOMBS[name]())
    with pytest.raises(ValueError, match="bomb") as error:
        containers.read(path)
    assert not isinstance(error.value.__cause__, MemoryError)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", hostile_files.CONTRADICTIONS)
def test_a_file_that_contradicts_itself_is_refused_with_the_reason(tmp_path, name):
    content, words = hostile_files.CONTRADICTIONS[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        containers.read(path)
