"""`purifax info` says what is installed and where it looks."""

import commands

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
    import jax

    def none():
        raise RuntimeError("Unable to initialize\nbackend 'cuda'")

    monkeypatch.setattr(jax, "devices", none)
    found = [line for line in info.lines() if line.startswith("devices")]
    assert found == ["devices  none: Unable to initialize backend 'cuda'"]


def test_a_package_that_is_missing_is_said():
    assert info._version("no-such-package") == "not installed"
