"""The command `purifax`, which is also `python -m purifax`: one verb a module.

purifax VERB --flag=VALUE ...
"""

import contextlib
import importlib
import os
import pathlib
import sys

from purifax.command import ending
from purifax.recipe.spelling import nearest
from purifax.run.errors import UsageError
from purifax.run.trees import summary

__all__ = ["VERBS", "main"]

VERBS = ("info", "purify", "evaluate", "convert")


def usage() -> str:
    """The verbs, with the first line of each one's docstring."""
    folder = pathlib.Path(__file__).parent / "command"
    rows = [f"  {verb:9} {summary(folder / f'{verb}.py')}" for verb in VERBS]
    head = ["usage: purifax VERB --flag=VALUE ...", "", *rows, ""]
    return "\n".join([*head, "purifax VERB --help says more of a verb."])


def main() -> None:
    """Run the verb that is the first word; without one, `info`."""
    ending.killable()
    if code := ending.ended(_verb):
        sys.exit(code)


def _verb() -> int:
    program, *words = sys.argv
    verb = words[0] if words else "info"
    if verb in ("--help", "-h", "help"):
        print(usage())
        return 0
    if verb not in VERBS:
        raise UsageError(f"{verb!r} is no verb{nearest(verb, VERBS)}")
    if wrong := ending.environment():
        if verb != "info":
            raise UsageError(wrong)
        print(f"problem  jax: {wrong}")
        return 0
    start = "python -m purifax" if program.endswith("__main__.py") else "purifax"
    sys.argv = [f"{start} {verb}", *words[1:]]
    with contextlib.suppress(FileNotFoundError):  # the folder was removed
        here = os.getcwd()
        if here not in map(os.path.abspath, sys.path):
            sys.path.append(here)  # for `mypackage.module:name`, as `python -m` does
    importlib.import_module(f"purifax.command.{verb}").run()
    return 0


if __name__ == "__main__":
    main()
