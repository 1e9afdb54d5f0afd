"""CIFAR-10-C: the CIFAR-10 test images under one corruption at one severity.

A file `<corruption>.npy`, uint8 [50000, 32, 32, 3], holds the 10,000 test images in
order at severity 1, then at severity 2, and so on to 5. Only the rows of the wanted
severity are read, from the unpacked folder or from inside the uncompressed archive.

Source: Hendrycks and Dietterich, 2019, arXiv 1903.12261.
"""

import math
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from purifax.data.arrays import label_numbers
from purifax.data.images import DataError, Images, suggestion

__all__ = ["CORRUPTIONS", "find", "parse_name"]

CORRUPTIONS = (
    # The fifteen of the benchmark, then the four kept for validation.
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    "speckle_noise",
    "gaussian_blur",
    "spatter",
    "saturate",
)
FOLDER = "CIFAR-10-C"
SEVERITIES = 5


def parse_name(name: str) -> tuple[str, int]:
    """Corruption and severity (1 to 5) of `cifar10_c:<corruption>:<severity>`.

    >>> parse_name("cifar10_c:fog:3")
    ('fog', 3)
    """
    _, *parts = name.split(":")
    if len(parts) != 2:
        raise DataError(
            f"'{name}' must name a corruption and a severity, as in 'cifar10_c:fog:3'; "
            f"corruptions: {', '.join(CORRUPTIONS)}; severities: 1 to {SEVERITIES}."
        )
    corruption, severity = parts
    if corruption not in CORRUPTIONS:
        raise DataError(
            f"CIFAR-10-C has no corruption '{corruption}'. "
            f"{suggestion(corruption, CORRUPTIONS)}"
        )
    if severity not in [str(level) for level in range(1, SEVERITIES + 1)]:
        raise DataError(f"The severity in '{name}' must be 1, 2, 3, 4 or 5.")
    return corruption, int(severity)


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Images | None:
    """The corrupted test images from the folder or archive in `root`, or None."""
    corruption, severity = parse_name(name)
    if split != "test":
        raise DataError("cifar10_c holds corrupted test images; ask for split 'test'.")
    for folder in (root, root / "cifar10_c"):
        for unpacked in (folder / FOLDER, folder):
            file, labels = unpacked / f"{corruption}.npy", unpacked / "labels.npy"
            if file.is_file() and labels.is_file():
                return _severity(_open(file), _open(labels), severity, classes, file)
        archive = folder / f"{FOLDER}.tar"
        if archive.is_file():
            images, rows = _members(archive, f"{corruption}.npy", "labels.npy")
            return _severity(images, rows, severity, classes, archive)
    return None


def _severity(
    images: np.ndarray,
    labels: np.ndarray,
    severity: int,
    classes: Sequence[str],
    source: Path,
) -> Images:
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) % SEVERITIES:
        raise DataError(
            f"{source} holds {images.dtype} {images.shape}; five severities of uint8 "
            "images, [5 N, H, W, C], were expected."
        )
    count = len(images) // SEVERITIES
    rows = slice((severity - 1) * count, severity * count)
    return Images(
        np.array(images[rows]),
        label_numbers(source, np.asarray(labels[rows])),
        np.arange(count, dtype=np.int64),
        tuple(classes),
        f"{source} severity {severity}",
    )


def _open(file: Path) -> np.ndarray:
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{file} is truncated or damaged ({error}).") from error


def _members(archive: Path, *files: str) -> list[np.ndarray]:
    """Arrays inside a .tar, memory-mapped in place."""
    try:
        with tarfile.open(archive, "r:") as tar:
            places = {Path(m.name).name: m for m in tar if m.isfile()}
        return [_mapped(archive, places[file]) for file in files]
    except KeyError as error:
        raise DataError(f"{archive} does not hold {error}; fetch it again.") from error
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise DataError(f"{archive} is truncated or damaged ({error}).") from error


def _mapped(archive: Path, member: tarfile.TarInfo) -> np.ndarray:
    from numpy.lib import format as npy

    with archive.open("rb") as stream:
        stream.seek(member.offset_data)
        version = npy.read_magic(stream)
        header = (
            npy.read_array_header_1_0 if version[0] == 1 else npy.read_array_header_2_0
        )
        shape, fortran, dtype = header(stream)
        start = stream.tell()
    stored = member.offset_data + member.size - start
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != stored:
        raise ValueError(f"{member.name} is {dtype} {shape} in {stored} bytes")
    order = "F" if fortran else "C"
    return np.memmap(archive, dtype, "r", offset=start, shape=shape, order=order)
