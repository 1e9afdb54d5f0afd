"""Tiny-ImageNet (200 classes, 64 x 64) as published, as a .zip or unpacked.

train: 500 images of each class, in the order of `wnids.txt`, then of the numbers in the
file names. test: the published *validation* images, 50 of each class, in the order of
their numbers, because the labels of the published test images are secret; as published,
or sorted into a folder for each class, as many sort them. The label of an image is the
line number of its class in `wnids.txt`.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from purifax.data.decode import content, decode
from purifax.data.images import DataError, Images
from purifax.run.budget import unpacks

__all__ = ["find"]

FOLDER = "tiny-imagenet-200"


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Images | None:
    """A split from the official folder or .zip in `root` or `root/name`, or None."""
    del classes
    for folder in (root, root / name):
        unpacked = folder if folder.name == FOLDER else folder / FOLDER
        if unpacked.is_dir():
            return _from_folder(unpacked, split)
        if (folder / f"{FOLDER}.zip").is_file():
            return _from_zip(folder / f"{FOLDER}.zip", split)
    return None


def _from_folder(folder: Path, split: str) -> Images:
    part = {"train": "train", "test": "val"}[split]
    names = [p.relative_to(folder).as_posix() for p in folder.glob(f"{part}/**/*")]
    return _read(names, lambda file: content(folder / file), split, folder)


def _from_zip(path: Path, split: str) -> Images:
    try:
        with zipfile.ZipFile(path) as archive:
            prefix = f"{FOLDER}/"
            names = [name.removeprefix(prefix) for name in archive.namelist()]

            def read(file: str) -> bytes:
                member = archive.getinfo(prefix + file)
                unpacks(f"{file} in {path}", member.compress_size, member.file_size)
                return archive.read(member)

            return _read(names, read, split, path)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is truncated or damaged ({error}); fetch it again."
        ) from error


def _read(
    names: Sequence[str], read: Callable[[str], bytes], split: str, source: Path
) -> Images:
    wnids = _text(read, "wnids.txt", source).split()
    if split == "train":
        files, labels, index = _train(names, wnids)
    else:
        files, labels, index = _validation(names, wnids, read, source)
    if not files:
        raise DataError(f"{source} holds no {split} images; unpack it again.")
    return Images(
        decode(files, read)[0],
        np.asarray(labels, np.int32),
        np.asarray(index, np.int64),
        _titles(wnids, read),
        str(source),
    )


def _train(
    names: Sequence[str], wnids: Sequence[str]
) -> tuple[list[str], list[int], range]:
    form = re.compile(r"train/(n\d+)/images/n\d+_(\d+)\.JPEG")
    lines = {wnid: line for line, wnid in enumerate(wnids)}
    found = sorted(
        (lines[match[1]], int(match[2]), name)
        for name in names
        if (match := form.fullmatch(name)) and match[1] in lines
    )
    return [file for *_, file in found], [row[0] for row in found], range(len(found))


def _validation(
    names: Sequence[str],
    wnids: Sequence[str],
    read: Callable[[str], bytes],
    source: Path,
) -> tuple[list[str], list[int], list[int]]:
    form = re.compile(r"val/(?:(n\d+)/)?(?:images/)?(val_(\d+)\.JPEG)")
    matches = [(name, match) for name in names if (match := form.fullmatch(name))]
    if any(match[1] is None for _, match in matches):
        known = _annotated(wnids, read, source)
    else:  # sorted into folders of classes by its owner
        known = {
            match[2]: wnids.index(match[1]) for _, match in matches if match[1] in wnids
        }
    found = sorted(
        (int(match[3]), name, known[match[2]])
        for name, match in matches
        if match[2] in known
    )
    return (
        [file for _, file, _ in found],
        [label for *_, label in found],
        [number for number, *_ in found],
    )


def _annotated(
    wnids: Sequence[str], read: Callable[[str], bytes], source: Path
) -> dict[str, int]:
    """The label of each validation file, as published."""
    table = _text(read, "val/val_annotations.txt", source).splitlines()
    try:
        rows = (row.split("\t") for row in table)
        return {row[0]: wnids.index(row[1]) for row in rows}
    except (IndexError, ValueError) as error:
        raise DataError(
            f"{source} has a line in val/val_annotations.txt that gives no class of "
            f"wnids.txt ({error}); unpack it again."
        ) from error


def _text(read: Callable[[str], bytes], file: str, source: Path) -> str:
    try:
        return read(file).decode()
    except (KeyError, OSError, DataError, UnicodeDecodeError) as error:
        raise DataError(
            f"{source} lacks {file}, which gives the labels; unpack it again."
        ) from error


def _titles(wnids: Sequence[str], read: Callable[[str], bytes]) -> tuple[str, ...]:
    """The first word of each class in `words.txt`; without it, the WordNet id."""
    try:
        rows = (row.split("\t") for row in read("words.txt").decode().splitlines())
        words = {row[0]: row[-1].split(",")[0].strip() for row in rows}
    except (KeyError, OSError, DataError):
        words = {}
    return tuple(words.get(wnid, wnid) for wnid in wnids)
