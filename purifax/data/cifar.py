"""CIFAR-10 and CIFAR-100 as their authors publish them, packed or unpacked.

The Python version is a pickle per batch: a dictionary with `data`, uint8 [n, 3072],
and `labels` or `fine_labels`. The binary version is a row of bytes per image: one
label (CIFAR-10) or a coarse and a fine label (CIFAR-100), then 3072 pixels. In both
the pixels are the planes R, G, B of 32 x 32. CIFAR-100 labels here are the fine ones.

Source: Krizhevsky, 2009, Learning multiple layers of features from tiny images.
"""

import io
import pickle
import tarfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from purifax.data.arrays import label_numbers
from purifax.data.gzipped import unpacked
from purifax.data.images import DataError, Images
from purifax.run import pickle_sizes
from purifax.run.budget import Budget, afford

__all__ = [
    "Form",
    "check_call",
    "check_members",
    "find",
    "located",
    "present",
    "row_count",
]


@dataclass(frozen=True)
class Form:
    """One published form of a set.

    Attributes:
        folder: name of the unpacked folder.
        archive: name of the archive.
        files: names of the files, by split.
        label_bytes: labels at the beginning of each row; 0 in the Python version.
    """

    folder: str
    archive: str
    files: dict[str, tuple[str, ...]]
    label_bytes: int = 0


FORMS = {
    "cifar10": (
        Form(
            "cifar-10-batches-py",
            "cifar-10-python.tar.gz",
            {
                "train": tuple(f"data_batch_{n}" for n in range(1, 6)),
                "test": ("test_batch",),
            },
        ),
        Form(
            "cifar-10-batches-bin",
            "cifar-10-binary.tar.gz",
            {
                "train": tuple(f"data_batch_{n}.bin" for n in range(1, 6)),
                "test": ("test_batch.bin",),
            },
            label_bytes=1,
        ),
    ),
    "cifar100": (
        Form(
            "cifar-100-python",
            "cifar-100-python.tar.gz",
            {"train": ("train",), "test": ("test",)},
        ),
        Form(
            "cifar-100-binary",
            "cifar-100-binary.tar.gz",
            {"train": ("train.bin",), "test": ("test.bin",)},
            label_bytes=2,
        ),
    ),
}

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}
"""The functions and classes that the pickle of a batch may use."""


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Images | None:
    """A split from an official folder or archive in `root` or `root/name`, or None.

    `root` may also be the unpacked folder itself.
    """
    source = located(root, name)
    if source is None:
        return None
    form, place = source
    read = _from_folder if place.is_dir() else _from_archive
    return _images(read(place, form.files[split]), form, classes, str(place))


def located(root: Path, name: str) -> tuple[Form, Path] | None:
    """The first official folder or archive in `root` or `root/name`, and its form."""
    for form in FORMS[name]:
        for folder in (root, root / name):
            unpacked = folder if folder.name == form.folder else folder / form.folder
            if unpacked.is_dir():
                return form, unpacked
            archive = folder / form.archive
            if archive.is_file():
                return form, archive
    return None


def _from_folder(folder: Path, files: tuple[str, ...]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in present(folder, files)}


def present(folder: Path, files: tuple[str, ...]) -> list[Path]:
    """The files of an unpacked folder.

    Raises:
        DataError: a file is missing.
    """
    for file in files:
        if not (folder / file).is_file():
            raise DataError(
                f"{folder} lacks {file}; unpack the official archive again."
            )
    return [folder / file for file in files]


def _from_archive(archive: Path, files: tuple[str, ...]) -> dict[str, bytes]:
    """The wanted members, read into memory: nothing is unpacked on disk."""
    found: dict[str, bytes] = {}
    try:
        with (
            unpacked(archive) as packed,
            tarfile.open(fileobj=packed, mode="r:") as tar,
        ):
            for member in tar:
                file = Path(member.name).name
                if file in files and (stream := tar.extractfile(member)):
                    afford(f"{archive}/{file}", member.size)
                    found[file] = stream.read()
                if len(found) == len(files):
                    break
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{archive} is truncated or damaged ({error}); fetch it again."
        ) from error
    check_members(archive, files, found)
    return {file: found[file] for file in files}


def check_members(archive: Path, files: Sequence[str], found: Collection[str]) -> None:
    """Check that an archive holds all files.

    Raises:
        DataError: a file is missing; the message names it.
    """
    for file in files:
        if file not in found:
            raise DataError(f"{archive} does not hold {file}; fetch the official one.")


def _images(
    batches: dict[str, bytes], form: Form, classes: Sequence[str], source: str
) -> Images:
    rows, labels = [], []
    for file, content in batches.items():
        where = f"{source}/{file}"
        if form.label_bytes:
            pixels, label = _binary(content, form.label_bytes, where)
        else:
            pixels, label = _python(content, where)
        rows.append(pixels)
        labels.append(label)
    planes = np.concatenate(rows).reshape(-1, 3, 32, 32)
    return Images(
        np.ascontiguousarray(planes.transpose(0, 2, 3, 1)),
        label_numbers(source, np.concatenate(labels)),
        np.arange(len(planes), dtype=np.int64),
        tuple(classes),
        source,
    )


def _binary(
    content: bytes, label_bytes: int, where: str
) -> tuple[np.ndarray, np.ndarray]:
    count = row_count(len(content), label_bytes, where)
    table = np.frombuffer(content, np.uint8).reshape(count, -1)
    return table[:, label_bytes:], table[:, label_bytes - 1]


def row_count(size: int, label_bytes: int, where: str) -> int:
    """The number of images in a file of the binary version.

    Raises:
        DataError: the file is empty, or does not consist of whole rows.

    >>> row_count(6146, 1, "data_batch_1.bin")
    2
    """
    width = label_bytes + 3072
    if not size or size % width:
        raise DataError(
            f"{where} has {size} bytes, which is no multiple of {width}; "
            "it is truncated: fetch the official archive again."
        )
    return size // width


def _python(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        file = io.BytesIO(content)
        pickle_sizes.check(file, Budget(len(content)))
        batch = _ArraysOnly(file, encoding="latin1").load()
        pixels = np.asarray(batch["data"])
        key = "fine_labels" if "fine_labels" in batch else "labels"
        labels = np.asarray(batch[key])
    except DataError as error:
        raise DataError(f"{where} {error}") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise DataError(
            f"{where} is not a CIFAR batch ({type(error).__name__}: {error}); "
            "fetch the official archive again."
        ) from error
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3072):
        raise DataError(
            f"{where} holds {pixels.dtype} {pixels.shape} pixels for {len(labels)} "
            "labels; uint8 [n, 3072] was expected."
        )
    return pixels, labels


def check_call(module_name: str, global_name: str) -> None:
    """Check that a global used by a pickle is one that a batch of arrays needs.

    Raises:
        DataError: it is not.
    """
    if (module_name, global_name) not in ALLOWED:
        raise DataError(
            f"asks for {module_name}.{global_name}, which no CIFAR batch needs; "
            "refused: fetch the official archive."
        )


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays and plain containers; refuses to call anything else."""

    def find_class(self, module_name: str, global_name: str) -> Any:  # noqa: ANN401
        check_call(module_name, global_name)
        if global_name == "_reconstruct":
            module_name = "numpy._core.multiarray"
        return super().find_class(module_name, global_name)
