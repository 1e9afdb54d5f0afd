"""Small jobs with a purifier that costs nothing, and the rows that must come out."""

import dataclasses

import numpy as np
from data import writers

from purifax import data, fleet
from purifax.data import files
from purifax.data import stream as streams
from purifax.data.examples import Unreadable
from purifax.data.files import place
from purifax.data.rows import read_rows
from purifax.fleet.purify_batch import key_words
from purifax.fleet.shards import Plan

NAMES = ("ant", "bee", "cow")
SHAPE = (4, 3, 1)


def images(count=41):
    """So many images; ids are neither positions nor small."""
    pixels, labels = writers.pictures(count, SHAPE, 3)
    index = np.arange(count) * 1000 + 2**33 * (np.arange(count) % 2)
    return data.Images(pixels, labels, index, NAMES, "drawn")


def expected(image, number):
    """The purifier: every pixel moves by what the image's own key words say."""
    low, high = (int(word) for word in key_words([number])[0])
    return (image.astype(np.int64) * 3 + low % 251 + high % 7).astype(np.uint8)


def purify(words, pixels):
    """`expected` of a batch."""
    moved = words[:, 0].astype(np.int64) % 251 + words[:, 1].astype(np.int64) % 7
    moved = moved[:, None, None, None]
    return (pixels * np.int64(3) + moved).astype(np.uint8), np.full(len(pixels), True)


def job(out, stream, shards=5, **changes):
    """A job of so many shards."""
    layout = data.Layout(
        "purified", stream.shape, stream.names, stream.text_ids, stream.extras
    )
    cut = Plan(stream.count, shards)
    given = {"source": {"digest": stream.digest}, "purifier": {"name": "three"}}
    return fleet.Job(place(out), layout, cut, **given | changes)


def memory(count=41):
    return streams.from_images(images(count))


def holed(count, hole):
    """`memory`, but one position cannot be read."""
    whole = memory(count)

    def read(positions):
        for row in whole.read(positions):
            lost = Unreadable(hole, "there", "it is torn")
            yield lost if row.position == hole else row

    return dataclasses.replace(whole, read=read)


def rows(one):
    """All rows of a job's shards by id; an id that comes twice fails."""
    found = {}
    for shard in range(one.plan.shards):
        for row in read_rows(one.shard(shard), one.layout):
            assert row["id"] not in found
            found[row["id"]] = row
    return found


def assert_right(one, source):
    """Every image exactly once, purified to the bit, and nothing left behind."""
    found = rows(one)
    assert sorted(found) == sorted(source.index)
    for image, label, number in zip(
        source.images, source.labels, source.index, strict=True
    ):
        np.testing.assert_array_equal(
            found[number]["image"], expected(image, number), err_msg=str(number)
        )
        assert found[number]["label"] == label
    assert one.finished()
    names = [path.name for path in files.listed(one.data)]
    assert not [name for name in names if name.startswith("tmp.")]
    assert not files.listed(one.leases)
