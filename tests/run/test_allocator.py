"""Freed memory is kept: page faults are counted, in a process of its own."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from purifax.run import allocator

SCRIPT = """
import resource, statistics, time
from purifax.run import allocator
from purifax.run import devices

devices.prepare(32)

import jax
from jax import numpy as jnp

def turned(x):
    y = x[:, None] * jnp.arange(64.0)
    return jax.lax.fori_loop(0, 2, lambda i, y: jnp.sin(y)[::-1], y).sum()

x = jnp.ones(1 << 16)
run = jax.jit(turned).lower(x).compile()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    run(x).block_until_ready()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

again = statistics.median(faults() for _ in range(31))
time.sleep(0.2)  # An array is there a little before its program's memory is freed.
allocator.give_back()
print(again, faults())
"""

needs_glibc = pytest.mark.skipif(not allocator._glibc(), reason="glibc's own")


def _faults(**more: str) -> tuple[int, int]:
    """Page faults of a run of a program, with 32 MiB of its own: the median of 31, for
    some of the first find no block that fits; and of one after memory was given back.
    """
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(allocator._OF_THE_USER)
    }
    env = {**mine, "JAX_NUM_CPU_DEVICES": "1", **more}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    again, anew = map(int, done.stdout.split())
    return again, anew


@needs_glibc
def test_another_run_of_a_program_touches_no_new_memory():
    kept, given_back = _faults()
    assert kept < 100 < 4_000 < given_back
    by_itself, _ = _faults(MALLOC_TRIM_THRESHOLD_="131072")
    assert by_itself > 4_000


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "LD_PRELOAD"])
def test_a_setting_of_the_user_is_left_alone(monkeypatch, name):
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: pytest.fail("set"))
    monkeypatch.setenv(name, "1")
    assert not allocator.keep(2)


@pytest.mark.parametrize("fault", [AttributeError, OSError, ValueError])
def test_other_c_libraries_are_left_alone(monkeypatch, fault):
    def confstr(name: str) -> str:
        raise fault(name)

    monkeypatch.setattr(allocator.os, "confstr", confstr, raising=False)
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: pytest.fail("set"))
    assert not allocator.keep(2)


@pytest.mark.parametrize(
    ("memory", "limit", "cores", "expected"),
    [
        (2**34, None, 2, 2**28),
        (2**34, "max", 2, 2**28),
        (2**34, str(2**33), 2, 2**27),
        (2**34, str(2**35), 2, 2**28),
        (2**31, None, 16, 2**25),
        (2**40, None, 4, 2**30),
    ],
)
def test_kept_blocks_are_a_share_of_the_memory(
    monkeypatch, tmp_path, memory, limit, cores, expected
):
    where, asked = tmp_path / "memory.max", {}
    if limit:
        where.write_text(f"{limit}\n")
    library = SimpleNamespace(mallopt=lambda *pair: asked.update([pair]) or 1)
    pages = {"SC_PHYS_PAGES": memory // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(allocator, "_glibc", lambda: True)
    monkeypatch.setattr(allocator, "_LIMIT", where)
    monkeypatch.setattr(allocator.os, "environ", {})
    monkeypatch.setattr(allocator.os, "sysconf", pages.__getitem__)
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: library)
    assert allocator.keep(cores)
    assert asked == {-3: expected, -1: -1, -8: 1}
