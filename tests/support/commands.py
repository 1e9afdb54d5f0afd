"""Commands run in this process: what they print and the code they leave with."""

import ast
import importlib
import inspect
import shlex
import sys

import pytest
from absl import flags

from purifax.run import devices

__all__ = ["run"]


def run(capsys, line, **instead):
    """The exit code, stdout and stderr of `python -m experiments.NAME ...`.

    Args:
        instead: names of the module in place of its own, such as `main`.

    What stands under `if __name__ == "__main__"` is run in the imported module, so that
    its flags are declared once; all flags are at their defaults before and after.
    """
    name, *given = shlex.split(line)
    module = importlib.import_module(f"experiments.{name}")
    block = ast.parse(inspect.getsource(module)).body[-1]
    assert isinstance(block, ast.If) and "__main__" in ast.unparse(block.test)
    code = compile(ast.Module(block.body, []), str(module.__file__), "exec")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(module.__file__), *given])
        patch.setattr(devices, "prepare", lambda batch: None)
        _at_defaults()
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            exec(code, vars(module) | instead)
        _at_defaults()
    return left.value.code, *capsys.readouterr()


def _at_defaults():
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    flags.FLAGS.unparse_flags()
