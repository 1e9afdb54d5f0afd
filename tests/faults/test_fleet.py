"""Seeds, plans, jobs, sources and finished files that purification refuses or names."""

import dataclasses
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from bad_input import Fault, Line
from data import writers
from fleet import jobs
from jax.tree_util import Partial

from purifax import data, fleet
from purifax.data.examples import Stream
from purifax.fleet.lease import Leases
from purifax.fleet.shards import Plan, route
from purifax.fleet.verify import verify
from purifax.pipelines.archive import archive
from purifax.run.seal import sealed, unsealed

COUNT = 9
SHARDS = 3


def made(folder, purify=jobs.purify, **changes):
    """A finished job in the folder `out`, purified at no cost."""
    stream = jobs.memory(COUNT)
    one = jobs.job(pathlib.Path(folder, "out"), stream, SHARDS, **changes)
    fleet.work(one, stream, purify, 4, pause=0.01)
    return one


def darker(words, pixels):
    return pixels // 2, words[:, 0] >= 0


def again(folder, stream=None, purify=jobs.purify, batch=4, **changes):
    stream = stream or jobs.memory(COUNT)
    one = jobs.job(pathlib.Path(folder, "out"), stream, SHARDS, **changes)
    return fleet.work(one, stream, purify, batch, pause=0.01)


def file(one, name):
    """The path of a file of a job: a shard by number, a record by "r" and number."""
    if isinstance(name, int):
        return pathlib.Path(one.shard(name))
    if name.startswith("r"):
        records = pathlib.Path(one.records)
        return next(records.glob(f"{one.plan.name(int(name[1:]))}.*"))
    return pathlib.Path(one.data if name != "job.json" else one.out, name)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def longer(path):
    path.write_bytes(path.read_bytes() + b"\0")


def folder_instead(path):
    path.unlink()
    path.mkdir()


def spoiled(name, spoil):
    """Makes a finished job and spoils one of its files."""

    def before(folder):
        spoil(file(made(folder), name))

    return before


def swapped(folder):
    one = made(folder)
    first, second = (file(one, n) for n in (0, 1))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def from_elsewhere(folder):
    """A shard of another seed's job, of the same name."""
    there = made(folder / "elsewhere", darker, seed=1)
    one = made(folder)
    shutil.copy(file(there, 1), file(one, 1))


def with_its_record(folder):
    """The same, and the record of it."""
    from_elsewhere(folder)
    there = jobs.job(folder / "elsewhere" / "out", jobs.memory(COUNT), SHARDS, seed=1)
    shutil.copy(file(there, "r1"), folder / "out" / "records")


def without_records(folder):
    shutil.rmtree(made(folder).records)


def with_npz(folder):
    one = made(folder)
    archive(one, one.archive)
    flip(pathlib.Path(one.archive))


def job_without(*names):
    """Makes a finished job and removes its job.json and some folders."""

    def before(folder):
        one = made(folder)
        file(one, "job.json").unlink()
        for name in names:
            shutil.rmtree(one.out / name)

    return before


def reworded(words):
    """Makes a finished job whose job.json says something else, with no checksum."""

    def before(folder):
        path = file(made(folder), "job.json")
        text = words(json.loads(path.read_text())) if callable(words) else words
        path.write_text(text if isinstance(text, str) else json.dumps(text))

    return before


def resealed(**changes):
    """Makes a finished job whose job.json says something else, checksum included."""

    def before(folder):
        path = file(made(folder), "job.json")
        path.write_bytes(sealed(unsealed(path) | changes))

    return before


def after(before, act=again):
    """A fault that is prepared first."""

    def run(folder):
        before(folder)
        return act(folder)

    return run


def checked(folder):
    """Verification of everything of the finished job."""
    stream = jobs.memory(COUNT)
    one = jobs.job(pathlib.Path(folder, "out"), stream, SHARDS)
    return verify(one, stream, jobs.purify, 4, COUNT)


def identity(key, x):
    return x


def compiled(batch=4, seed=0):
    return fleet.batched_purifier(Partial(identity), seed, batch)


def seeded(seed):
    return lambda folder: compiled(seed=seed)


def job_of_seed(seed):
    return lambda folder: jobs.job(folder, jobs.memory(COUNT), SHARDS, seed=seed)


def resumed_with(batch):
    """A job of batches of 4 on one device goes on with others."""

    def act(folder):
        again(folder, purify=one_device(4))
        return again(folder, purify=one_device(batch), batch=batch)

    return act


def one_device(batch):
    import jax

    return fleet.batched_purifier(Partial(identity), 0, batch, jax.devices()[:1])


def verified_with(batch):
    def act(folder):
        again(folder, purify=one_device(4))
        stream = jobs.memory(COUNT)
        one = jobs.job(pathlib.Path(folder, "out"), stream, SHARDS)
        return verify(one, stream, one_device(batch), batch, COUNT)

    return act


def folder_of_images(folder, seed=0):
    """A folder of pictures, all files of one size on the disk."""
    images, labels = writers.pictures(COUNT, (6, 6, 1), 3, seed)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / "in" / "abc"[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = writers.png(image)
        path.write_bytes(content + b"\0" * (400 - len(content)))
    return folder / "in"


def npz(folder):
    images, labels = writers.pictures(COUNT, (6, 6, 1), 3)
    np.savez(folder / "in.npz", images=images, labels=labels)
    return folder / "in.npz"


def tfds(folder):
    images = jobs.images(COUNT)
    return data.write_set(folder / "in", "drawn", {"train": images}, shard_size=4)


def replaced(source, change):
    """Purifies a source, all of it or two thirds, changes it, and goes on."""

    def act(folder):
        place = source(folder)
        purified(folder, place)
        change(place)
        return purified(folder, place)

    return act


def stopped(source, change):
    def act(folder):
        place = source(folder)
        with pytest.raises(InterruptedError):
            purified(folder, place, tell=_stop)
        change(place)
        return purified(folder, place)

    return act


def _stop(done, total):
    if done > total // 2:
        raise InterruptedError


def purified(folder, place, **options):
    stream = data.open_stream(str(place))
    one = jobs.job(folder / "out", stream, SHARDS)
    return fleet.work(one, stream, jobs.purify, 4, pause=0.01, **options)


def other_images(place):
    """Others in their places, of the same sizes and times."""
    times = {path: path.stat().st_mtime for path in place.rglob("*.png")}
    old = {path: path.read_bytes() for path in times}
    for path, content in zip(times, [*old.values()][1:] + [*old.values()][:1]):  # noqa: B905
        path.write_bytes(content)
        os.utime(path, (times[path], times[path]))


def one_pixel(place):
    path = place / "a" / sorted(os.listdir(place / "a"))[0]
    image = writers.Image.open(path)
    image.putpixel((0, 0), 255 - image.getpixel((0, 0)))
    content = writers.png(np.asarray(image)[..., None])
    path.write_bytes(content + b"\0" * (400 - len(content)))


def one_of_npz(place):
    with np.load(place) as stored:
        arrays = dict(stored)
    arrays["images"][0, 0, 0] ^= 1
    np.savez(place, **arrays)


def labels_of_npz(place):
    with np.load(place) as stored:
        arrays = dict(stored)
    np.savez(place, **arrays | {"labels": arrays["labels"][::-1]})


def shard_of_tfds(place):
    """Two source shards of one length change places."""
    first, second = sorted(place.glob("*array_record*"))[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def rows_lost(folder):
    """A source that gives fewer rows than it is asked for."""
    whole = jobs.memory(COUNT)
    return again(
        folder,
        dataclasses.replace(whole, read=lambda positions: whole.read(positions[1:])),
    )


def rows_twice(folder):
    whole = jobs.memory(COUNT)

    def read(positions):
        return whole.read(range(positions[0], positions[0] + 1) or positions)

    doubled: Stream = dataclasses.replace(
        whole, read=lambda positions: (next(iter(read(positions))) for _ in positions)
    )
    return again(folder, doubled)


HUGE = 10**9
STATUS = "purify --out=out --status"
"""Flags that it does not heed make each line another."""

DIGITS = "purify --weights=digits_dsm --source=digits --out=out"
ROWS = [
    *(
        Fault("seeds", f"a purifier of seed {seed!r}", seeded(seed), "from 0 to 42949")
        for seed in (-1, -(2**31), 2**32, 2**32 + 5, 2**64, 0.0, 1.5, True, "0", None)
    ),
    *(
        Fault("seeds", f"a job of seed {seed!r}", job_of_seed(seed), "whole number")
        for seed in (-1, 2**32, 2.0, "1")
    ),
    Line("seeds", f"{DIGITS} --seed=-1", "--seed=-1: .*range"),
    Line("seeds", f"{DIGITS} --seed=4294967296", "--seed=4294967296: .*range"),
    Line("seeds", f"{DIGITS} --seed=8589934592 --verify", "--seed=8589934592: .*range"),
    Line("seeds", f"purifax {DIGITS} --seed=-5 --to=files", "--seed=-5: .*range"),
    Fault("plans", "shards of no image", lambda f: Plan(0, 1), "0 images cannot"),
    Fault("plans", "no shard", lambda f: Plan(5, 0), "into 0 shards"),
    Fault("plans", "-1 shards", lambda f: Plan(5, -1), "into -1 shards"),
    Fault("plans", "more shards than images", lambda f: Plan(5, 6), "into 6 shards"),
    Fault("plans", "a billion shards", lambda f: Plan(5, HUGE), "from 1 shard to 1"),
    Fault("plans", "half an image", lambda f: Plan(2.5, 1), "2.5 images"),
    Fault("plans", "half a shard", lambda f: Plan(5, 1.5), "1.5 shards"),
    Fault("plans", "a shard size of 0", lambda f: fleet.plan(5, 0), "1 or more"),
    Fault("plans", "a worker too many", lambda f: route(3, 3, 3), "no worker 3 of 3"),
    Fault("plans", "a worker below 0", lambda f: route(3, -1, 2), "no worker -1"),
    Fault("plans", "a lease of 0 s", lambda f: Leases(f, lasting=0), "more than 0"),
    Fault("plans", "a lease of nan", lambda f: Leases(f, lasting=np.nan), "got nan"),
    Fault(
        "seeds",
        "a purifier of another seed than the job's",
        lambda f: again(f, purify=compiled(seed=5)),
        "the job's seed is 0 and the purifier's 5",
    ),
    Fault("batches", "0 images", lambda f: compiled(0), "1 image or more; got 0"),
    Fault("batches", "-4 images", lambda f: compiled(-4), "got -4"),
    Fault("batches", "2.5 images", lambda f: compiled(2.5), "got 2.5"),
    Fault("batches", "work by 0", lambda f: again(f, batch=0), "got 0"),
    Fault("batches", "work by -1", lambda f: again(f, batch=-1), "got -1"),
    Fault(
        "batches",
        "work by another batch than the purifier's",
        lambda f: again(f, purify=compiled(4), batch=8),
        "must be 4, as the purifier's; got 8",
    ),
    Fault(
        "batches",
        "a batch that is not full",
        lambda f: compiled(4)(np.zeros((3, 2), np.uint32), np.zeros((3, 2, 2, 1))),
        "takes batches of 4",
    ),
    Fault("batches", "a second shape", resumed_with(5), "batch is 4 there and 5 here"),
    Fault("batches", "verified by 7", verified_with(7), "batch is 4 there and 7 here"),
    Fault(
        "batches",
        "a sample of nothing",
        lambda f: verify(made(f), jobs.memory(COUNT), jobs.purify, 4, 0),
        "1 image or more; got 0",
    ),
    Fault(
        "lost jobs", "all else is there", after(job_without()), "job.json is missing"
    ),
    Fault(
        "lost jobs",
        "another seed over a set",
        after(job_without(), lambda f: again(f, seed=5)),
        "put the file back",
    ),
    Fault("lost jobs", "no records", after(job_without("records")), "is missing"),
    Fault("lost jobs", "no shards", after(job_without("purified")), "is missing"),
    Fault("lost jobs", "verified", after(job_without(), checked), "holds no job"),
    Line("lost jobs", STATUS, "holds no job", job_without()),
    Fault("jobs", "cut", after(spoiled("job.json", cut)), "job.json is damaged"),
    Fault("jobs", "empty", after(spoiled("job.json", empty)), "job.json is damaged"),
    Fault("jobs", "a flipped bit", after(spoiled("job.json", flip)), "job.json"),
    Fault("jobs", "a folder", after(spoiled("job.json", folder_instead)), "job.json"),
    Fault("jobs", "a list", after(reworded("[1, 2]")), "job.json is damaged"),
    Fault("jobs", "a number", after(reworded("7")), "job.json is damaged"),
    Fault("jobs", "nested", after(reworded("[" * 99_999)), "job.json is damaged"),
    Fault(
        "jobs",
        "of the first format",
        after(reworded(lambda w: w | {"format": 1})),
        "earlier version, whose shards have no checksums",
    ),
    Fault("jobs", "of format 3", after(resealed(format=3)), "has format 3; 2 is known"),
    Fault("jobs", "without a plan", after(resealed(plan=None)), "job.json is damaged"),
    Fault("jobs", "of another seed", after(resealed(seed=3)), "seed is 3 there"),
    Fault("jobs", "of no seed", after(resealed(seed=2**32)), "`seed` must be a whole"),
    Fault(
        "jobs",
        "of a word more",
        after(resealed(more=1)),
        "job.json is damaged .*more",
    ),
    Line("jobs", f"{STATUS} --alsologtostderr", "is damaged", reworded("{")),
    *(
        Line(
            "jobs",
            f"{STATUS} {flag}",
            "job.json",
            reworded(lambda w, n=shards: w | {"plan": {"count": 9, "shards": n}}),
        )
        for flag, shards in (("--v=0", HUGE), ("--v=-1", -3), ("--sample=9", "many"))
    ),
    Line(
        "jobs",
        f"{STATUS} --sample=8",
        "cannot be cut into 1000000000 shards",
        resealed(plan={"count": 9, "shards": HUGE}),
    ),
    *(
        Line("damage", f"{STATUS} --sample={n}", says, before)
        for n, (says, before) in enumerate(
            [
                ("00001-of-00003: it is missing", spoiled(1, pathlib.Path.unlink)),
                ("00001-of-00003: no record has", spoiled(1, cut)),
                ("00002-of-00003: no record has", spoiled(2, empty)),
                ("00000-of-00003: no record has", spoiled(0, flip)),
                ("00000-of-00003: no record has", spoiled(0, longer)),
                ("00000-of-00003: it cannot be read", spoiled(0, folder_instead)),
                ("2 file.s. damaged, such as .*00000-of-00003", swapped),
                ("1 file.s. damaged, such as .*00001-of-00003", from_elsewhere),
                ("00001-of-00003: it was recorded by another", with_its_record),
                ("3 file.s. damaged", without_records),
                ("no record has", spoiled("r1", pathlib.Path.unlink)),
                ("00001-of-00003: its record is", spoiled("r1", cut)),
                ("00001-of-00003: its record is", spoiled("r1", flip)),
                ("dataset_info.json: it is not", spoiled("dataset_info.json", cut)),
                ("dataset_info.json: it is not", spoiled("dataset_info.json", flip)),
                (
                    "dataset_info.json: it is missing",
                    spoiled("dataset_info.json", pathlib.Path.unlink),
                ),
                (
                    "features.json: it is missing",
                    spoiled("features.json", pathlib.Path.unlink),
                ),
                ("metadata.json: it is not", spoiled("metadata.json", empty)),
                ("labels.txt: it is not", spoiled("label.labels.txt", flip)),
                ("purified.npz: it is not", with_npz),
            ],
            1,
        )
    ),
    *(
        Fault("sources", f"{words}, {way}", act(*how), "was made from other images")
        for words, how in {
            "files of equal size and time": (folder_of_images, other_images),
            "one pixel of a file": (folder_of_images, one_pixel),
            "records of a TFDS set": (tfds, shard_of_tfds),
        }.items()
        for way, act in (("all is done", replaced), ("some is done", stopped))
    ),
    Fault("sources", "an .npz", replaced(npz, one_of_npz), "source.digest is"),
    Fault("sources", "its labels", replaced(npz, labels_of_npz), "source.digest is"),
    Fault("sources", "rows that are lost", rows_lost, "gave 2 rows for the 3 posit"),
    Fault("sources", "rows that come twice", rows_twice, "rows of other positions"),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
