"""A purified data set as one .npz, or as a folder of files, shard by shard."""

import re
import zipfile
from typing import Any

import numpy as np
from etils import epath

from purifax import fleet
from purifax.data.files import leftovers, remove, whole, write_whole
from purifax.data.write import png
from purifax.fleet.record import hashed, kept

__all__ = ["archive", "files"]


def archive(job: fleet.Job, path: epath.Path) -> None:
    """Writes images, labels, index (or ids) and names; a shard at a time is in memory.

    Its checksum is recorded in the job.

    Args:
        job: a finished one.
        path: in the folder of the job; it appears whole.
    """
    for part in leftovers(job.out).get(path.name, []):
        remove(part)
    count = job.plan.count - len(fleet.left_out(job))
    labels: list[int] = []
    ids: list[Any] = []
    with whole(path) as file, zipfile.ZipFile(file, "w") as out:
        with out.open("images.npy", "w", force_zip64=True) as images:
            head = {"descr": "|u1", "fortran_order": False}
            shape = (count, *job.layout.shape)
            np.lib.format.write_array_header_1_0(images, {**head, "shape": shape})
            for shard in range(job.plan.shards):
                for row in job.written.rows(job.shard(shard), job.layout):
                    images.write(np.ascontiguousarray(row["image"], np.uint8).data)
                    labels.append(row["label"])
                    ids.append(row["id"])
        small = {
            "labels": np.asarray(labels, np.int32),
            "ids" if job.layout.text_ids else "index": np.asarray(ids),
            "names": np.asarray(job.layout.classes),
        }
        for name, array in small.items():
            with out.open(f"{name}.npy", "w") as column:
                np.lib.format.write_array(column, array, allow_pickle=False)
    kept(job, path.name, hashed(path), {})


def files(job: fleet.Job, folder: epath.Path) -> int:
    """Writes each image as a PNG in the folder of its class; gives their number.

    A file is called by the id of its image.

    Args:
        job: a finished one.
        folder: files that are there already are replaced, each in one step.
    """
    count = 0
    for shard in range(job.plan.shards):
        for row in job.written.rows(job.shard(shard), job.layout):
            name = _folder(job.layout.classes[row["label"]])
            path = folder / name / f"{_stem(row['id'])}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, png(np.asarray(row["image"])).getvalue())
            count += 1
    return count


def _folder(name: str) -> str:
    """A name for the folder of a class, which no other has, and which stays inside.

    >>> _folder("sea lion"), _folder("a/b"), _folder("..")
    ('sea lion', 'a%2fb', '%2e.')
    """
    return re.sub(r"[/\\\0%]|^\.", lambda found: f"%{ord(found[0]):02x}", name)


def _stem(one: int | bytes) -> str:
    """A name for the file of an image, which no other has.

    >>> _stem(7), _stem(b"a/b.png")
    ('000000007', 'a%2fb.png')
    """
    if not isinstance(one, bytes):
        return f"{int(one):09d}"
    safe = re.compile(rb"[A-Za-z0-9._-]")
    return "".join(
        chr(byte) if safe.match(bytes([byte])) else f"%{byte:02x}" for byte in one
    )
