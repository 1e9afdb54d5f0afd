"""Folders of the user: where caches are, also where there is no home."""

import os
import pathlib
import re
import tempfile

__all__ = ["cache", "expanded", "home", "on_disk"]


def home() -> pathlib.Path:
    """The user's home; a folder of the user's among the temporary ones without one.

    A container's user often has neither HOME nor an entry in the list of users.
    """
    try:
        return pathlib.Path.home()
    except RuntimeError:
        user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = pathlib.Path(tempfile.gettempdir(), f"purifax-{user}")
    folder.mkdir(mode=0o700, exist_ok=True)
    # Compiled programs are run: another user's folder is not taken.
    whose = folder.stat().st_uid
    return folder if whose == user else pathlib.Path(tempfile.mkdtemp(prefix="purifax"))


def cache() -> pathlib.Path:
    """Where purifax keeps what it can make or download again: `$XDG_CACHE_HOME`."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    return (expanded(chosen) if chosen else home() / ".cache") / "purifax"


def on_disk(name: str, path: str | os.PathLike[str]) -> None:
    """Refuses the address of a store where only folders of this machine are known.

    Raises:
        ValueError: it is one, such as `s3://bucket/runs`.

    >>> on_disk("--workdir", "runs/mine")
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", os.fspath(path)):
        raise ValueError(
            f"{name} must be a folder on a disk; got {path}. Work on a disk, and copy "
            "from or to the store."
        )


def expanded(path: str | os.PathLike[str]) -> pathlib.Path:
    """A path with the home of a user in place of "~"; unchanged if there is none.

    >>> expanded("data").name
    'data'
    """
    return pathlib.Path(os.path.expanduser(path))
