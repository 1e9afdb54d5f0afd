"""A folder of photos in, the same folder purified out."""

import functools
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from purifax.data.decode import picture
from purifax.data.images import dimensions
from purifax.evaluation import own_parts
from purifax.evaluation.settings import Evaluation
from purifax.fleet.purify_batch import share
from purifax.pipelines import album, configured, photo_files, photos
from purifax.pipelines.album import Album, Group
from purifax.pipelines.journal import Journal
from purifax.pipelines.records import fingerprint
from purifax.purify import Resized, Tiled
from purifax.recipe import one_of, within
from purifax.run.config import plain
from purifax.run.extras import extra
from purifax.run.hold import held
from purifax.run.progress import Progress, say
from purifax.run.stop import Stop
from purifax.types import Purifier

__all__ = ["FITS", "How", "PhotoJob", "planned", "purify"]

FITS = ("auto", "tiled", "resized", "exact")


@dataclass(frozen=True)
class How:
    """What becomes of photos.

    Attributes:
        fit: how a photo of another size is brought to the network: "tiled", "resized",
            "exact" (it is left out), or "auto": tiled where the size of the network is
            known, and as it is where there is none.
        form: the format of the purified files, one of `photo_files.FORMATS`.
        quality: of JPEG, from 1 to 100.
    """

    fit: str = "auto"
    form: str = "same"
    quality: int = 95

    def __post_init__(self) -> None:
        one_of(self, "fit", FITS)
        one_of(self, "form", photo_files.FORMATS)
        within(self, "quality", 1, 100)


@dataclass(frozen=True)
class PhotoJob:
    """A folder of photos with its purifier.

    Attributes:
        made: the recipe of a part's purifier.
        fit: the recipe that brings photos to it; None where it takes any size.
        taken: channels that it takes; None for any.
    """

    album: Album
    made: Any
    fit: Any
    taken: int | None

    @functools.cached_property
    def groups(self) -> list[Group]:
        """The photos by the shape of their parts."""
        return album.groups(self.album.photos, self.taken, self.fit)

    def words(self) -> str:
        """How photos are brought to the purifier, in words; "" as they are."""
        if self.fit is None:
            return ""
        size = dimensions(self.groups[0].shape[:2])
        parts = sum(group.parts for group in self.groups)
        kind = type(self.fit).__name__.lower()
        return f"; {kind} for a network of {size}: {parts} part(s)"


def planned(config: Evaluation, source: pathlib.Path, how: How) -> PhotoJob:
    """Look at the photos, and decide how they are purified.

    Raises:
        ValueError: none of them can be.
    """
    made, wanted = configured.recipe(config), configured.shape(config)
    taken = wanted[2] if wanted else None
    if hasattr(made, "seen"):  # it makes images fit
        fit, made = made, made.purifier
    elif wanted is None and how.fit in ("tiled", "resized"):
        raise ValueError(
            f"--fit={how.fit} needs the size that the purifier takes, and this one "
            "does not say it; use --config.purifier=tiled or resized, with its height "
            "and width."
        )
    elif wanted is None or how.fit == "exact":
        fit = None
    elif how.fit == "resized":
        fit = Resized(made, height=wanted[0], width=wanted[1])
    else:
        overlap = min(wanted[:2]) // 4
        size = {"height": wanted[0], "width": wanted[1]}
        fit = Tiled(made, **size, overlap=overlap, margin=overlap // 4)
    found = album.look(source, taken, fit, wanted)
    if not found.photos:
        raise _none(config, source, found)
    return PhotoJob(found, made, fit, taken)


def _none(config: Evaluation, source: pathlib.Path, found: Album) -> ValueError:
    """Why there is nothing to do: the size of the first photo, or what is wrong."""
    name, reason = found.left_out[0]
    if "cannot be read" not in reason:
        try:
            configured.check_size(config, str(source), picture(name).shape)
        except ValueError as error:
            return error
    return ValueError(reason)


def purify(
    config: Evaluation,
    source: pathlib.Path,
    out: pathlib.Path,
    data_dir: str | None,
    seed: int,
    tell: Callable[[str, str], None],
    how: How,
) -> int:
    """Purify photos into a folder; gives how many of them are there now.

    Raises:
        ValueError: there is none that can be, or the folder holds other files.
        FileNotFoundError: no such source or network.
        Stopped: SIGTERM or Ctrl-C; the same command goes on.
    """
    job = planned(config, source, how)
    found = job.album
    given = [photo.name for photo in found.photos]
    targets = dict(zip(given, photo_files.names(given, how.form), strict=True))
    bound = configured.purifier(config, job.made, data_dir)
    shape = job.groups[0].shape
    own_parts.try_purifier(job.made, bound, shape, config.score, config.energy)
    words = _identity(config, job, bound, seed, how)
    page = _page(targets)
    journal = Journal(out, words)
    _refuse(out, journal, [*targets.values(), page])
    say(f"{len(given)} image(s) from {found.words}{job.words()}")
    for file in found.left_out:
        tell(*file)
    with held(out), Stop() as stop:
        journal.clear([*targets.values(), page])
        journal.begin()
        work = config, job, bound, seed, targets, journal, tell, stop.check, how
        done, written = _work(*work)
        names = [name for name in targets.values() if journal.state(name) == "done"]
        if written or journal.state(page) != "done":
            _picture(job, out, targets, page, journal)
        known = [page] if journal.state(page) == "done" else []
        journal.finish([*names, *known])
    return done


def _identity(
    config: Evaluation, job: PhotoJob, bound: Purifier, seed: int, how: How
) -> dict[str, Any]:
    """All that the bits of a purified photo depend on, as JSON values."""
    return {
        "format": 1,
        "photos": job.album.files,
        "names_and_sizes": job.album.digest,
        "seed": seed,
        "purifier": plain(job.made),
        "weights": fingerprint(job.made, bound, config.score, config.energy),
        "fit": None if job.fit is None else plain(job.fit),
        "form": how.form,
        "quality": how.quality,
        "batch": share(config.chunk),
    }


def _refuse(out: pathlib.Path, journal: Journal, names: list[str]) -> None:
    """Refuse a folder with files that are not this command's.

    Raises:
        ValueError: it has some; the first is named.
    """
    there = [name for name in names if (out / name).exists()]
    foreign = [name for name in there if journal.state(name) == "foreign"]
    if journal.other:
        first = f"{out / there[0]} exists already" if there else f"{out} is in use"
        raise ValueError(
            f"{first}; give another --out, or remove it. The folder is of another "
            f"command: {journal.other}."
        )
    if foreign:
        raise ValueError(
            f"{out / foreign[0]} exists already; give another --out, or remove it."
        )


def _work(
    config: Evaluation,
    job: PhotoJob,
    bound: Purifier,
    seed: int,
    targets: dict[str, str],
    journal: Journal,
    tell: Callable[[str, str], None],
    check: Callable[[], None],
    how: How,
) -> tuple[int, int]:
    """Purify what is not done; gives how many photos are, and how many of them now."""
    done = set()
    for name, target in targets.items():
        state = journal.state(target, job.album.root / name)
        if state == "damaged":
            say(f"{target} is not the file that was written; it is made again.")
        if state == "changed":
            say(f"{name} is another photo than was purified; it is purified again.")
        if state == "done":
            done.add(name)
    bar = Progress("purify", len(done), len(targets), unit="image")
    seen = [len(done)]

    def shown(count: int) -> None:
        seen[0] += count
        if count:
            bar.update(seen[0])

    work = photos.Work(
        root=job.album.root,
        targets=targets,
        journal=journal,
        taken=job.taken,
        fit=job.fit,
        quality=how.quality,
        tell=tell,
        shown=shown,
        check=check,
    )
    try:
        for group in job.groups:
            left = [photo for photo in group.photos if photo.name not in done]
            if left:
                most = share(config.chunk)
                work.group(left, *photos.batched(bound, group, seed, most))
    finally:
        bar.close()
    return len(done) + work.written, work.written


def _page(targets: dict[str, str]) -> str:
    """The name of the picture of some photos before and after: that of none of them."""
    taken = set(targets.values())
    names = (f"purified{mark}.png" for mark in ("", *range(2, 3 + len(taken))))
    return next(name for name in names if name not in taken)


def _picture(
    job: PhotoJob,
    out: pathlib.Path,
    targets: dict[str, str],
    page: str,
    journal: Journal,
) -> None:
    """Draw the first photos before and after, made small where sizes differ."""
    with extra(page):
        first = [p.name for p in job.album.photos if (out / targets[p.name]).exists()]
        pairs = [
            (picture(str(job.album.root / name)), picture(str(out / targets[name])))
            for name in first[:10]
        ]
        journal.write({page: (photo_files.sheet(pairs), "")})
