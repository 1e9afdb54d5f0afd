"""A disk that is full, or a limit on files, ends a training in one line."""

import os
import resource
import subprocess
import sys

SMALL = 8 * 1024
"""Bytes that a file may have; a checkpoint's arrays have more."""


def _limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))


def test_a_checkpoint_that_cannot_be_written_is_one_line(tmp_path):
    words = [sys.executable, "-m", "experiments.train", "--config=digits_classifier"]
    words += [f"--workdir={tmp_path}/w", "--config.train.steps=2"]
    known = os.environ | {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    done = subprocess.run(
        words, preexec_fn=_limited, capture_output=True, text=True, env=known
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and "Event loop" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and str(tmp_path) in last
