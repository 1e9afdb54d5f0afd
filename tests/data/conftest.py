"""No test of this folder sees the data, or the network, of the machine it runs on."""

import pytest


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path_factory):
    """Empty TFDS and cache folders, and no way out but 127.0.0.1."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TFDS_DATA_DIR", str(home / "tensorflow_datasets"))
    monkeypatch.setenv("PURIFAX_DATA_DIR", str(home / "cache"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return home
