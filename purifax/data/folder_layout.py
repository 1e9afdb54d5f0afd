"""Which folders are splits and which are classes: `purifax.data.folder` says the rules.

Nothing is read but `val_annotations.txt`, where it is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from purifax.data import roles
from purifax.data.decode import SUFFIXES
from purifax.data.images import DataError
from purifax.data.listing import Listing, below

__all__ = ["Found", "Part", "understood"]

ANNOTATIONS = "val_annotations.txt"
"""Lines of a file's name and its class, first of all, divided by tabs."""

BESIDE = "beside folders of classes or splits"
NO_CLASS = "in a split without folders of classes, which other splits have"
_NAMED = 3


@dataclass(frozen=True)
class Part:
    """A folder with one folder per class, or with files only.

    Attributes:
        files: by class; all under "" where there are no classes.
    """

    place: Path
    files: Mapping[str, Sequence[Path]]

    @property
    def flat(self) -> bool:
        return set(self.files) == {""}


@dataclass(frozen=True)
class Found:
    """The parts of a folder by split; only "all" where it is not divided.

    Attributes:
        unread: images that belong to no part, and why.
    """

    listing: Listing
    parts: Mapping[str, Part]
    unread: tuple[tuple[Path, str], ...] = ()

    def words(self) -> str:
        """The folder, and what was not read, in words."""
        if not self.unread:
            return self.listing.words()
        names = [str(path.relative_to(self.listing.root)) for path, _ in self.unread]
        shown = ", ".join(names[:_NAMED]) + ", ..." * (len(names) > _NAMED)
        return f"{self.listing.words()} (not read: {len(names)} images, {shown})"

    @property
    def divided(self) -> bool:
        return set(self.parts) != {"all"}


def understood(folder: Path) -> Found:
    """Which folders are splits and which are classes."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of images.")
    found = below(folder)
    if not found.files:
        raise DataError(
            f"{found.words()} holds no images ({', '.join(sorted(SUFFIXES))}), alone "
            "or in one folder per class."
        )
    tops = _by_top(folder, found.files)
    splits = roles.named(filter(None, tops), folder)
    others = sorted(set(tops) - {"", *splits.values()})
    nested = [n for n in splits.values() if set(_by_top(folder / n, tops[n])) - {""}]
    loose = [(file, BESIDE) for file in (tops.pop("", ()) if len(tops) > 1 else ())]
    if not splits or (others and list(splits) == ["train"] and not nested):
        parts = {"all": _part(folder, tops, loose)}
    elif others:
        raise DataError(
            f"{folder} holds {_some(splits.values())}, a split by name, beside "
            f"{_some(others)}: put all folders of classes into one folder 'all', or "
            "take away what is no split."
        )
    else:
        parts = {
            split: _part(folder / name, _by_top(folder / name, tops[name]), loose)
            for split, name in splits.items()
        }
        parts = _with_classes(parts, loose)
    _check_classes(parts)
    _check_empty(found.empty, parts)
    return Found(found, parts, tuple(sorted(loose)))


def _by_top(folder: Path, files: Iterable[Path]) -> dict[str, list[Path]]:
    """Files by the first folder below `folder`; "" for those directly in it."""
    tops: dict[str, list[Path]] = {}
    depth = len(folder.parts)
    for file in files:
        parts = file.parts[depth:]
        tops.setdefault(parts[0] if len(parts) > 1 else "", []).append(file)
    return tops


def _part(
    folder: Path, tops: dict[str, list[Path]], loose: list[tuple[Path, str]]
) -> Part:
    """The classes of one folder, each with the images at any depth in its folder.

    Args:
        loose: images without a class, to which those of this folder are added.
    """
    if (folder / ANNOTATIONS).is_file() and set(tops) <= {"", "images"}:
        return Part(folder, _annotated(folder, tops, loose))
    if "" in tops and len(tops) > 1:
        loose += [(file, BESIDE) for file in tops[""]]
        tops = {name: files for name, files in tops.items() if name}
    for name in filter(None, tops):
        deeper = set(_by_top(folder / name, tops[name])) - {""}
        if len(tops) == 1 and deeper:
            raise DataError(
                f"{folder} holds the one folder {name}, which holds {_some(deeper)}; "
                f"if those are the classes or splits, give {folder / name}."
            )
        if len(roles.named(deeper, folder / name)) > 1:
            raise DataError(
                f"{folder / name} holds {_some(deeper)}: folders of splits stand above "
                "folders of classes, as in train/cat."
            )
    return Part(folder, tops)


def _annotated(
    folder: Path, tops: dict[str, list[Path]], loose: list[tuple[Path, str]]
) -> dict[str, list[Path]]:
    """Images by the classes that a file gives them."""
    path = folder / ANNOTATIONS
    rows = (line.split("\t") for line in path.read_text("utf-8").splitlines())
    known = {row[0]: row[1] for row in rows if len(row) > 1}
    found: dict[str, list[Path]] = {}
    for file in (file for files in tops.values() for file in files):
        if file.name in known:
            found.setdefault(known[file.name], []).append(file)
        else:
            loose.append((file, f"not in {path}"))
    return found


def _with_classes(
    parts: Mapping[str, Part], loose: list[tuple[Path, str]]
) -> dict[str, Part]:
    """The splits that have classes, unless none has; the images of others are loose."""
    bare = {split for split, part in parts.items() if part.flat or _unsorted(part)}
    if len(bare) in (0, len(parts)):
        return dict(parts)
    for split in bare:
        files = [file for some in parts[split].files.values() for file in some]
        loose += [(file, NO_CLASS) for file in files]
    return {split: part for split, part in parts.items() if split not in bare}


def _unsorted(part: Part) -> bool:
    """Whether all images of a split are in one folder that is called so."""
    return set(part.files) == {"images"}


def _check_classes(parts: Mapping[str, Part]) -> None:
    """Refuse splits whose classes cannot be those of one set."""
    if "train" not in parts:
        return
    for part in parts.values():
        if missing := sorted(set(part.files) - set(parts["train"].files)):
            raise DataError(
                f"{part.place} has the class {missing[0]}, which "
                f"{parts['train'].place} lacks; one class has one name in all splits."
            )


def _check_empty(empty: Iterable[Path], parts: Mapping[str, Part]) -> None:
    """Refuse a folder without images where every folder is a class."""
    classes = {name for part in parts.values() for name in part.files}
    places = [part.place for part in parts.values() if not part.flat]
    for folder in empty:
        if folder.parent in places and folder.name not in classes:
            raise DataError(
                f"{folder} holds no images, so that it is unclear whether it is a "
                "class; take it away."
            )


def _some(names: Iterable[str]) -> str:
    listed = sorted(filter(None, names))
    return ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "")
