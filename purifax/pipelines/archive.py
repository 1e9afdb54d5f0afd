"""A purified data set as one .npz, written shard by shard."""

import zipfile
from typing import Any

import numpy as np
from etils import epath

from purifax import fleet
from purifax.data.files import leftovers, remove, whole
from purifax.data.rows import read_rows
from purifax.fleet.record import hashed, kept

__all__ = ["archive"]


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
                for row in read_rows(job.shard(shard), job.layout):
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
