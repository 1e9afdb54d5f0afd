"""Commands run in this process: what they print and the code they exit with."""

import ast
import importlib
import inspect
import shlex
import sys

import pytest
from absl import flags

from purifax import __main__ as program
from purifax.run import devices

__all__ = ["run", "verb"]


def run(capsys, line, **instead):
    """The exit code, stdout and stderr of `python -m experiments.NAME ...`.

    Args:
        instead: names of the module in place of its own, such as `main`.

    What stands under `if __name__ == "__main__"` is run in the imported module, so that
    its flags are declared once; all flags are at their defaults before and after. What
    stands in for `main` counts as a function of the module, as `main` is.
    """
    name, *given = shlex.split(line)
    module = importlib.import_module(f"experiments.{name}")
    block = ast.parse(inspect.getsource(module)).body[-1]
    assert isinstance(block, ast.If) and "__main__" in ast.unparse(block.test)
    code = compile(ast.Module(block.body, []), str(module.__file__), "exec")
    if "main" in instead:
        instead["main"].__module__ = module.__name__
    words = [str(module.__file__), *given]
    return _ended(capsys, words, lambda: exec(code, vars(module) | instead))


def verb(capsys, line):
    """The exit code, stdout and stderr of `purifax VERB ...`."""
    return _ended(capsys, ["purifax", *shlex.split(line)], program.main)


def _ended(capsys, words, call):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(devices, "prepare", lambda batch: None)
        _at_defaults()
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            call()
        _at_defaults()
    return left.value.code, *capsys.readouterr()


def _at_defaults():
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    flags.FLAGS.unparse_flags()
