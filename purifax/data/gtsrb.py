"""GTSRB: 43 kinds of traffic signs, resized to 32 x 32 or as `gtsrb:48` says.

From the published .zip files, or the folder `GTSRB` that they unpack to.

Source: Stallkamp et al. 2012, "Man vs. computer: Benchmarking machine learning
algorithms for traffic sign recognition".
"""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from purifax.data.images import DataError
from purifax.data.official_files import Files, first, opened, side_of

__all__ = ["find"]


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Files | None:
    """GTSRB from its folder or .zip files in `root` or `root/gtsrb`, or None."""
    side, train = side_of(name, 32), split == "train"
    ends = ("Training", "Final_Training/Images") if train else ("Final_Test/Images",)
    zips = ("GTSRB-Training_fixed.zip", "GTSRB_Final_Training_Images.zip")
    zips = zips if train else ("GTSRB_Final_Test_Images.zip",)
    for base in (root, root / "gtsrb"):
        tops = (base / "GTSRB", base)
        folders = (top / end for top in tops for end in ends)
        path = next((p for p in folders if p.is_dir()), None) or first(base, zips)
        if path is None:
            continue
        form = re.compile(r"(?:.*/)?(?:(\d{5})/)?(\d{5}(?:_\d{5})?\.ppm)")
        names, read = opened(path, form)
        names = sorted(names)
        labels = _folders(names) if train else _truth(base, names)
        if not names:
            raise DataError(f"{path} holds no {split} images; unpack it again.")
        places = list(range(len(names)))
        return Files(names, labels, places, tuple(classes), str(path), read, (0, side))
    return None


def _folders(names: Sequence[str]) -> list[int]:
    """Labels that are the folders' names: 00007/00007_00001.ppm is of class 7."""
    return [int(PurePosixPath(name).parent.name) for name in names]


def _truth(base: Path, names: Sequence[str]) -> list[int]:
    """Labels of the published file of the test images."""
    at = ("", "GTSRB/", "GTSRB/Final_Test/Images/", "Final_Test/Images/")
    files = [f"{folder}GT-final_test.csv" for folder in at]
    path = first(base, (*files, "GTSRB_Final_Test_GT.zip"))
    if path is None:
        raise DataError(
            f"{base} lacks GT-final_test.csv or GTSRB_Final_Test_GT.zip, which give "
            "the labels of the test images; put one of them there."
        )
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            text = packed.read("GT-final_test.csv").decode()
    else:
        text = path.read_text()
    rows = csv.DictReader(io.StringIO(text), delimiter=";")
    known = {row["Filename"]: int(row["ClassId"]) for row in rows}
    try:
        return [known[PurePosixPath(name).name] for name in names]
    except KeyError as error:
        raise DataError(f"{path} has no line for {error}; fetch it again.") from error
