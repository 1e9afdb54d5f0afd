"""The image files below a folder, and what else there is.

Folders are searched to any depth, through links too. Hidden files and folders (a name
that begins with a dot) and what systems leave behind (`__MACOSX`, `@eaDir`) are no part
of a set; neither are files whose names do not end as those of images do. They are
counted, so that a command can say what it left aside. A file with the name of an image
that cannot be read, such as a dangling link, is listed: whoever reads it reports it.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from purifax.data.decode import SUFFIXES
from purifax.data.images import DataError

__all__ = ["Listing", "below"]

LEFT_BEHIND = {"__macosx", "@eadir", "lost+found", "$recycle.bin"}
LEFT_BEHIND |= {"system volume information"}
_SHOWN = 5


@dataclass(frozen=True)
class Listing:
    """What is below a folder.

    Attributes:
        root: the folder.
        files: the image files, in the order of their folders and names.
        empty: folders in which, at any depth, there is no image; the outermost only.
        skipped: what else there is and how often, by kind.
    """

    root: Path
    files: tuple[Path, ...]
    empty: tuple[Path, ...]
    skipped: dict[str, int]

    def words(self) -> str:
        """The folder, and what was left aside, in words."""
        most = sorted(self.skipped.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{count} {kind}" for kind, count in most[:_SHOWN])
        more = ", ..." if len(most) > _SHOWN else ""
        return f"{self.root} (left aside: {shown}{more})" if shown else str(self.root)


def below(root: Path) -> Listing:
    """The image files below a folder.

    Raises:
        DataError: a folder cannot be read, or a link leads back to a folder above it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     names = "a.png", "b.txt", ".c.png"
    ...     sizes = [Path(folder, name).write_bytes(b"") for name in names]
    ...     found = below(Path(folder))
    ...     [path.name for path in found.files], found.skipped
    (['a.png'], {'.txt': 1, 'hidden': 1})
    """
    skipped: Counter[str] = Counter()
    empty: list[Path] = []
    files = sorted(_walk(root, (), skipped, empty))
    outer = [path for path in empty if path != root and path.parent not in empty]
    return Listing(
        root, tuple(files), tuple(sorted(outer)), dict(sorted(skipped.items()))
    )


def _walk(
    folder: Path, above: tuple[str, ...], skipped: Counter[str], empty: list[Path]
) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in above:
        raise DataError(f"{folder} is a link to a folder above it; remove it.")
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be listed: {error.strerror}.") from error
    any_image = False
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith(".") or entry.name.lower() in LEFT_BEHIND:
            skipped["hidden" if entry.name.startswith(".") else entry.name] += 1
        elif entry.is_dir():
            for file in _walk(path, (*above, real), skipped, empty):
                any_image = True
                yield file
        elif path.suffix.lower() in SUFFIXES:
            any_image = True
            yield path
        else:
            skipped[path.suffix.lower() or "without an ending"] += 1
    if not any_image:
        empty.append(folder)
