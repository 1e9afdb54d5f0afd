"""Download official archives and verify their published checksums."""

import contextlib
import hashlib
import http.client
import logging
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from purifax.data.catalogue import Archive
from purifax.data.images import DataError

__all__ = ["fetch"]

PATIENCE = 30.0
BLOCK = 1 << 20

log = logging.getLogger(__name__)


def fetch(archive: Archive, folder: Path) -> Path:
    """The archive in `folder`, downloaded unless it exists.

    It is written under a temporary name and renamed once its checksum is verified, so
    that a broken download is never taken for the archive, and several processes may
    fetch at once.

    Raises:
        DataError: no address answered, or the downloaded file has a wrong checksum.
    """
    target = folder / archive.file
    if target.is_file():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error}.") from error
    failures = []
    for address in archive.addresses:
        log.warning("downloading %s (%s MB)", address, archive.megabytes)
        try:
            return _from_address(address, archive.checksum, target)
        except (OSError, http.client.HTTPException, DataError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            failures.append(f"{address}: {reason}")
    raise DataError("; ".join(failures))


def _from_address(address: str, checksum: str, target: Path) -> Path:
    algorithm, expected = checksum.split(":")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    descriptor, partial = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".part", dir=target.parent
    )
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            urllib.request.urlopen(address, timeout=PATIENCE) as stream,
        ):
            while block := stream.read(BLOCK):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != expected:
            raise DataError(
                f"what came has the {algorithm} {digest.hexdigest()}, not {expected}"
            )
        os.chmod(partial, 0o644)
        os.replace(partial, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
    return target
