"""A killed process, resumed by the same command, ends in an unbroken one's bits."""

import json
import os
import signal
import subprocess
import sys

import pytest
from training_runs import rows, saved, steps

CONFIG = """
import os
import signal

from purifax.evaluation.batches import Batches
from training_runs import score_run

plain = Batches.__call__


def call(self, step):
    name, _, at = os.environ.get("SIGNAL", "").partition(" at ")
    if name and step == int(at):
        os.kill(os.getpid(), getattr(signal, name))
    return plain(self, step)


Batches.__call__ = call


def config():
    return score_run(steps=40, save_every=10)
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Runs the real command in a fresh process, which signals itself at a step."""
    root = tmp_path_factory.mktemp("resume")
    (root / "tiny.py").write_text(CONFIG)
    tests = os.path.dirname(os.path.dirname(__file__))
    support = os.path.join(tests, "support")
    path = os.pathsep.join([tests, support, os.path.dirname(tests)])
    settings = {"JAX_NUM_CPU_DEVICES": "1", "XLA_FLAGS": "", "PYTHONPATH": path}
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(root / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }

    def run(name, sent=""):
        words = [sys.executable, "-m", "experiments.train"]
        words += [f"--config={root / 'tiny.py'}", f"--workdir={root / name}"]
        env = os.environ | settings | cache | {"SIGNAL": sent}
        return subprocess.run(words, capture_output=True, text=True, env=env)

    run.root = root
    return run


def test_a_killed_and_a_terminated_run_end_in_the_bits_of_an_unbroken_one(command):
    whole, broken = command.root / "whole", command.root / "broken"
    done = command("whole")
    assert done.returncode == 0, done.stderr

    # Step 31 is prepared while the checkpoint of step 30 may still be on its way.
    killed = command("broken", "SIGKILL at 31")
    assert killed.returncode == -signal.SIGKILL
    assert steps(broken)[-1] in (20, 30)

    stopped = command("broken", "SIGTERM at 35")
    assert stopped.returncode == 143, stopped.stderr
    assert "resuming SmallScore" in stopped.stderr
    line = stopped.stderr.splitlines()[-1]
    assert line.startswith("stopped after step 36, saved. To resume: python -m ")
    assert f"--workdir={broken}" in line
    assert steps(broken)[-1] == 36

    done = command("broken")
    assert done.returncode == 0, done.stderr
    for item in ("state", "ema"):
        a, b = saved(whole, item), saved(broken, item)
        assert a.keys() == b.keys()
        assert [n for n in a if a[n].tobytes() != b[n].tobytes()] == []
    assert rows(whole) == rows(broken)
    one, two = (json.loads((f / "summary.json").read_text()) for f in (whole, broken))
    assert one["weights_sha256"] == two["weights_sha256"]
    assert one["validation"] == two["validation"]
    assert (whole / "samples.png").read_bytes() == (broken / "samples.png").read_bytes()
