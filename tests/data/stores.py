"""An object store in memory, behind the very code that `s3://` paths run through."""

import fsspec
from etils.epath import backend
from fsspec.implementations.memory import MemoryFileSystem


class Bucket(MemoryFileSystem):
    """Objects by key; shared by all that open `s3://`."""

    protocol = "s3"
    cachable = False
    store: dict = {}
    pseudo_dirs = [""]

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("s3://", "memory://"))


def open_store(monkeypatch):
    """Makes `s3://` an empty store for one test."""
    monkeypatch.setattr(Bucket, "store", {})
    monkeypatch.setattr(Bucket, "pseudo_dirs", [""])
    fsspec.register_implementation("s3", Bucket, clobber=True)
    monkeypatch.setattr(
        backend._FileSystemSpecBackend, "_get_filesystem", lambda self, name: Bucket()
    )
    return "s3://bucket"
