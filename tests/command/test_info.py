"""`purifax info` says what is installed and where it looks."""

import os
import subprocess
import sys

import commands
import jax
import pytest

import purifax
from purifax import weights
from purifax.command import info


def test_it_prints_versions_devices_and_places(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    (tmp_path / "runs/mine").mkdir(parents=True)
    (tmp_path / "runs/mine/network.json").write_text("{}")
    code, out, _ = commands.verb(capsys, "info")
    assert code == 0 and out.splitlines() == info.lines()
    assert commands.verb(capsys, "")[1] == out
    assert f"purifax  {purifax.__version__}" in out
    assert "devices  8 x cpu (cpu)" in out
    assert f"{tmp_path}/runs: mine" in out and ", ".join(weights.names()) in out
    assert f"{tmp_path} (exists; TFDS_DATA_DIR is set)" in out


def test_no_device_is_said_and_not_raised(monkeypatch):
    def none():
        raise AssertionError

    monkeypatch.setattr(jax, "devices", none)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    (found,) = (line for line in info.lines() if line.startswith("problem"))
    assert "jax finds no device for JAX_PLATFORMS=cuda (AssertionError)" in found
    assert "purifax[gpu]" in found and "devices  unknown" in info.lines()


@pytest.mark.parametrize("part", info.PARTS)
def test_whatever_is_broken_is_one_line(capsys, monkeypatch, part):
    def broken():
        raise KeyError("a plugin\nthat fails")

    monkeypatch.setitem(info.PARTS, part, broken)
    code, out, err = commands.verb(capsys, "info")
    assert (code, err) == (0, "")
    assert f"problem  {part}: 'a plugin\\nthat fails'" in out.splitlines()


def test_a_cache_that_cannot_be_written_is_said(monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    (found,) = (line for line in info.lines() if line.startswith("problem"))
    assert "compiled" in found and "/dev/null" in found


def test_a_package_that_is_missing_is_said():
    assert info._version("no-such-package") == "not installed"


def test_flags_that_xla_does_not_know_are_said():
    known = os.environ | {"XLA_FLAGS": "--xla_nonsense=3"}
    words = [sys.executable, "-m", "purifax"]
    done = subprocess.run(words, env=known, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("problem")]
    assert len(said) == 1 and "Unknown flag in XLA_FLAGS: --xla_nonsense=3" in said[0]
