"""Memory stays flat, however large the source."""

import os
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from fleet import flat

HERE = pathlib.Path(__file__).parent
pytestmark = [
    pytest.mark.multihost,
    pytest.mark.skipif(sys.platform != "linux", reason="kilobytes on Linux"),
]


@pytest.mark.parametrize("way", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_source_ten_times_the_allowed_memory(tmp_path, way):
    path = os.pathsep.join([str(HERE.parent), *filter(None, sys.path)])
    # One pool of memory: with one for each thread, they grow by turns.
    known = {"PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, str(HERE / "flat.py"), str(tmp_path), str(way)],
        env=os.environ | known,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    images, grown = map(int, done.stdout.split())
    assert images == flat.COUNT
    assert grown < flat.ALLOWED
    last = open_last(tmp_path / "large" / "all.npz")
    np.testing.assert_array_equal(last, flat.image(flat.COUNT - 1) + 1)


def open_last(path):
    with zipfile.ZipFile(path) as archive, archive.open("images.npy") as file:
        size = 3 * flat.SIDE**2
        file.seek(archive.getinfo("images.npy").file_size - size)
        return np.frombuffer(file.read(), np.uint8).reshape(flat.SIDE, flat.SIDE, 3)
