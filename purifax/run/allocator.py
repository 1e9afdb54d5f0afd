"""Memory on the host stays with the process once it has been used.

On CPUs a program's temporary memory is the C library's, taken and given back at each
run. glibc returns large blocks to the kernel, which hands them out again zeroed, page
by page, at the first touch.
"""

import ctypes
import os
import pathlib

__all__ = ["give_back", "keep"]

_TOP_KEPT, _MAPPED, _ARENAS = -1, -3, -8
"""M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h."""

_LEAST, _MOST = 2**25, 2**30
"""Bytes: glibc keeps lesser blocks by itself, and takes an int."""

_LIMIT = pathlib.Path("/sys/fs/cgroup/memory.max")
"""A container's."""

_OF_THE_USER = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""How the names of variables begin by which a user chooses."""


def keep(cores: int) -> bool:
    """Lets glibc keep what is freed, for the next run; to be called before jax is used.

    One heap for all threads, which alone may grow beyond 64 MiB; moderate blocks come
    from it, and nothing at its end is given back. An aligned block seldom fits where
    its like was, so that of each size and core the heap comes to hold up to eight: a
    block is moderate where those are a quarter of the memory.

    Returns:
        whether it does: not where the user has set the allocator by the environment
        (MALLOC_ARENA_MAX and the like, GLIBC_TUNABLES, LD_PRELOAD), or it is another
        C library.
    """
    if any(name.startswith(_OF_THE_USER) for name in os.environ) or not _glibc():
        return False
    largest = min(max(_memory() // (4 * 8 * cores), _LEAST), _MOST)
    wanted = ((_MAPPED, largest), (_TOP_KEPT, -1), (_ARENAS, 1))
    return all(ctypes.CDLL(None).mallopt(*pair) for pair in wanted)


def give_back() -> None:
    """Gives back what is free, as glibc does by itself after most runs."""
    if _glibc():
        ctypes.CDLL(None).malloc_trim(0)


def _glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, OSError, ValueError):
        return False


def _memory() -> int:
    """Bytes that this process may use."""
    most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _LIMIT.read_text().strip() if _LIMIT.exists() else "max"
    return min(most, int(limit)) if limit.isdigit() else most
