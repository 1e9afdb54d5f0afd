"""The folder of real images beside the checkout, for tests marked `realdata`."""

import importlib.util
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

__all__ = ["arrays", "folder", "load", "needed"]


def folder():
    """The folder, from PURIFAX_SHARED_DATA or ../shared/data; None where absent."""
    given = os.environ.get("PURIFAX_SHARED_DATA")
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    place = Path(given) if given else beside
    return place if (place / "imgpack.py").is_file() else None


@cache
def load(name):
    """The arrays of one packed file: images uint8 [N, H, W, C], labels, ..."""
    place = folder()
    if place is None:
        pytest.skip("the folder shared/data is not beside the checkout")
    spec = importlib.util.spec_from_file_location("imgpack", place / "imgpack.py")
    imgpack = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(imgpack)
    path = place / (name if name.endswith(".npz") else f"{name}.npz")
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the folder shared/data")
    return imgpack.load(str(path))


def arrays(name):
    """The arrays of one plain .npz, such as weights/mnist_kw, by name."""
    place = folder()
    path = place / f"{name}.npz" if place else None
    if path is None or not path.is_file():
        pytest.skip(f"{name}.npz is not in the folder shared/data")
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def needed(test):
    """Mark a test that reads the folder: `realdata`, skipped where it is absent."""
    reason = "the folder shared/data is not beside the checkout"
    return pytest.mark.realdata(
        pytest.mark.skipif(folder() is None, reason=reason)(test)
    )
