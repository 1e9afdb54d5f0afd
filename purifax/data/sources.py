"""Load a named set from the first of several places that has it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from purifax.data import (
    cifar,
    cinic10,
    corrupted,
    digits,
    folder,
    gtsrb,
    idx,
    imagenet,
    medmnist,
    npz,
    poisoned,
    prepared,
    svhn,
    tiny_imagenet,
)
from purifax.data.catalogue import SETS, Set
from purifax.data.download import fetch
from purifax.data.images import DataError, Images, suggestion
from purifax.data.official_files import Files
from purifax.run import places

__all__ = ["OFFICIAL", "OF_FILES", "OWN", "cache", "load", "located", "tfds_home"]

WITH_MORE = ("cifar10_c", "cinic10", "gtsrb", "imagenet", "medmnist")
"""Sets whose name may be followed by what is wanted of them."""

T = TypeVar("T")
Finders = Mapping[str, Callable[..., T | None]]
"""By the name of a set, the function that finds its archive, such as `cifar.find`."""

OF_FILES: Finders[Files] = {
    "cinic10": cinic10.find,
    "gtsrb": gtsrb.find,
    "imagenet": imagenet.find,
}
"""Sets of image files, which are listed first."""


def _in_memory(find: Callable[..., Files | None]) -> Callable[..., Images | None]:
    def found(*given: Any) -> Images | None:
        files = find(*given)
        return None if files is None else files.images()

    return found


OFFICIAL: Finders[Images] = {
    "cifar10": cifar.find,
    "cifar100": cifar.find,
    "mnist": idx.find,
    "fashion_mnist": idx.find,
    "tiny_imagenet": tiny_imagenet.find,
    "cifar10_c": corrupted.find,
    "svhn": svhn.find,
    "medmnist": medmnist.find,
    **{name: _in_memory(find) for name, find in OF_FILES.items()},
}
OWN = {
    "folder": folder.read,
    "npz": npz.read,
    "tfds": prepared.read,
    "poisoned": poisoned.read,
}


def load(
    name: str,
    split: str,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> Images:
    """One split of an image set, decoded into memory.

    These places are tried in order, and `source` of the result names the one used:
    1. `data_dir`: a prepared TFDS directory, the official archive (packed or
       unpacked), or `<name>_<split>.npz` with `_` for `:`, there or in
       `data_dir/<name>`;
    2. `$TFDS_DATA_DIR`, else `~/tensorflow_datasets`: a prepared TFDS directory;
    3. `$PURIFAX_DATA_DIR`, else `~/.cache/purifax`: the official archive;
    4. the network: the official archive, into `data_dir` or else the folder of 3.

    Args:
        name: `digits` (inside the package: always there), `cifar10`, `cifar100`,
            `mnist`, `fashion_mnist`, `svhn`, `tiny_imagenet`, `imagenet[:<side>]`,
            `gtsrb[:<side>]`, `cinic10[:<origin>]`, `medmnist:<set>`,
            `cifar10_c:<corruption>:<severity>`; or for one's own images `folder`, `npz`
            or `tfds`, with `data_dir` the folder or file itself; or `poisoned`, with
            `data_dir` a set stored by `experiments.poison`.
        split: "train" or "test" as published, test being the labelled validation
            images for Tiny-ImageNet; make a validation set with `splits`. For a
            `folder` or `npz` without splits also "all".
        data_dir: the directory to search first.
        download: whether to download an archive that is not on disk.

    Raises:
        DataError: the set was not found, or is damaged.

    >>> load("digits", "test").images.shape
    (500, 8, 8, 1)
    """
    return located(name, split, data_dir, OFFICIAL, download)


def located(
    name: str,
    split: str,
    data_dir: str | os.PathLike[str] | None,
    official: Finders[T],
    download: bool = True,
) -> Images | T:
    """`load`, with official archives read by other functions.

    Args:
        official: by the name of a set, the function that finds and reads its archive.

    Raises:
        DataError: as `load`.

    >>> len(located("digits", "test", None, OFFICIAL))
    500
    """
    place = None if data_dir is None else places.expanded(data_dir)
    if name in OWN:
        return _own(name, split, place)
    key = name.split(":")[0]
    splits = SETS[key].splits if key in SETS else ("train", "test")
    if split not in splits:
        raise DataError(
            f"The split must be {' or '.join(map(repr, splits))}, not '{split}'; a "
            "validation set is made from the labels of 'train' by purifax.data.splits."
        )
    if name == "digits":
        return digits.read(split)
    if key not in SETS or (key != name and key not in WITH_MORE):
        known = ("digits", *SETS, *OWN)
        raise DataError(f"No image set is called '{name}'. {suggestion(key, known)}")
    if place is not None and not place.is_dir():
        raise DataError(f"The data directory {place} does not exist or is a file.")
    finder = official[key]
    found = _on_disk(name, SETS[key], split, place, finder)
    if found is not None:
        return found
    return _fetched(name, SETS[key], split, place or cache(), download, finder)


def _own(name: str, split: str, place: Path | None) -> Images:
    more = {"folder": ("validation", "all"), "npz": ("all",), "poisoned": ("all",)}
    allowed = ("train", "test", *more.get(name, ()))
    if split not in allowed:
        raise DataError(
            f"The split of '{name}' must be one of {allowed}, not '{split}'."
        )
    if place is None:
        raise DataError(f"'{name}' needs a data directory: the path of your images.")
    return OWN[name](place, split)


def _on_disk(
    name: str,
    facts: Set,
    split: str,
    place: Path | None,
    finder: Callable[..., T | None],
) -> Images | T | None:
    key, tfds_name = name.split(":")[0], facts.tfds
    if name.startswith("cifar10_c"):
        tfds_name = "{}/{}_{}".format(facts.tfds, *corrupted.parse_name(name))
    plain = ":" not in name or key == "cifar10_c"
    if place is not None:
        found = prepared.find(place, tfds_name, split) if plain else None
        if found is None:
            found = finder(place, name, split, facts.classes)
        if found is None:
            found = npz.find(place, name.replace(":", "_"), split, facts.classes)
        if found is not None:
            return found
    found = prepared.find(tfds_home(), tfds_name, split) if plain else None
    return finder(cache(), name, split, facts.classes) if found is None else found


def _fetched(
    name: str,
    facts: Set,
    split: str,
    root: Path,
    download: bool,
    finder: Callable[..., T | None],
) -> T:
    """Read from the network; the message of a failure says what to do by hand."""
    searched = dict.fromkeys(map(str, (root, tfds_home(), cache())))
    where = f"{name} ({split}) was found in none of {', '.join(searched)}"
    if facts.by_hand:
        raise DataError(f"{where}: {facts.by_hand}.")
    files = ", ".join(archive.file for archive in facts.archives)
    advice = (
        f"put {files} (from {facts.archives[0].addresses[0].rpartition('/')[0]}/) into "
        f"{root / facts.folder}, or give a data directory that has "
        f"{name.split(':')[0]}, or use 'digits', which needs no files."
    )
    if not download:
        raise DataError(f"{where}, and downloading is switched off: {advice}")
    try:
        for archive in facts.archives:
            fetch(archive, root / facts.folder)
    except DataError as error:
        raise DataError(
            f"{where}, and the download failed ({error}): {advice}"
        ) from error
    found = finder(root, name, split, facts.classes)
    if found is None:
        raise DataError(f"{where} although it was downloaded: {advice}")
    return found


def tfds_home() -> Path:
    """The directory of prepared TFDS sets: `$TFDS_DATA_DIR`, or the default of TFDS."""
    chosen = os.environ.get("TFDS_DATA_DIR")
    return places.expanded(chosen) if chosen else places.home() / "tensorflow_datasets"


def cache() -> Path:
    """The directory of archives: `$PURIFAX_DATA_DIR`, or one in the user's cache."""
    chosen = os.environ.get("PURIFAX_DATA_DIR")
    return places.expanded(chosen) if chosen else places.cache()
