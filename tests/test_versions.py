"""The lowest versions that pyproject.toml allows run, and so do the newest."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = str(ROOT / "launch" / "versions.sh")


@pytest.mark.slow
@pytest.mark.parametrize("which", ["lowest", "newest"])
def test_versions_train_evaluate_and_purify(which, tmp_path):
    environment = os.environ | {"VENV": str(tmp_path / "venv")}
    command = ["bash", SCRIPT, which, "tests/run", "tests/noise", "tests/sample"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "500 of 500 image(s) purified" in done.stdout + done.stderr


@pytest.mark.parametrize("words", [[], ["oldest"]])
def test_versions_wants_one_of_two_words(words, tmp_path):
    done = subprocess.run(["bash", SCRIPT, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"error: say lowest or newest; got '{''.join(words)}'.\n"
