"""An object store in memory, behind the very code that `s3://` paths run through."""

import contextlib

import fsspec
from etils.epath import backend
from fsspec.implementations.memory import MemoryFileSystem


class Bucket(MemoryFileSystem):
    """Objects by key; shared by all that open `s3://`.

    As in S3 there are no folders: where nothing is, nothing can be listed. And as the
    clients of S3 and GCS do, one remembers what it has listed until it writes there
    itself, whatever others write, unless it is told to remember nothing.
    """

    protocol = "s3"
    cachable = False
    store: dict = {}
    pseudo_dirs = [""]

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("s3://", "memory://"))

    def mkdir(self, path, create_parents=True, **kwargs):
        """Nothing: there are no folders."""

    def makedirs(self, path, exist_ok=False):
        """Nothing: there are no folders."""

    def ls(self, path, detail=True, **kwargs):
        path = self._strip_protocol(path)
        found = self._ls_from_cache(path)
        if found is None:
            found = super().ls(path, detail=True)
            self.dircache[path] = found
        return found if detail else sorted(one["name"] for one in found)

    def info(self, path, **kwargs):
        known = self._ls_from_cache(self._strip_protocol(path)) or [{}]
        return known[0] if known[0].get("name") == path else super().info(path)

    def invalidate_cache(self, path=None):
        self.dircache.clear()

    def _open(self, path, mode="rb", **kwargs):
        if mode != "rb":
            self.invalidate_cache()
        return super()._open(path, mode, **kwargs)

    def _rm(self, path):
        self.invalidate_cache()
        super()._rm(path)


CLIENTS: list[Bucket] = []


def open_store(monkeypatch):
    """Makes `s3://` an empty store for one test."""
    monkeypatch.setattr(Bucket, "store", {})
    monkeypatch.setattr(Bucket, "pseudo_dirs", [""])
    fsspec.register_implementation("s3", Bucket, clobber=True)
    CLIENTS[:] = [Bucket()]
    monkeypatch.setattr(
        backend._FileSystemSpecBackend, "_get_filesystem", lambda *_: CLIENTS[-1]
    )
    return "s3://bucket"


@contextlib.contextmanager
def elsewhere():
    """Within it, another machine is at the store."""
    CLIENTS.append(Bucket())
    yield
    CLIENTS.pop()
