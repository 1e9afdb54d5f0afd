"""ImageNet (ILSVRC 2012), 224 x 224 or as `imagenet:256` says; test is its validation.

The shorter side becomes 8/7 of that, and the middle is kept. From folders of classes,
`train/<wnid>` and `val/<wnid>`, or from the published .tar files, which stay packed.
Labels are the places of the WordNet ids in their order.

Source: Russakovsky et al. 2015, arXiv 1409.0575.
"""

import dataclasses
import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from purifax.data.decode import content
from purifax.data.images import DataError
from purifax.data.official_files import Files, first, opened, side_of

__all__ = ["find"]


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Files | None:
    """ImageNet from folders or .tar files in `root` or `root/imagenet`, or None."""
    del classes
    side = side_of(name, 224)
    part = "train" if split == "train" else "val"
    for base in (root, root / "imagenet"):
        found = _sorted(base / part) or _archives(base, part)
        if found is not None:
            return dataclasses.replace(found, side=(side * 8 // 7, side))
    return None


def _sorted(folder: Path) -> Files | None:
    """Images in a folder for each WordNet id; None if there are no such folders."""
    known = [p.name for p in folder.glob("n*") if re.fullmatch(r"n\d{8}", p.name)]
    wnids = tuple(sorted(known))
    rows = [(str(p), n) for n, w in enumerate(wnids) for p in _photos(folder / w)]
    if not rows:
        return None
    files, labels = zip(*rows, strict=True)
    return Files(files, labels, range(len(rows)), wnids, str(folder), content)


def _photos(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpeg", ".jpg"))


def _archives(base: Path, part: str) -> Files | None:
    """Images in the published .tar file; None if it is not there."""
    path = base / f"ILSVRC2012_img_{part}.tar"
    if not path.is_file():
        return None
    places = _places(path, 0)
    if part == "train":
        inner = (p for name, p in places.items() if name.endswith(".tar"))
        places = {n: p for start, _ in inner for n, p in _places(path, start).items()}
        wnids = tuple(sorted({name.partition("_")[0] for name in places}))
        files = sorted(places)
        labels = [wnids.index(name.partition("_")[0]) for name in files]
    else:
        wnids, truth = _devkit(base)
        files = sorted(places)
        if len(files) != len(truth):
            raise DataError(
                f"{path} holds {len(files)} images, and the labels are {len(truth)}."
            )
        labels = truth

    def read(name: str) -> bytes:
        start, size = places[name]
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    return Files(files, labels, range(len(files)), wnids, str(path), read)


def _places(path: Path, start: int) -> Mapping[str, tuple[int, int]]:
    """By name, where the members of an uncompressed .tar begin, and their sizes."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            with tarfile.open(fileobj=file, mode="r:") as packed:
                return {m.name: (m.offset_data, m.size) for m in packed if m.isfile()}
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(
            f"{path} is truncated or damaged ({error}); fetch it again."
        ) from error


def _devkit(base: Path) -> tuple[tuple[str, ...], list[int]]:
    """The WordNet ids in order, and the label of each validation image."""
    from scipy import io as scientific

    path = first(base, ("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12"))
    if path is None:
        raise DataError(
            f"{base} lacks ILSVRC2012_devkit_t12.tar.gz, which gives the labels of the "
            "validation images; put it there, or sort the images into val/<wnid>."
        )
    form = re.compile(
        r"(?:.*/)?data/(meta\.mat|ILSVRC2012_validation_ground_truth\.txt)"
    )
    names, read = opened(path, form)
    by_end = {name.rpartition("/")[2]: read(name) for name in names}
    meta = scientific.loadmat(io.BytesIO(by_end["meta.mat"]), squeeze_me=True)
    known = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in meta["synsets"]}
    given = by_end["ILSVRC2012_validation_ground_truth.txt"].split()
    own = [known[int(number)] for number in given]
    wnids = tuple(sorted(w for n, w in known.items() if n <= 1000))
    return wnids, [wnids.index(wnid) for wnid in own]
