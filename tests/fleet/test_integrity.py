"""What is recorded of a set, and what status, verification and a rerun make of it."""

import dataclasses
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from data import stores, writers
from fleet import jobs
from PIL import Image

from purifax import data, fleet
from purifax.data.files import listed, write_once
from purifax.fleet import status
from purifax.fleet.finish import described
from purifax.fleet.record import Damaged, checked, recorded
from purifax.fleet.verify import verify
from purifax.pipelines.archive import archive


def run(one, stream=None, purify=jobs.purify, **options):
    return fleet.work(one, stream or jobs.memory(), purify, 7, pause=0.01, **options)


def done(tmp_path, **changes):
    one = jobs.job(tmp_path, jobs.memory(), **changes)
    run(one)
    return one


def spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_rerun_names_what_it_makes_again(tmp_path):
    """A shard that is gone, a changed one, and a description that is cut."""
    one, told = done(tmp_path), []
    one.shard(1).unlink()
    spoil(one.shard(3))
    one.info.write_bytes(one.info.read_bytes()[:40])
    assert not status.status(one).finished
    assert run(one, warn=told.append).shards == 2
    assert [name for name in told if "00001-of-00005: it is missing" in name]
    assert [name for name in told if "00003-of-00005: no record has" in name]
    assert [name for name in told if "dataset_info.json: it is not" in name]
    assert len(told) == 3
    jobs.assert_right(one, jobs.images())
    assert run(one, warn=told.append).shards == 0 and len(told) == 3


def test_a_set_is_not_described_while_a_shard_is_made_again(tmp_path):
    one, seen = done(tmp_path), []
    one.shard(2).unlink()

    def look(words, pixels):
        seen.append(one.finished())
        return jobs.purify(words, pixels)

    run(one, purify=look)
    assert seen and not any(seen)
    jobs.assert_right(one, jobs.images())


def test_a_file_of_the_user_s_own_is_no_damage(tmp_path):
    one = done(tmp_path)
    (one.data / "NOTES.txt").write_text("mine")
    (one.data / "mine.json").write_text("{}")
    assert status.status(one).finished and not status.status(one).damaged
    assert run(one).shards == 0
    assert (one.data / "NOTES.txt").exists()


def test_each_worker_looks_at_its_part_of_the_source(tmp_path):
    one, whole, asked = done(tmp_path), jobs.memory(), []

    def read(positions):
        asked.append(positions)
        return whole.read(positions)

    watched = dataclasses.replace(whole, read=read)
    for worker in range(2):
        run(one, watched, worker=worker, workers=2)
    shards = [one.plan.positions(shard) for shard in (0, 2, 4, 1, 3)]
    assert asked == shards


def test_a_record_without_its_shard_is_no_shard(tmp_path):
    """A worker was killed after it had written the record."""
    one = jobs.job(tmp_path, jobs.memory())
    fleet.job.claim(one)
    recorded(one, 0, b"never written", {}, [])
    assert one.done() == set() and run(one).shards == 5
    jobs.assert_right(one, jobs.images())


def test_of_two_that_write_a_shard_the_first_one_s_record_counts(tmp_path):
    """The second one could not read an image, and left a record that says so."""
    one = done(tmp_path)
    lost = data.examples.Unreadable(0, "there", "it is torn")
    recorded(one, 0, b"of the second", {}, [lost])
    assert not write_once(one.shard(0), b"of the second")
    assert fleet.left_out(one) == [] and status.status(one).unreadable == []
    assert run(one).shards == 0 and described(one)
    spoil(one.shard(0))
    with pytest.raises(Damaged, match="no record has its checksum"):
        checked(one, 0)


def test_an_image_that_can_be_read_again_is_purified(tmp_path):
    torn, whole = jobs.holed(41, 8), jobs.memory()
    one, told = jobs.job(tmp_path, whole), []
    run(one, torn)
    archive(one, one.archive)
    assert run(one, torn).shards == 0 and one.archive.exists()
    assert run(one, whole, warn=told.append).shards == 1
    assert "image 8 can be read now" in told[0] and fleet.left_out(one) == []
    assert not one.archive.exists(), "it lacked the image"
    jobs.assert_right(one, jobs.images())


def test_an_image_that_cannot_be_read_any_more_is_kept(tmp_path):
    one, told = done(tmp_path), []
    assert run(one, jobs.holed(41, 8), warn=told.append).shards == 0
    assert len(told) == 1 and "there cannot be read any more" in told[0]
    jobs.assert_right(one, jobs.images())


def folder(tmp_path, seed=0):
    images, labels = writers.pictures(12, (6, 6, 1), 3, seed)
    place = tmp_path / "in"
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (place / "abc"[label]).mkdir(parents=True, exist_ok=True)
        path = place / "abc"[label] / f"{number:02d}.bmp"  # of one size all
        Image.fromarray(image[..., 0]).save(path)
    return place


def test_a_replaced_image_is_named_by_rerun_and_verification(tmp_path):
    place = folder(tmp_path)
    stream = data.open_stream(str(place))
    one = jobs.job(tmp_path / "out", stream, 4)
    run(one, stream)
    changed, other = sorted(place.rglob("*.bmp"))[5:7]
    before, content = changed.stat(), changed.read_bytes()
    changed.write_bytes(other.read_bytes())
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    same = data.open_stream(str(place))
    assert same.digest == stream.digest, "names and sizes are as before"
    name = str(changed.relative_to(place))
    with pytest.raises(fleet.Mismatch, match=f"00001-of-00004 was made .*{name}"):
        run(one, same)
    found = verify(one, same, jobs.purify, 7, 1)
    assert found.changed == {one.shard(1).name: name} and not found.right()
    changed.write_bytes(content)
    assert run(one, stream).shards == 0


def test_verification_misses_no_damaged_file(tmp_path):
    """Whatever the sample is."""
    one, stream = done(tmp_path), jobs.memory()
    assert verify(one, stream, jobs.purify, 7, 1).right()
    one.shard(4).unlink()
    found = verify(one, stream, jobs.purify, 7, 1)
    assert found.damaged == {one.shard(4).name: "it is missing"} and not found.right()
    shutil.rmtree(one.data)
    found = verify(one, stream, jobs.purify, 7, 1).damaged
    assert {one.shard(shard).name for shard in range(5)} < found.keys()
    assert {"dataset_info.json", "features.json"} < found.keys()


def test_the_npz_of_all_is_recorded(tmp_path):
    one, told = done(tmp_path), []
    archive(one, one.archive)
    assert not status.status(one).damaged
    spoil(one.archive)
    assert list(status.status(one).damaged) == [one.archive.name]
    run(one, warn=told.append)
    assert "--npz writes it again" in told[0]
    archive(one, one.archive)
    assert not status.status(one).damaged
    one.archive.unlink()
    assert not status.status(one).damaged, "it may be removed"


def test_a_store_is_checked_as_a_disk_is(monkeypatch):
    out = stores.open_store(monkeypatch) + "/job"
    one, told = jobs.job(out, jobs.memory(9), 3), []
    run(one, jobs.memory(9))
    assert status.status(one).finished
    one.shard(1).write_bytes(one.shard(2).read_bytes())
    one.shard(0).write_bytes(one.shard(0).read_bytes()[:-1])
    assert len(status.status(one).damaged) == 2
    assert run(one, jobs.memory(9), warn=told.append).shards == 2 and len(told) == 2
    jobs.assert_right(one, jobs.images(9))
    one.file.unlink()
    with pytest.raises(ValueError, match="job.json is missing"):
        run(one, jobs.memory(9))


def test_others_sets_beside_a_job_do_not_matter(tmp_path):
    data.write_set(tmp_path, "another", {"train": jobs.images(5)})
    done(tmp_path)


def test_status_of_a_large_plan_takes_what_is_there(tmp_path):
    """A billion shards, of which none is there."""
    one = jobs.job(tmp_path, jobs.memory())
    large = dataclasses.replace(one, plan=fleet.shards.Plan(10**12, 10**9))
    fleet.job.claim(large)
    now = status.status(fleet.load(tmp_path))
    assert (now.shards, now.done, now.damaged) == (10**9, 0, {})


def test_a_job_is_named_in_its_records(tmp_path):
    """job.json of another job, with its own checksum, does not fit the shards."""
    one = done(tmp_path / "a", purifier={"name": "three"})
    two = done(tmp_path / "b", purifier={"name": "four"})
    shutil.copy(two.file, one.file)
    now = status.status(fleet.load(one.out))
    assert now.done == 0 and len(now.damaged) == 5
    assert all("another job" in reason for reason in now.damaged.values())


def test_records_are_small_words(tmp_path):
    one = done(tmp_path)
    path = pathlib.Path(listed(one.records)[0])
    words = json.loads(path.read_text())
    assert {"checksum", "file", "job"} < words.keys()
    hashes = [
        hash_
        for path in listed(one.records)
        for hash_ in json.loads(path.read_text()).get("content", [])
    ]
    assert len(hashes) == len(set(hashes)) == 41
    assert np.all([len(hash_) == 16 for hash_ in hashes])
