"""What goes wrong with disks, sources and people: nothing lost, nothing doubled."""

import dataclasses
import errno
import os

import numpy as np
import pytest
from data import stores
from fleet import jobs

from purifax import data, fleet
from purifax.data import files
from purifax.data.files import write_once
from purifax.fleet import status
from purifax.fleet.job import begin, claim
from purifax.fleet.lease import Leases
from purifax.fleet.purify_batch import key_words
from purifax.fleet.verify import verify


def run(one, stream=None, purify=jobs.purify, **options):
    return fleet.work(one, stream or jobs.memory(), purify, 7, pause=0.01, **options)


def test_a_full_disk_ends_the_worker_and_keeps_what_is_done(tmp_path, monkeypatch):
    one, room = jobs.job(tmp_path, jobs.memory()), [2]

    def fsync(opened):
        if os.fstat(opened).st_size > 10_000:
            room[0] -= 1
            if room[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="No space left"):
            run(one)
    assert len(one.done()) == 2
    assert not files.leftovers(one.data) and not list(one.leases.iterdir())
    assert run(one).shards == 3
    jobs.assert_right(one, jobs.images())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        run(jobs.job(tmp_path / "file", jobs.memory()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"shards": 4}, "plan.shards is 5 there and 4 here"),
        ({"weights": "b"}, 'weights is "" there and "b" here'),
        ({"purifier": {"name": "four"}}, 'purifier.name is "three" there and "four"'),
        ({"source": {"digest": "other"}}, "source.digest is .* there"),
    ],
)
def test_two_jobs_do_not_share_a_folder(tmp_path, changes, words):
    one = jobs.job(tmp_path, jobs.memory())
    run(one)
    with pytest.raises(fleet.Mismatch, match=words):
        run(jobs.job(tmp_path, jobs.memory(), **changes))
    jobs.assert_right(one, jobs.images())


def test_a_damaged_job_is_named(tmp_path):
    run(jobs.job(tmp_path, jobs.memory()))
    (tmp_path / "job.json").write_text('{"seed": ')
    with pytest.raises(ValueError, match="job.json is damaged"):
        fleet.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no job"):
        fleet.load(tmp_path / "elsewhere")


def test_a_paused_worker_that_wakes_does_no_harm(tmp_path):
    """It sleeps within a shard; another does all; it wakes and writes nothing."""
    one, clock = jobs.job(tmp_path, jobs.memory()), [0.0]
    rest = []

    def sleepy(words, pixels):
        if not rest:
            rest.append(True)
            watching = Leases(one.leases, "far/1/bb", 60.0, lambda: clock[0])

            def later(seconds):
                clock[0] += 100

            assert run(one, leases=watching, sleep=later).shards == 5
            rest.append({path.name: path.read_bytes() for path in one.data.iterdir()})
        return jobs.purify(words, pixels)

    sleeper = Leases(one.leases, "far/1/aa", 60.0, lambda: clock[0])
    tally = run(one, purify=sleepy, leases=sleeper)
    assert (tally.shards, tally.lost) == (0, 1)
    assert {path.name: path.read_bytes() for path in one.data.iterdir()} == rest[1]
    jobs.assert_right(one, jobs.images())


def test_a_worker_paused_while_writing_does_no_harm(tmp_path, monkeypatch):
    """It sleeps before the file gets its name; another has cleared up when it wakes."""
    one, real, woken = jobs.job(tmp_path, jobs.memory(), shards=2), os.link, []

    def link(part, path):
        if "array_record" in str(path) and not woken:
            woken.append(True)
            (one.leases / one.plan.name(0)).unlink()
            run(one)
        return real(part, path)

    monkeypatch.setattr(os, "link", link)
    assert run(one).lost == 1
    jobs.assert_right(one, jobs.images())


def test_leftovers_of_the_dead_go(tmp_path):
    one = jobs.job(tmp_path, jobs.memory())
    for folder in (one.data, one.leases, one.records):
        folder.mkdir(parents=True)
        (folder / f"tmp.0123.{one.shard(0).name}").write_bytes(b"half")
    run(one)
    jobs.assert_right(one, jobs.images())
    assert not files.leftovers(one.records) and not files.leftovers(one.leases)


def test_a_shard_that_was_damaged_is_done_again(tmp_path):
    one = jobs.job(tmp_path, jobs.memory())
    with pytest.raises(InterruptedError):
        run(one, tell=lambda done, total: _stop_at(done, total))
    for shard in one.done():
        content = one.shard(shard).read_bytes()
        one.shard(shard).write_bytes(content[: len(content) // 2])
    run(one)
    jobs.assert_right(one, jobs.images())


def test_a_disk_that_damages_every_shard_ends_the_worker(tmp_path, monkeypatch):
    one, real = jobs.job(tmp_path, jobs.memory(7), 1), os.link

    def link(part, path):
        if "array_record" in str(path):
            os.truncate(part, 70_000)
        real(part, path)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(OSError, match="damaged or changed each time"):
        run(one, jobs.memory(7))
    assert not one.finished()


def _stop_at(done, total):
    if done > total // 2:
        raise InterruptedError


def unreadable_source(tmp_path):
    """A TFDS directory whose shard 1 of 3 has a record with flipped bits."""
    images = jobs.images(30)
    folder = data.write_set(tmp_path / "in", "drawn", {"train": images}, shard_size=10)
    path = folder / "drawn-train.array_record-00001-of-00003"
    content = bytearray(path.read_bytes())
    used = np.flatnonzero(np.frombuffer(content[:65536], np.uint8))
    content[used[len(used) // 2]] ^= 255
    path.write_bytes(content)
    return images, folder


def test_a_damaged_record_is_left_out_and_told(tmp_path):
    images, folder = unreadable_source(tmp_path)
    stream = data.open_stream(str(folder))
    one = jobs.job(tmp_path / "out", stream, 4)
    run(one, stream)
    missing = fleet.left_out(one)
    assert len(missing) == 1
    assert "00001-of-00003 record" in missing[0]["where"] and missing[0]["reason"]
    kept = images.take(np.delete(np.arange(30), missing[0]["position"]))
    jobs.assert_right(one, kept)
    assert "left out: " in status.words(status.status(one))
    assert len(data.load("tfds", "train", one.data)) == 29


def test_wrong_labels_sizes_and_answers_are_left_out(tmp_path):
    source = jobs.images(9)
    stream = jobs.streams.from_images(source)

    def rows(positions):
        for row in stream.read(positions):
            if row.position == 4:
                yield data.examples.Example(4, row.image, 3, row.id)
            elif row.position == 5:
                yield data.examples.Example(5, row.image[:2], row.label, row.id)
            else:
                yield row

    def read(positions):
        checked = data.examples.checked(rows(positions), jobs.SHAPE, 3, str)
        return checked

    def purify(words, pixels):
        purified, finite = jobs.purify(words, pixels)
        return purified, words[:, 0] != key_words([source.index[7]])[0, 0]

    wrong = data.examples.Stream(9, jobs.SHAPE, jobs.NAMES, "", stream.digest, read)
    one = jobs.job(tmp_path, wrong, 2)
    run(one, wrong, purify)
    reasons = {row["position"]: row["reason"] for row in fleet.left_out(one)}
    assert set(reasons) == {4, 5, 7}
    assert "label is 3, but there are 3" in reasons[4]
    assert "2 x 3 x 1" in reasons[5] and "not finite" in reasons[7]
    jobs.assert_right(one, source.take(np.array([0, 1, 2, 3, 6, 8])))


def test_an_object_store_will_do(tmp_path, monkeypatch):
    one = jobs.job(stores.open_store(monkeypatch) + "/job", jobs.memory(9), 2)
    fleet.work(one, jobs.memory(9), jobs.purify, 7)
    jobs.assert_right(one, jobs.images(9))
    assert fleet.load(one.out) == one and status.status(one).finished
    stream = data.open_stream(str(one.data))
    assert [row.id for row in stream.read(range(9))] == list(jobs.images(9).index)


def test_what_others_put_into_a_store_is_seen(monkeypatch):
    """By a worker that has looked there before, while they were at it."""
    out = stores.open_store(monkeypatch) + "/job"
    one, slept = jobs.job(out, jobs.memory(9), 3), []
    with pytest.raises(InterruptedError):
        run(one, jobs.memory(9), tell=_stop_at)
    far, (left,) = Leases(one.leases, "far/1/bb"), {0, 1, 2} - one.done()
    assert far.claim(one.plan.name(left))

    def sleep(seconds):
        slept.append(seconds)
        with stores.elsewhere():
            far.release(one.plan.name(left))
            assert run(one, jobs.memory(9)).shards == 1

    assert run(one, jobs.memory(9), sleep=sleep).shards == 0
    assert len(slept) == 1
    jobs.assert_right(one, jobs.images(9))


def test_status_counts_done_leased_and_left(tmp_path):
    one = jobs.job(tmp_path, jobs.memory())
    seen = []

    def look(done, total):
        seen.append(status.status(one))

    run(one, tell=look)
    counts = {(found.done, len(found.leased)) for found in seen}
    assert {(0, 0), (0, 1), (1, 1), (4, 1), (5, 0)} <= counts
    assert [found.images[1] for found in seen][-1] == 41
    busy = next(found for found in seen if found.leased)
    assert "process" in status.words(busy)
    done = status.words(status.status(one))
    assert done.startswith("5 of 5 shards done (41 of 41 images), 0 leased, 0 left")
    assert done.endswith("the set is complete")


def test_verification_finds_a_changed_row(tmp_path):
    one, stream = jobs.job(tmp_path, jobs.memory()), jobs.memory()
    run(one)
    assert verify(one, stream, jobs.purify, 7, 20).different == {}

    def other(words, pixels):
        purified, finite = jobs.purify(words, pixels)
        low = key_words([jobs.images().index[11]])[0, 0]
        changed = (words[:, :1] == low)[..., None, None]
        return np.where(changed, 255 - purified, purified), 0

    found = verify(one, stream, other, 7, 41)
    assert found.images == 41 and list(found.different) == [jobs.images().index[11]]
    with pytest.raises(fleet.Mismatch, match="seed"):
        verify(jobs.job(tmp_path, stream, seed=9), stream, jobs.purify, 7, 5)


def test_two_first_workers_agree_on_the_job(tmp_path):
    """With other devices, the second takes the batch of the first."""
    one = jobs.job(tmp_path, jobs.memory(), batch=16)
    assert begin(one) == one
    assert begin(dataclasses.replace(one, batch=32)) == one
    assert not write_once(one.file, b"{}")
    with pytest.raises(fleet.Mismatch, match="batch is 16 there and 32 here"):
        claim(dataclasses.replace(one, batch=32))
