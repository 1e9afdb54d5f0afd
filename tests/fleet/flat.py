"""A job whose source is ten times the memory that it may take: `python flat.py FOLDER`.

It prints how many images were purified, and by how much the memory grew over that of
a short job; the source is one .npz, stored or compressed.
"""

import pathlib
import resource
import sys
import zipfile

import numpy as np
from fleet import jobs

from purifax import fleet
from purifax.data.stream import open_stream
from purifax.pipelines.archive import archive

ALLOWED = 24 * 2**20
SIDE = 512
WARM = 60
"""Images after which the libraries have the buffers they keep."""

COUNT = 10 * ALLOWED // (3 * SIDE**2) + 1


def image(number):
    """Bands of two values."""
    rows = (np.arange(SIDE) // 64 + number) % 5
    return np.broadcast_to(rows[:, None, None], (SIDE, SIDE, 3)).astype(np.uint8)


def write(path, count, way):
    """So many images, without having all of them in memory."""
    with zipfile.ZipFile(path, "w", way, compresslevel=1) as out:
        with out.open("images.npy", "w", force_zip64=True) as file:
            head = {"descr": "|u1", "fortran_order": False}
            head |= {"shape": (count, SIDE, SIDE, 3)}
            np.lib.format.write_array_header_1_0(file, head)
            for number in range(count):
                file.write(image(number).tobytes())


def moved(words, pixels):
    """As many bytes as a purifier gives, at no cost."""
    return pixels + np.uint8(1), np.full(len(pixels), True)


def purify(path, out):
    """All of it, and once more as one .npz."""
    stream = open_stream(str(path))
    one = jobs.job(out, stream, -(-stream.count // 3))
    tally = fleet.work(one, stream, moved, 2)
    archive(one, out / "all.npz")
    return tally.images


def peak():
    """The most bytes that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    folder, way = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    write(folder / "small.npz", WARM, way)
    write(folder / "large.npz", COUNT, way)
    purify(folder / "small.npz", folder / "small")
    before = peak()
    print(purify(folder / "large.npz", folder / "large"), peak() - before)
