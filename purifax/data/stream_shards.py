"""Sets in parquet files or WebDataset tars, read example by example.

A source is one file, or a folder of them, up to two folders deep, whose names begin
with their split, as in `data/train-00000-of-00008.parquet` or `val-000001.tar`; files
of other names are of one set without splits. A folder that `datasets.save_to_disk`
wrote is read by `datasets` itself. Sources on the network have to be downloaded first.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from purifax.data import roles, stream_huggingface, stream_parquet, stream_tar
from purifax.data.examples import Example, Stream, Unreadable, checked
from purifax.data.images import DataError
from purifax.data.stream_huggingface import Table

__all__ = ["holds", "is_saved", "read"]

KINDS: dict[str, Callable[[Sequence[Path]], Table]] = {
    ".parquet": stream_parquet.table,
    ".tar": stream_tar.table,
}


def holds(path: Path) -> bool:
    """Whether a path is a parquet file, a tar, or a folder of such.

    >>> holds(Path("/nowhere"))
    False
    """
    if path.is_file():
        return path.suffix.lower() in KINDS
    return path.is_dir() and (is_saved(path) or bool(_files(path)))


def is_saved(path: Path) -> bool:
    """Whether `datasets.save_to_disk` wrote a folder, with or without splits."""
    return any((path / name).exists() for name in ("state.json", "dataset_dict.json"))


def _files(folder: Path) -> list[Path]:
    """The parquet files of a folder, or else its tars."""
    for kind in KINDS:
        places = (folder.glob(f"{inside}*{kind}") for inside in ("", "*/", "*/*/"))
        if found := sorted(path for some in places for path in some):
            return [path for path in found if not path.name.startswith((".", "tmp."))]
    return []


def read(path: Path, split: str) -> Stream:
    """A split of a set; one without splits is read whole.

    Raises:
        DataError: there is no such split, or no image in it.
        ModuleNotFoundError: what reads it is not installed.
    """
    if is_saved(path):
        return _stream(stream_huggingface.saved(path, split), str(path))
    files = [path] if path.is_file() else _of_split(path, _files(path), split)
    found = KINDS[files[0].suffix.lower()](files)
    return _stream(found, str(path))


def _of_split(folder: Path, files: list[Path], split: str) -> list[Path]:
    """The files whose names, or folders, begin with a split; all where none does."""
    by_split: dict[str, list[Path]] = {}
    for path in files:
        by_split.setdefault(_role(path.relative_to(folder)) or "", []).append(path)
    if set(by_split) == {""}:
        return by_split[""]
    wanted = roles.chosen(split, by_split)
    if wanted is None:
        raise DataError(
            f"{folder} has {' and '.join(sorted(filter(None, by_split)))} but nothing "
            f"for the split '{split}'."
        )
    return by_split[wanted]


def _role(name: Path) -> str | None:
    """The split that a file's name, or one of its folders, begins with."""
    words = [re.split(r"[-_.\d]", part)[0] for part in name.parts]
    return next((split for word in words if (split := roles.role(word))), None)


def _stream(table: Table, source: str) -> Stream:
    """A table of examples as a stream, of the size of its first readable image."""
    first = next(
        (r for r in table.read(range(table.count)) if isinstance(r, Example)), None
    )
    if first is None:
        raise DataError(f"{source} holds no image that can be read.")
    height, width, channels = first.image.shape

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        where = lambda n: f"{source}, example {n}"  # noqa: E731
        shape = (height, width, channels)
        yield from checked(table.read(positions), shape, len(table.names), where)

    digest = hashlib.sha256(repr((table.identity, table.names)).encode())
    return Stream(
        table.count,
        (height, width, channels),
        table.names,
        source,
        digest.hexdigest(),
        rows,
        table.text_ids,
        table.extras,
    )
