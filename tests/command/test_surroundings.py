"""Users without a home, outputs that are closed, and locales without letters."""

import os
import subprocess
import sys

import pytest

NOBODY = """
import os, pwd, runpy, sys
def unknown(*number):
    raise KeyError("getpwuid(): uid not found: 12345")
pwd.getpwuid = unknown
for name in ("HOME", "LOGNAME", "USER", "XDG_CACHE_HOME", "PURIFAX_DATA_DIR"):
    os.environ.pop(name, None)
sys.argv = ["purifax", *sys.argv[1:]]
runpy.run_module("purifax", run_name="__main__", alter_sys=True)
"""


def command(*words, shell="", folder=None, **environment):
    """A finished `python -m purifax ...`, in a shell line if one is given."""
    env = os.environ | {"JAX_PLATFORMS": "cpu"} | environment
    given = [sys.executable, "-m", "purifax", *words]
    if shell:
        given = ["bash", "-c", shell.format(purifax=" ".join(given))]
    return subprocess.run(given, capture_output=True, text=True, env=env, cwd=folder)


def test_a_user_without_a_home_or_a_name_is_told_where_things_are(tmp_path):
    given = [sys.executable, "-c", NOBODY]
    env = os.environ | {"JAX_PLATFORMS": "cpu", "TMPDIR": str(tmp_path)}
    done = subprocess.run(given, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "problem" not in done.stdout and f"{tmp_path}/purifax-" in done.stdout


@pytest.mark.parametrize(
    ("shell", "code", "says"),
    [
        ("{purifax} >/dev/full", 1, "Free some space"),
        ("{purifax} >&-", 0, ""),
        ("{purifax} | head -0; exit ${{PIPESTATUS[0]}}", 141, ""),
    ],
)
def test_an_output_that_takes_nothing_is_a_code_and_no_traceback(shell, code, says):
    done = command(shell=shell)
    assert done.returncode == code
    assert says in done.stderr and done.stderr.count("\n") == bool(says)


def test_a_device_that_is_not_there_is_a_line_and_no_failure():
    done = command(JAX_PLATFORMS="cuda")
    assert (done.returncode, done.stderr) == (0, "")
    last = done.stdout.splitlines()[-1]
    assert last.startswith("problem  devices: jax finds no device for JAX_PLATFORMS=")


def test_letters_that_a_terminal_lacks_stop_nothing():
    ascii_only = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = command("evaluate", "--list", **ascii_only)
    assert (done.returncode, done.stderr) == (0, "")
